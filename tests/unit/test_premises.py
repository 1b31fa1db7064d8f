"""Questions that take for granted what the documents have otherwise."""

import pytest

from bot.answers.premises import false_premise
from retrieval.passages import Passage


def entry(question: str, text: str, language: str = "en") -> Passage:
    return Passage("faq#0", "faq", 0, "FAQ", text, question, language=language)


WARRANTY = entry("How long is the warranty?", "The warranty is 2 years on the whole bike and 5 years on the frame.")
GARANTIE = entry("Wie lange gilt die Garantie?", "Die Garantie gilt 2 Jahre auf das ganze Rad.", "de")
ZH = entry("质保多久？", "整车质保2年。", "zh")


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("Since the warranty is 10 years, is the battery covered?", WARRANTY),
        ("Why is the warranty only 6 months?", WARRANTY),
        ("The warranty is 10 years. Does it cover the battery?", WARRANTY),
        ("I read that your warranty lasts ten years, right?", WARRANTY),
        ("Da die Garantie 10 Jahre gilt: ist der Akku dabei?", GARANTIE),
        ("既然质保10年，电池也包括吗？", ZH),
    ],
)
def test_a_value_that_the_passage_has_otherwise_is_corrected(question, passage):
    correction = false_premise(question, [passage])
    assert correction is not None
    assert correction.stated in passage.text


@pytest.mark.parametrize(
    "question",
    [
        "Is the warranty 10 years?",
        "Since the warranty is 2 years, is the battery covered?",
        "Since I weigh 90 kg, which bike fits?",
        "How long is the warranty?",
        "Since delivery takes 10 days, can I pick it up?",
    ],
)
def test_what_is_asked_or_right_or_about_something_else_is_not(question):
    assert false_premise(question, [WARRANTY]) is None


def test_a_value_that_another_passage_states_is_not_corrected():
    other = entry("How long is the warranty on frames?", "The frame has a warranty of 10 years.")
    assert false_premise("Since the warranty is 10 years, is the battery covered?", [WARRANTY, other]) is None


def test_the_correction_is_made_by_a_text_with_the_right_value():
    correction = false_premise("Since the warranty is 10 years, is the battery covered?", [WARRANTY])
    assert correction.is_made_by("The warranty lasts two years.")
    assert not correction.is_made_by("The battery is covered by the warranty.")
