"""Topics that always go to a person."""

import pytest

from bot.handoffs.topics import Topics

TOPICS = Topics(("lawyer", "data protection", "Kündigung", "возврат денег", "律师", "garantía", "résiliation"))


@pytest.mark.parametrize(
    ("message", "topic"),
    [
        ("I will call my lawyers", "lawyer"),
        ("LAWYER!", "lawyer"),
        ("Who is your data-protection officer?", "data protection"),
        ("Ich schicke Ihnen zwei Kündigungen.", "Kündigung"),
        ("kundigung bitte", "Kündigung"),
        ("Я жду возврата денег уже неделю", "возврат денег"),
        ("我要找律师", "律师"),
        ("¿Qué cubren las garantias?", "garantía"),
        ("Mes résiliations", "résiliation"),
    ],
)
def test_a_topic_is_found_in_any_form(message: str, topic: str) -> None:
    assert TOPICS.found_in(message) == topic


@pytest.mark.parametrize(
    "message",
    [
        "Do you sell lawn mowers?",
        "Is there a law against it?",
        "How do I protect the frame?",
        "protection of my data",
        "Wie lang ist die Kündigungsfrist?",
        "деньги",
        "",
    ],
)
def test_parts_of_words_and_single_words_of_a_phrase_are_none(message: str) -> None:
    assert TOPICS.found_in(message) == ""


def test_without_topics_nothing_is_found() -> None:
    assert Topics().found_in("lawyer") == ""
