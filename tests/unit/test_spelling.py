import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.spelling import Vocabulary, mend

WORDS = {"warranty", "battery", "charge", "garantie", "people", "newborn", "trek", "гарантия"}
VOCABULARY = Vocabulary([WORDS, {"battery", "batteries"}])


def pieces(word: str) -> int:
    """A model's tokens: it knows the words of the documents, `flattery` and `gets`, and spells out the rest."""
    return 1 if word in WORDS | {"flattery", "gets", "newborns"} else len(word)


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
    assert mend(question, [VOCABULARY], pieces) == mended


def test_a_word_that_the_model_knows_is_none() -> None:
    assert mend("flattery will charge", [VOCABULARY], pieces) == "flattery will charge"


def test_a_word_of_the_documents_is_none() -> None:
    assert mend("battery", [VOCABULARY], pieces) == "battery"


def test_another_first_letter_is_another_word() -> None:
    assert mend("xattery", [VOCABULARY], pieces) == "xattery"


def test_another_ending_is_no_slip() -> None:
    assert mend("newborna", [VOCABULARY], pieces) == "newborna"


def test_short_words_are_left_alone() -> None:
    assert mend("tre", [VOCABULARY], pieces) == "tre"


def test_of_two_words_the_one_that_more_passages_hold_is_meant() -> None:
    assert mend("ordder", [Vocabulary([{"odder"}, {"order"}, {"order"}])], len) == "order"


def test_codes_and_numbers_are_left_alone() -> None:
    assert mend("E-07 hb2418 2024", [VOCABULARY], pieces) == "E-07 hb2418 2024"


def test_without_documents_nothing_is_mended() -> None:
    assert mend("warrenty", [], pieces) == "warrenty"


@given(st.text())
def test_nothing_but_words_changes(text: str) -> None:
    assert mend(text, [VOCABULARY], lambda _: 1) == text
