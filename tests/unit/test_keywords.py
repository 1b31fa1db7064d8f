import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.keywords import KeywordIndex, codes, tokens
from retrieval.passages import Passage

CODES = {
    7: "E-07 Motor too hot\nThe motor is hotter than 110 °C. Pedal without help.",
    9: "E-09 Battery too cold\nTake the battery into a warm room for an hour.",
    12: "Trek 5, spare battery\nArticle HB-2418, 489 euros.",
    20: "电池充电\n充满电大约需要五个半小时。",
    21: "退货\n您可以在收货后三十天内退货。",
}


def index_of(texts: Mapping[int, str], language: str = "") -> KeywordIndex:
    return KeywordIndex(
        {serial: Passage(f"d#{serial}", "d", serial, "", text, language=language) for serial, text in texts.items()}
    )


@pytest.fixture(scope="module")
def index() -> KeywordIndex:
    return index_of(CODES)


def best(index: KeywordIndex, query: str, count: int = 10) -> list[int]:
    return index.best(index.scores(query), count)


def test_words_are_compared_in_lower_case() -> None:
    assert tokens("Motor TOO Hot") == ["motor", "too", "hot"]


def test_a_word_with_a_hyphen_counts_whole_and_in_parts() -> None:
    assert tokens("E-07") == ["e-07", "e", "07"]


def test_full_width_forms_are_the_plain_ones() -> None:
    assert tokens("Ｅ－０７") == tokens("E-07")


@pytest.mark.parametrize("dash", ["‐", "‑", "–", "−"])
def test_any_dash_is_a_hyphen(dash: str) -> None:
    assert tokens(f"E{dash}07") == tokens("E-07")


def test_chinese_becomes_pairs_of_characters() -> None:
    assert tokens("充满电") == ["充满", "满电"]


def test_a_single_chinese_character_stays() -> None:
    assert tokens("退") == ["退"]


def test_a_code_between_chinese_characters_is_a_word() -> None:
    assert tokens("显示E-07怎么办") == ["显示", "e-07", "e", "07", "怎么", "么办"]


def test_thai_keeps_its_tone_marks() -> None:
    assert tokens("กว้าง") == ["กว", "ว้", "้า", "าง"]


def test_punctuation_alone_holds_no_term() -> None:
    assert tokens("?! -- ... _ 。") == []


@pytest.mark.parametrize("text", ["E-07", "e07", "E07", "Error E-07!", "显示E-07怎么办", "E‑07", "(e-07)"])
def test_a_code_is_read_however_it_is_written(text: str) -> None:
    assert codes(text) == {"e07"}


@pytest.mark.parametrize("text", ["2024", "covid", "E-7", "abcdef-123", "e-1234567", "R2D2"])
def test_other_words_are_no_codes(text: str) -> None:
    assert codes(text) == set()


@pytest.mark.parametrize("query", ["E-07", "e07", "what does E07 mean", "屏幕显示E-07", "E‑07"])
def test_a_code_finds_its_passage_first(index: KeywordIndex, query: str) -> None:
    assert best(index, query)[0] == 7


@pytest.mark.parametrize("query", ["hb-2418", "HB2418", "price of hb2418?"])
def test_an_article_number_finds_its_passage(index: KeywordIndex, query: str) -> None:
    assert best(index, query) == [12]


def test_chinese_finds_chinese(index: KeywordIndex) -> None:
    assert best(index, "电池要充多久的电") == [20]


def test_terms_that_no_passage_holds_find_nothing(index: KeywordIndex) -> None:
    assert best(index, "quantum chromodynamics") == []


def test_what_else_is_asked_lowers_the_score(index: KeywordIndex) -> None:
    alone, among_others = index.scores("battery"), index.scores("battery of my neighbour's quantum telescope")
    assert 0 < among_others.max() < alone.max()


def test_a_code_that_many_passages_hold_adds_little() -> None:
    common = index_of(dict(enumerate(["E07 and more"] * 49 + ["E09 and more"])))
    assert common.scores("E-07").max() < 0.1 < common.scores("E-09").max()


def test_no_more_than_asked_for_are_given(index: KeywordIndex) -> None:
    assert len(best(index, "battery motor 退货", count=2)) == 2


def test_a_passage_that_the_index_does_not_hold_scores_nothing(index: KeywordIndex) -> None:
    assert index.score_of(index.scores("motor"), 999) == 0.0


def test_an_empty_index_finds_nothing() -> None:
    assert best(index_of({}), "motor") == []


def test_passages_without_a_term_are_no_trouble() -> None:
    assert best(index_of({1: "...", 2: "!"}), "motor") == []


@given(st.text(), st.lists(st.text(max_size=40), max_size=6))
def test_scores_are_finite_and_never_negative(query: str, texts: list[str]) -> None:
    scores = index_of(dict(enumerate(texts))).scores(query)
    assert scores.shape == (len(texts),)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


@given(st.text(alphabet="ab 电池E-07.'", min_size=1, max_size=30))
def test_a_passage_finds_itself(text: str) -> None:
    index = index_of({5: text, 6: "zzz"})
    assert best(index, text)[:1] == ([5] if tokens(text) else [])


def test_a_word_is_found_in_another_form() -> None:
    index = index_of({1: "Returns are free within 30 days.", 2: "Opening hours"}, "en")
    assert best(index, "returning something", 1) == [1]


def test_russian_words_are_found_in_another_case() -> None:
    index = index_of({1: "Гарантия на велосипед", 2: "Часы работы"}, "ru")
    assert best(index, "сколько длится гарантии", 1) == [1]


def test_a_question_in_a_language_that_no_passage_has_is_read_in_theirs() -> None:
    index = index_of({1: "Returns are free.", 2: "Opening hours"}, "en")
    assert index.scores("returns", "nl").tolist() == index.scores("returns", "en").tolist()


def test_what_the_index_before_knew_is_not_read_again() -> None:
    before = index_of({1: "Returns are free.", 2: "Opening hours"})
    passages = {2: Passage("d#2", "d", 2, "", "Opening hours"), 3: Passage("d#3", "d", 3, "", "Repairs")}
    after = KeywordIndex(passages, before)
    assert after.terms[2] is before.terms[2]
    assert best(after, "repairs") == [3]


def test_a_passage_that_says_something_else_by_now_is_read_anew() -> None:
    before = index_of({1: "Returns are free."})
    after = KeywordIndex({1: Passage("d#1", "d", 1, "", "Repairs")}, before)
    assert best(after, "repairs") == [1]
    assert best(after, "returns") == []


def test_the_index_before_goes_on_as_it_was() -> None:
    before = index_of({1: "Returns are free.", 2: "Opening hours"})
    scores = before.scores("returns in a new way").tolist()
    KeywordIndex({3: Passage("d#3", "d", 3, "", "A new way to repair")}, before)
    assert before.scores("returns in a new way").tolist() == scores


def test_scores_are_those_of_lucene() -> None:
    # Two of three passages, of 2, 4 and 3 terms, have the term; the second one twice.
    index = index_of({1: "bell lamp", 2: "bell bell saddle pump", 3: "chain lock tyre"})
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    spread = [1.2 * (1 - 0.75 + 0.75 * length / 3) for length in (2, 4)]
    expected = [1 / (1 + spread[0]), 2 / (2 + spread[1]), 0]
    assert index.scores("bell").tolist() == pytest.approx(expected)
    both = idf + math.log(1 + (3 - 0 + 0.5) / 0.5)
    assert index.scores("bell unicycle").tolist() == pytest.approx([idf / both * each for each in expected])
