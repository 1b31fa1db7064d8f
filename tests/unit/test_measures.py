import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evaluation.measures import average_precision, hit_at, mean, ndcg_at

RANKING = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("relevant", "depth", "hit"), [("a", 1, 1.0), ("b", 1, 0.0), ("b", 2, 1.0), ("e", 4, 0.0), ("z", 5, 0.0)]
)
def test_a_hit_is_a_relevant_document_within_the_depth(relevant: str, depth: int, hit: float) -> None:
    assert hit_at(RANKING, {relevant: 1}, depth) == hit


@pytest.mark.parametrize(
    ("relevant", "precision"),
    [
        ("a", 1.0),
        ("c", 1 / 3),
        ("ac", (1 + 2 / 3) / 2),
        ("bde", (1 / 2 + 2 / 4 + 3 / 5) / 3),
        ("az", 1 / 2),
        ("z", 0.0),
    ],
)
def test_average_precision_is_as_computed_by_hand(relevant: str, precision: float) -> None:
    assert average_precision(RANKING, dict.fromkeys(relevant, 1.0)) == pytest.approx(precision)


@pytest.mark.parametrize(
    ("grades", "depth", "gain"),
    [
        ({"a": 1}, 10, 1.0),
        ({"c": 1}, 10, 1 / math.log2(4)),
        ({"a": 1, "c": 1}, 10, (1 + 1 / 2) / (1 + 1 / math.log2(3))),
        ({"b": 2, "a": 1}, 10, (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))),
        ({"e": 1}, 3, 0.0),
        ({"z": 1, "a": 1}, 1, 1.0),
    ],
)
def test_discounted_gain_is_as_computed_by_hand(grades: dict[str, float], depth: int, gain: float) -> None:
    assert ndcg_at(RANKING, grades, depth) == pytest.approx(gain)


def test_a_grade_of_nought_is_not_relevant() -> None:
    grades = {"a": 0.0, "b": 1.0}
    assert (hit_at(RANKING, grades, 1), average_precision(RANKING, grades)) == (0.0, 0.5)


@pytest.mark.parametrize("measure", [average_precision, lambda r, g: ndcg_at(r, g, 10), lambda r, g: hit_at(r, g, 5)])
def test_without_relevant_documents_a_measure_is_nought(measure: object) -> None:
    assert measure(RANKING, {}) == 0.0  # type: ignore[operator]


NAMES = [f"d{number}" for number in range(12)]
rankings = st.permutations(NAMES).flatmap(lambda names: st.integers(0, 12).map(lambda size: names[:size]))
judged = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([0.0, 1.0, 2.0, 3.0]))


@given(rankings, judged, st.integers(1, 15))
def test_measures_lie_between_nought_and_one(ranking: list[str], grades: dict[str, float], depth: int) -> None:
    for value in (hit_at(ranking, grades, depth), average_precision(ranking, grades), ndcg_at(ranking, grades, depth)):
        assert 0 <= value <= 1 + 1e-12


@given(judged.filter(lambda grades: any(grades.values())), st.integers(1, 15))
def test_the_perfect_ranking_gets_one(grades: dict[str, float], depth: int) -> None:
    perfect = sorted(grades, key=lambda name: -grades[name])
    assert hit_at(perfect, grades, depth) == 1
    assert average_precision(perfect, grades) == pytest.approx(1)
    assert ndcg_at(perfect, grades, depth) == pytest.approx(1)


@given(rankings, judged, st.integers(0, 10))
def test_moving_a_relevant_document_up_never_hurts(ranking: list[str], grades: dict[str, float], at: int) -> None:
    if at + 1 >= len(ranking) or grades.get(ranking[at + 1], 0) <= grades.get(ranking[at], 0):
        return
    better = [*ranking[:at], ranking[at + 1], ranking[at], *ranking[at + 2 :]]
    assert average_precision(better, grades) >= average_precision(ranking, grades)
    assert ndcg_at(better, grades, 10) >= ndcg_at(ranking, grades, 10)


class TestAMean:
    def test_lies_within_its_interval(self) -> None:
        measure = mean([0.0, 1.0, 1.0, 0.5])
        assert measure.low <= measure.value == 0.625 <= measure.high

    def test_of_equal_values_is_certain(self) -> None:
        measure = mean([0.25] * 8)
        assert (measure.value, measure.low, measure.high, measure.count) == (0.25, 0.25, 0.25, 8)

    def test_of_one_value_is_that(self) -> None:
        assert mean([1.0]).value == 1.0

    def test_of_nothing_is_no_number(self) -> None:
        measure = mean([])
        assert math.isnan(measure.value)
        assert measure.count == 0

    def test_is_the_same_every_time(self) -> None:
        values = [number % 3 / 2 for number in range(50)]
        assert mean(values) == mean(values)

    def test_of_more_values_is_more_certain(self) -> None:
        few, many = mean([0.0, 1.0] * 10), mean([0.0, 1.0] * 1_000)
        assert many.high - many.low < (few.high - few.low) / 5

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
    def test_has_an_interval_within_the_values(self, values: list[float]) -> None:
        measure = mean(values)
        assert min(values) - 1e-9 <= measure.low <= measure.high <= max(values) + 1e-9
