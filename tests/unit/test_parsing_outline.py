"""Headings and texts become FAQ entries and prose under heading paths."""

import pytest

from retrieval.parsing.outline import ANSWER_LIMIT, Heading, Item, Text, bare_question, blocks_of, is_question
from retrieval.passages import Entry, Location, Prose


@pytest.mark.parametrize(
    "text",
    [
        "How do I return it?",
        "如何退货？",
        "Как вернуть товар?",
        "¿Cuánto tarda?",
        'What is "it"?!',
        "هل يمكنني الإرجاع؟",
        "Wie? (kurz)?",
    ],
)
def test_a_short_text_with_a_question_mark_at_its_end_is_a_question(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize("text", ["Returns", "Why us? Because.", "?", "x" * 400 + "?"])
def test_other_texts_are_no_questions(text: str) -> None:
    assert not is_question(text)


@pytest.mark.parametrize(
    "text", ["3.1. How much is it?", "12) How much is it?", "Q3: How much is it?", "How much is it?"]
)
def test_the_number_before_a_question_is_no_part_of_it(text: str) -> None:
    assert bare_question(text) == "How much is it?"


def test_a_price_at_the_start_of_a_question_stays() -> None:
    assert bare_question("1000 points: what are they worth?") == "1000 points: what are they worth?"


def test_a_question_heading_with_its_body_is_an_entry() -> None:
    items: list[Item] = [Heading(1, "Returns"), Heading(2, "How long?"), Text("30 days."), Text("Free of charge.")]
    assert blocks_of(items) == [Entry("How long?", "30 days.\n\nFree of charge.", Location("Returns"))]


def test_other_headings_give_prose_its_path() -> None:
    items = [Heading(1, "Returns"), Heading(2, "Refund times"), Text("Five days.")]
    assert blocks_of(items) == [Prose("Five days.", Location("Returns > Refund times"))]


def test_the_title_is_left_out_of_paths() -> None:
    items = [Heading(1, "Shop"), Heading(2, "Refunds"), Text("Five days.")]
    assert blocks_of(items, title="Shop") == [Prose("Five days.", Location("Refunds"))]


def test_subheadings_belong_to_the_answer() -> None:
    items: list[Item] = [
        Heading(2, "How to send it?"),
        Text("Two ways."),
        Heading(3, "By mail"),
        Text("Use the label."),
    ]
    assert blocks_of(items) == [Entry("How to send it?", "Two ways.\n\nBy mail\n\nUse the label.")]


def test_the_question_that_names_the_whole_page_does_not_swallow_it() -> None:
    items = [Heading(1, "How can we help?"), Text("Pick a topic."), Heading(2, "Shipping"), Text("Three days.")]
    assert blocks_of(items) == [
        Entry("How can we help?", "Pick a topic."),
        Prose("Three days.", Location("How can we help? > Shipping")),
    ]


def test_a_chapter_under_a_question_is_prose() -> None:
    items = [Heading(2, "What is it?"), Text("long " * ANSWER_LIMIT)]
    [block] = blocks_of(items)
    assert isinstance(block, Prose)
    assert block.location.heading == "What is it?"


def test_a_question_without_a_body_is_kept_as_text() -> None:
    assert blocks_of([Heading(2, "Is it free?")]) == [Prose("Is it free?")]


def test_paragraphs_of_one_place_are_one_block() -> None:
    assert blocks_of([Text("One.", 1), Text("Two.", 1), Text("Three.", 2)]) == [
        Prose("One.\n\nTwo.", Location(page=1)),
        Prose("Three.", Location(page=2)),
    ]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Q:", "A:"),
        ("Frage:", "Antwort:"),
        ("Вопрос:", "Ответ:"),
        ("问：", "答："),
        ("**Q1:**", "**A1:**"),
        ("Pregunta:", "Respuesta:"),
    ],
)
def test_marked_pairs_are_entries(question: str, answer: str) -> None:
    items = [Text("Before."), Text(f"{question} How long\nis it?"), Text(f"{answer} Three days."), Text("More.")]
    assert blocks_of(items) == [Prose("Before."), Entry("How long is it?", "Three days.\n\nMore.")]


def test_a_heading_ends_a_marked_answer() -> None:
    items: list[Item] = [Text("Q: Is it free?\nA: Yes."), Heading(1, "Contact"), Text("Call us.")]
    assert blocks_of(items) == [Entry("Is it free?", "Yes."), Prose("Call us.", Location("Contact"))]


def test_a_marked_question_without_an_answer_is_text() -> None:
    assert blocks_of([Text("Q: Is it free?\nA: Yes.\nQ: And today?")]) == [
        Entry("Is it free?", "Yes."),
        Prose("Q: And today?".removeprefix("Q: ")),
    ]
