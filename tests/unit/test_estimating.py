import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evaluation.estimating import compare, estimate, plain, rightly_decided, separation
from bot.evaluation.measures import holds

shares = st.lists(st.floats(0, 1), min_size=1, max_size=20)


class TestSeparation:
    @pytest.mark.parametrize(
        ("answerable", "unanswerable", "area"),
        [([0.9, 0.8], [0.1], 1.0), ([0.1], [0.9], 0.0), ([0.5], [0.5], 0.5), ([0.9, 0.2], [0.5], 0.5)],
    )
    def test_is_the_share_of_pairs_in_the_right_order(
        self, answerable: list[float], unanswerable: list[float], area: float
    ) -> None:
        assert estimate(separation(answerable, unanswerable)).value == area

    def test_needs_both_kinds_of_questions(self) -> None:
        assert math.isnan(estimate(separation([0.5], [])).value)

    @given(shares, shares)
    def test_has_an_interval_around_it_within_its_bounds(self, upper: list[float], lower: list[float]) -> None:
        measure = estimate(separation(upper, lower))
        assert -1e-9 <= measure.low <= measure.high <= 1 + 1e-9
        assert measure.count == len(upper) + len(lower)


@given(st.lists(st.booleans(), min_size=1), st.lists(st.booleans(), min_size=1))
def test_answer_or_hand_over_is_the_mean_of_coverage_and_right_refusals(
    answerable: list[bool], others: list[bool]
) -> None:
    coverage, false_answers = sum(answerable) / len(answerable), sum(others) / len(others)
    value = estimate(rightly_decided(answerable, others)).value
    assert value == pytest.approx((coverage + 1 - false_answers) / 2)


class TestComparing:
    def test_the_same_values_is_certain_of_no_difference(self) -> None:
        same = plain([0.0, 1.0, 1.0])
        difference = compare(same, same)
        assert (difference.difference, difference.low, difference.high, difference.p) == (0.0, 0.0, 0.0, 1.0)
        assert not difference.is_significant

    def test_finds_what_gets_better_on_most_questions(self) -> None:
        difference = compare(plain([0.0] * 30 + [1.0] * 30), plain([1.0] * 25 + [0.0] * 5 + [1.0] * 30))
        assert difference.is_significant
        assert difference.low > 0

    def test_does_not_take_one_question_for_a_difference(self) -> None:
        assert not compare(plain([0.0] * 50), plain([1.0] + [0.0] * 49)).is_significant

    def test_sees_more_when_the_questions_are_paired(self) -> None:
        """Each question gets a little better: that shows in pairs, and is lost in the spread of the questions."""
        before = np.random.default_rng(5).random(40).tolist()
        later = [value + 0.02 for value in before]
        assert compare(plain(before), plain(later)).is_significant
        assert not compare(plain(before), plain(sorted(later))).is_significant

    def test_rarely_finds_a_difference_between_equals(self) -> None:
        """At 5 %, about 5 of 100 such comparisons may: fewer than 15 do."""
        runs = (np.random.default_rng(1).random((100, 2, 60)) < 0.7).tolist()
        assert sum(compare(plain(first), plain(second)).is_significant for first, second in runs) < 15

    def test_nothing_is_no_number(self) -> None:
        assert math.isnan(compare(plain([]), plain([])).p)

    @given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
    def test_the_other_way_round_is_the_opposite(self, pairs: list[tuple[float, float]]) -> None:
        first, second = (plain(values) for values in zip(*pairs, strict=True))
        there, back = compare(first, second), compare(second, first)
        assert there.difference == pytest.approx(-back.difference)
        assert there.p == pytest.approx(back.p)


class TestAGoldAnswer:
    @pytest.mark.parametrize(
        ("text", "gold"),
        [
            ("It gave up 308 points. [1]", "308"),
            ("The answer is SANTA  clara.", "Santa Clara"),
            ("共有３０８分。[1]", "308"),
            ("超级碗在圣克拉拉举行。", "圣克拉拉"),
            ("Es waren 24,4 %.", "24,4 %"),
            ("12 [1] parcels", "12"),
        ],
    )
    def test_stands_in_a_reply(self, text: str, gold: str) -> None:
        assert holds(text, ["something else", gold])

    @pytest.mark.parametrize(
        ("text", "gold"),
        [("In 1923.", "3"), ("A party.", "art"), ("Fifteen. [1]", "1"), ("Nothing.", ""), ("Это партия.", "парт")],
    )
    def test_is_whole_words(self, text: str, gold: str) -> None:
        assert not holds(text, [gold])
