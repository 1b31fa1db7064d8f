from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import confidence as module
from retrieval.asking import Asked
from retrieval.confidence import COMPETITION, MOST_MARGIN, confidence
from retrieval.passages import Location, Passage, Scored, Signals


def scored(
    score: float, document: str = "a", question: str = "", language: str = "en", heading: str = "", text: str = "x"
) -> Scored:
    passage = Passage(f"{document}#0", document, 0, "", text, question, Location(heading=heading), language)
    return Scored(passage, score, score, 0.0)


def signals_of(ranked: Sequence[Scored], language: str, known: float = 1.0) -> Signals:
    return module.signals_of(ranked, Asked(["?"], np.ones((1, 1), np.float32), language, known))


def among(passages: int) -> float:
    """What a lead over so many passages counts."""
    return passages / (passages + COMPETITION)


def test_nothing_found_is_no_confidence() -> None:
    assert confidence(signals_of([], "en")) == 0.0


def test_the_margin_is_the_lead_over_the_second() -> None:
    assert signals_of([scored(0.9), scored(0.85, "b")], "en").margin == pytest.approx(0.05 * among(2))


def test_what_stands_alone_in_its_language_has_rivals_in_others() -> None:
    assert signals_of([scored(0.9, language="de"), scored(0.89, "b")], "en").margin < 0.01


def test_without_a_rival_the_margin_is_full() -> None:
    assert signals_of([scored(0.9)], "en").margin == pytest.approx(MOST_MARGIN * among(1))


def test_another_part_of_the_same_text_is_no_rival() -> None:
    ranked = [scored(0.9, heading="Delivery"), scored(0.89, heading="Prices"), scored(0.8, "b")]
    assert signals_of(ranked, "en").margin == pytest.approx(0.1 * among(3))


def test_another_entry_of_the_same_file_is_a_rival() -> None:
    ranked = [scored(0.9, question="How much?"), scored(0.89, question="How long?")]
    assert signals_of(ranked, "en").margin == pytest.approx(0.01 * among(2))


def test_a_translation_is_no_rival() -> None:
    ranked = [scored(0.9, question="How much?"), scored(0.89, "b", "Wie viel?", "de"), scored(0.8, "c", "When?")]
    assert signals_of(ranked, "en").margin == pytest.approx(0.1 * among(3))


def test_another_answer_to_the_same_question_is_no_rival() -> None:
    ranked = [scored(0.9, question="How much?"), scored(0.9, "b", "How much?"), scored(0.8, "c", "When?")]
    assert signals_of(ranked, "en").margin == pytest.approx(0.1 * among(3))


def test_the_same_lead_counts_more_among_more_passages() -> None:
    few = [scored(0.9), scored(0.85, "b")]
    many = [*few, *(scored(0.8, f"c{number}") for number in range(50))]
    assert signals_of(many, "en").margin > 1.5 * signals_of(few, "en").margin


def test_a_passage_in_another_language_than_the_question_is_translated() -> None:
    assert signals_of([scored(0.9, language="en")], "zh").translated


@pytest.mark.parametrize(("language", "asked"), [("en", "en"), ("", "zh"), ("en", "")])
def test_a_language_that_agrees_or_is_unknown_is_not_translated(language: str, asked: str) -> None:
    assert not signals_of([scored(0.9, language=language)], asked).translated


any_signals = st.builds(
    Signals,
    cosine=st.floats(-1, 1),
    margin=st.floats(0, 2),
    translated=st.booleans(),
    around=st.floats(-1, 1),
    known=st.floats(0, 1),
)


@given(any_signals)
def test_it_is_a_probability(signals: Signals) -> None:
    assert 0 <= confidence(signals) <= 1


@given(any_signals, st.floats(0, 0.5))
def test_a_nearer_passage_is_never_less_likely(signals: Signals, nearer: float) -> None:
    cosine = min(max(signals.cosine, 0.01), 1 - nearer)
    before = replace(signals, cosine=cosine)
    after = replace(signals, cosine=cosine + nearer)
    assert confidence(after) >= confidence(before)


@given(any_signals, st.floats(0, 0.5))
def test_a_larger_lead_is_never_less_likely(signals: Signals, more: float) -> None:
    after = replace(signals, margin=signals.margin + more)
    assert confidence(after) >= confidence(signals)


def test_what_stands_out_less_from_its_surroundings_is_less_likely() -> None:
    alone = [scored(0.9), *(scored(0.8, f"c{number}") for number in range(50))]
    crowded = [scored(0.9), *(scored(0.8 if not number else 0.79 + 0.005, f"c{number}") for number in range(50))]
    crowded[2:] = [replace(each, cosine=0.88) for each in crowded[2:]]
    assert confidence(signals_of(crowded, "en")) < confidence(signals_of(alone, "en"))


def test_among_a_handful_the_surroundings_count_little() -> None:
    assert signals_of([scored(0.9)], "en").around == pytest.approx((0.9 + 5 * 0.84) / 6)


def test_words_that_no_document_has_make_an_answer_less_likely() -> None:
    ranked = [scored(0.9), scored(0.8, "b")]
    assert confidence(signals_of(ranked, "en", known=0.2)) < confidence(signals_of(ranked, "en", known=1.0))
