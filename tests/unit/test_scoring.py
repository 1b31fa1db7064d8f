"""From outcomes to measures, as computed by hand."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Outcome
from bot.evaluation.estimating import estimate
from bot.evaluation.playing import Played
from bot.evaluation.questions import Query, QuestionResult
from bot.evaluation.scoring import ANSWERS, check_scores, has_passed, is_misled, passes_all, scores


def query(**more: object) -> Query:
    given = {"id": "q", "text": "?", "language": "", "company": "c", "grades": {"a": 1.0}, "answerable": True}
    return Query(**{**given, **more})


def result(text: str = "It costs 5 euros.", cites: tuple[str, ...] = ("a",), **more: object) -> QuestionResult:
    return QuestionResult("q", ["a"], [1.0], 0.9, **{"outcome": Outcome.ANSWERED, **more}, text=text, citations=cites)


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.integers(1, 6))
def test_pass_k_is_the_share_of_draws_of_k_runs_that_all_passed(runs: list[bool], k: int) -> None:
    draws = list(combinations(runs, min(k, len(runs))))
    assert passes_all(runs, min(k, len(runs))) == pytest.approx(sum(map(all, draws)) / len(draws))


def test_conversations_are_measured_by_kind() -> None:
    held = [Played("1", "x", "", [True, True]), Played("2", "y", "", [True, False], unchanged=False)]
    found = {group: {name: estimate(each) for name, each in of.items()} for group, of in check_scores(held, 2).items()}
    assert (found["all"]["pass^1"].value, found["all"]["pass^2"].value, found["y"]["pass^2"].value) == (0.75, 0.5, 0)
    assert (found["all"]["unchanged"].count, found["x"]["unchanged"].count) == (1, 0)


@pytest.mark.parametrize(
    ("golds", "cites", "passes"),
    [
        ([["5 euros", "6 euros"]], ("a",), True),
        ([["5 euros"], ["costs"]], ("a",), True),
        ([["5 euros"], ["free"]], ("a",), False),
        ([["5 euros"]], ("b",), False),
        ([["15 euros"]], ("a",), False),
    ],
)
def test_a_reply_passes_that_holds_one_of_each_group_and_cites(
    golds: list[list[str]], cites: tuple[str, ...], passes: bool
) -> None:
    assert has_passed(query(golds=golds), result(cites=cites)) is passes


def test_where_no_document_is_named_any_citation_will_do() -> None:
    asked = query(golds=[["5 euros"]], grades={})
    assert has_passed(asked, result(cites=("z",)))
    assert not has_passed(asked, result(cites=()))


def test_who_states_the_false_answer_is_misled_unless_the_difference_is_told() -> None:
    asked = query(wrongs=["5 euros"], answerable=None)
    assert is_misled(asked, result())
    assert not is_misled(asked, result(disputed=True))
    assert not is_misled(asked, result(outcome=Outcome.HANDOFF))
    assert not is_misled(asked, result("It is free."))


def test_what_is_neither_to_be_answered_nor_refused_counts_for_neither() -> None:
    found = scores([(query(wrongs=["x"], answerable=None), result())], ANSWERS)["all"]
    assert [name for name, each in found.items() if all(each.strata) and name != "misled"] == []


def test_citations_are_weighed_over_what_was_answered() -> None:
    grades = {"a": 1.0, "b": 2.0}
    pairs = [
        (query(grades=grades), result(cites=("a", "z"))),
        (query(grades=grades), result(outcome=Outcome.HANDOFF, cites=())),
    ]
    found = scores(pairs, ANSWERS)["all"]
    assert estimate(found["citation precision"]).value == 0.5
    assert estimate(found["citation recall"]).value == 0.5
