import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import spelling as module
from retrieval.spelling import Vocabulary

WORDS = {
    "en": {"warranty", "battery", "charge", "newborn", "order", "leave"},
    "de": {"garantie"},
    "ru": {"гарантия"},
}
VOCABULARY = Vocabulary(WORDS.items())
KNOWN = {"flattery", "newborns", "warranty", "battery", "garantie", "гарантия", "newborn", "leave", "order"}


def pieces(word: str) -> int:
    """A model's tokens: it knows some words, and spells out the rest."""
    return 1 if word in KNOWN else len(word)


def mend(question: str, language: str = "") -> str:
    return module.mend(question, language, [VOCABULARY], pieces)


@pytest.mark.parametrize(
    ("question", "mended"),
    [
        ("how long is the warrenty", "how long is the warranty"),
        ("waranty on the batery?", "warranty on the battery?"),
        ("Wie lange ist die Garnatie", "Wie lange ist die garantie"),
        ("какая гаранитя", "какая гарантия"),
        ("WARRANTTY", "warranty"),
    ],
)
def test_a_slip_of_the_finger_is_mended(question: str, mended: str) -> None:
    assert mend(question) == mended


def test_a_word_that_the_model_knows_is_none() -> None:
    assert mend("flattery will charge") == "flattery will charge"


def test_a_word_of_the_documents_is_none() -> None:
    assert mend("battery") == "battery"


def test_another_first_letter_is_another_word() -> None:
    assert mend("xattery") == "xattery"


def test_another_ending_is_no_slip() -> None:
    assert mend("newborna") == "newborna"


def test_short_words_are_left_alone() -> None:
    assert mend("tre") == "tre"


def test_between_two_words_none_is_chosen() -> None:
    vocabulary = Vocabulary([("en", {"times", "tyres"})])
    assert module.mend("tires", "en", [vocabulary], lambda word: 1 + (word == "tires")) == "tires"


def test_a_word_of_another_language_is_not_meant() -> None:
    assert mend("leavve", "de") == "leavve"
    assert mend("leavve", "en") == "leave"


def test_in_a_language_that_no_passage_has_any_word_may_be_meant() -> None:
    assert mend("leavve", "nl") == "leave"


def test_another_form_of_a_word_is_no_slip() -> None:
    vocabulary = Vocabulary([("de", {"berechnen"})])
    assert module.mend("berechnet", "de", [vocabulary], lambda word: len(word) + (word == "berechnet")) == "berechnet"


def test_codes_and_numbers_are_left_alone() -> None:
    assert mend("E-07 hb2418 2024") == "E-07 hb2418 2024"


def test_without_documents_nothing_is_mended() -> None:
    assert module.mend("warrenty", "en", [], pieces) == "warrenty"


@given(st.text())
def test_nothing_but_words_changes(text: str) -> None:
    assert module.mend(text, "", [VOCABULARY], lambda _: 1) == text
