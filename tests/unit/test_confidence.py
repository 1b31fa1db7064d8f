from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import confidence as module
from retrieval.asking import Asked
from retrieval.confidence import COMPETITION, MOST_MARGIN, confidence, margin
from retrieval.crossing import Bridge, unit
from retrieval.passages import Location, Passage, Scored, Signals

USUAL, TOPIC, ASKED = np.eye(3, dtype=np.float32)
"""Directions: of what any company is asked, of what this one is about, and of what is asked."""
QUESTION = unit(USUAL + TOPIC + ASKED)


class _Usual:
    """An embedding model that hears the same in all that any company is asked."""

    name, dimensions = "usual", 3

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return np.tile(USUAL, (len(texts), 1))

    embed_passages = embed_queries

    def count_tokens(self, text: str) -> int:
        return len(text)


def scored(
    score: float,
    document: str = "a",
    question: str = "",
    language: str = "en",
    heading: str = "",
    vector: np.ndarray = QUESTION,
) -> Scored:
    passage = Passage(f"{document}#0", document, 0, "", "x", question, Location(heading=heading), language)
    return Scored(passage, score, score, 0.0, vector)


def signals_of(ranked: Sequence[Scored], language: str, known: float = 1.0) -> Signals:
    return module.signals_of(ranked, Asked(["?"], QUESTION[None], language, known), Bridge(_Usual()))


def among(rivals: int) -> float:
    """What a lead over so many passages counts."""
    return rivals / (rivals + COMPETITION)


def test_nothing_found_is_no_confidence() -> None:
    assert confidence(signals_of([], "en")) == 0.0


def test_the_margin_is_the_lead_over_the_second() -> None:
    assert margin([scored(0.9), scored(0.85, "b")]) == pytest.approx(0.05 * among(1))


def test_what_stands_alone_in_its_language_has_rivals_in_others() -> None:
    assert margin([scored(0.9, language="de"), scored(0.89, "b")]) == pytest.approx(0.01 * among(1))


def test_without_a_rival_there_is_no_margin() -> None:
    assert margin([scored(0.9)]) == 0


def test_a_lead_is_not_counted_beyond_the_most() -> None:
    assert margin([scored(0.9), scored(0.1, "b")]) == pytest.approx(MOST_MARGIN * among(1))


def test_another_part_of_the_same_text_is_no_rival() -> None:
    ranked = [scored(0.9, heading="Delivery"), scored(0.89, heading="Prices"), scored(0.8, "b")]
    assert margin(ranked) == pytest.approx(0.1 * among(1))


def test_another_entry_of_the_same_file_is_a_rival() -> None:
    ranked = [scored(0.9, question="How much?"), scored(0.89, question="How long?")]
    assert margin(ranked) == pytest.approx(0.01 * among(1))


def test_a_translation_is_no_rival() -> None:
    ranked = [scored(0.9, question="How much?"), scored(0.89, "b", "Wie viel?", "de"), scored(0.8, "c", "When?")]
    assert margin(ranked) == pytest.approx(0.1 * among(1))


def test_another_answer_to_the_same_question_is_no_rival() -> None:
    ranked = [scored(0.9, question="How much?"), scored(0.9, "b", "How much?"), scored(0.8, "c", "When?")]
    assert margin(ranked) == pytest.approx(0.1 * among(1))


def test_the_same_lead_counts_more_among_more_passages() -> None:
    few = [scored(0.9), scored(0.85, "b")]
    many = [*few, *(scored(0.8, f"c{number}") for number in range(50))]
    assert margin(many) > 1.5 * margin(few)


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
    beyond=st.floats(-1, 1),
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


def test_what_all_passages_have_in_common_with_the_question_sets_none_apart() -> None:
    on_topic = [scored(0.8, f"c{number}", vector=unit(USUAL + TOPIC)) for number in range(20)]
    apart = signals_of([scored(0.9), *on_topic], "en")
    like_all = signals_of([scored(0.9, vector=unit(USUAL + TOPIC)), *on_topic], "en")
    assert like_all.beyond < 0.1 < apart.beyond


def test_what_any_company_is_asked_sets_no_passage_apart() -> None:
    apart, usual = signals_of([scored(0.9)], "en"), signals_of([scored(0.9, vector=USUAL)], "en")
    assert usual.beyond == pytest.approx(0, abs=1e-6)
    assert confidence(usual) < confidence(apart)


def test_translations_are_not_taken_for_what_surrounds_a_passage() -> None:
    other = scored(0.8, "c", vector=unit(USUAL + TOPIC))
    translation = scored(0.89, "b", language="de")
    assert signals_of([scored(0.9), translation, other], "en").beyond == signals_of([scored(0.9), other], "en").beyond


def test_words_that_no_document_has_make_an_answer_less_likely() -> None:
    ranked = [scored(0.9), scored(0.8, "b")]
    assert confidence(signals_of(ranked, "en", known=0.2)) < confidence(signals_of(ranked, "en", known=1.0))
