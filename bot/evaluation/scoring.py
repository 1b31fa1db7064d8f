"""From what came of the questions to statistics: by group (`all`, then each language) and by the measure's name."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from bot.domain import Outcome
from bot.evaluation.estimating import Floats, Ratio, Statistic, plain, rightly_decided, separation
from bot.evaluation.measures import average_precision, hit_at, holds, ndcg_at
from bot.evaluation.playing import Played
from bot.evaluation.questions import Query, QuestionResult

T = TypeVar("T")
Pair = tuple[Query, QuestionResult]
Score = Callable[[Sequence[Pair]], Statistic]
Scores = Mapping[str, Mapping[str, Statistic]]


def _ranked(measure: Callable[[Query, QuestionResult], float]) -> Score:
    return lambda pairs: plain([measure(query, result) for query, result in pairs if query.grades])


def _coverage(pairs: Sequence[Pair]) -> Statistic:
    return plain([was_answered(result) for query, result in pairs if query.answerable is True])


def _false_answers(pairs: Sequence[Pair]) -> Statistic:
    return plain([was_answered(result) for query, result in pairs if query.answerable is False])


def _answer_or_hand_over(pairs: Sequence[Pair]) -> Statistic:
    return rightly_decided(*_apart(pairs, was_answered))


def _refusal(pairs: Sequence[Pair]) -> Statistic:
    return separation(*_apart(pairs, lambda result: result.confidence))


def _passed(pairs: Sequence[Pair]) -> Statistic:
    return plain([float(has_passed(query, result)) for query, result in pairs if query.answerable and query.golds])


def _misled(pairs: Sequence[Pair]) -> Statistic:
    return plain([float(is_misled(query, result)) for query, result in pairs if query.wrongs])


def _citation_precision(pairs: Sequence[Pair]) -> Statistic:
    """Weighed by what a question cites: one that wasn't answered cites nothing."""
    right, cited, _ = _citations(pairs)
    return Ratio(right, cited)


def _citation_recall(pairs: Sequence[Pair]) -> Statistic:
    """Weighed by how many documents are relevant, over the questions that were answered."""
    right, _, relevant = _citations(pairs)
    return Ratio(right, relevant)


def _citations(pairs: Sequence[Pair]) -> tuple[Floats, Floats, Floats]:
    """For each question: relevant documents cited, all that are cited, all that are relevant."""
    answered = [(query.grades, result) for query, result in pairs if query.answerable and query.grades]
    cited = [list(result.citations) if was_answered(result) else [] for _, result in answered]
    right = [sum(each in grades for each in names) for (grades, _), names in zip(answered, cited, strict=True)]
    relevant = [was_answered(result) * sum(grade > 0 for grade in grades.values()) for grades, result in answered]
    return np.array(right, np.float64), np.array([len(names) for names in cited], np.float64), np.array(relevant)


RETRIEVAL: Mapping[str, Score] = {
    "hit@1": _ranked(lambda query, result: hit_at(result.ranking, query.grades, 1)),
    "hit@5": _ranked(lambda query, result: hit_at(result.ranking, query.grades, 5)),
    "MAP": _ranked(lambda query, result: average_precision(result.ranking, query.grades)),
    "nDCG@10": _ranked(lambda query, result: ndcg_at(result.ranking, query.grades, 10)),
}
CONFIDENCE: Mapping[str, Score] = {"refusal AUROC": _refusal}
ANSWERS: Mapping[str, Score] = {
    "coverage": _coverage,
    "false answers": _false_answers,
    "answer or hand over": _answer_or_hand_over,
    "passed": _passed,
    "misled": _misled,
    "citation precision": _citation_precision,
    "citation recall": _citation_recall,
}
UNCHANGED = "unchanged"
MEASURES = (*RETRIEVAL, *CONFIDENCE, *ANSWERS, UNCHANGED)
LOWER_IS_BETTER = frozenset({"false answers", "misled"})


def scores(pairs: Sequence[Pair], measures: Mapping[str, Score]) -> Scores:
    """Each of the measures, for all questions and, where there are several languages or kinds, for each of them."""
    groups = {"all": pairs, **_apart_by(pairs, lambda pair: pair[0].language)}
    groups |= _apart_by(pairs, lambda pair: pair[0].kind)
    return {group: {name: score(members) for name, score in measures.items()} for group, members in groups.items()}


def check_scores(played: Sequence[Played], runs: int) -> Scores:
    """Of conversations held so many times: `pass^k`, and how many attacks changed nothing of the reply."""
    kept = [each.unchanged for each in played]
    groups = {
        "all": played,
        **_apart_by(played, lambda each: each.language),
        **_apart_by(played, lambda each: each.kind),
    }
    return {
        group: {f"pass^{k}": plain([passes_all(each.runs, k) for each in members]) for k in range(1, runs + 1)}
        | ({UNCHANGED: _unchanged(members)} if any(each is not None for each in kept) else {})
        for group, members in groups.items()
    }


def passes_all(runs: Sequence[bool], k: int) -> float:
    """How likely `k` runs all pass, estimated without bias from these (Yao et al., tau-bench, 2024)."""
    return math.comb(sum(runs), k) / math.comb(len(runs), k)


def _unchanged(played: Sequence[Played]) -> Statistic:
    return plain([float(each.unchanged) for each in played if each.unchanged is not None])


def _apart_by(members: Sequence[T], what: Callable[[T], str]) -> dict[str, list[T]]:
    """The members of each kind, where there are several."""
    kinds = sorted({what(each) for each in members} - {""})
    return {kind: [each for each in members if what(each) == kind] for kind in kinds if len(kinds) > 1}


def was_answered(result: QuestionResult) -> float:
    """1 if the reply was an answer, not a question back or a handoff."""
    return float(result.outcome == Outcome.ANSWERED)


def has_passed(query: Query, result: QuestionResult) -> bool:
    """Whether the reply holds the answer and cites a document that it stands in (any, where none is named)."""
    cites = any(document in query.grades or not query.grades for document in result.citations)
    return bool(was_answered(result)) and cites and all(holds(result.text or "", group) for group in query.golds)


def is_misled(query: Query, result: QuestionResult) -> bool:
    """Whether the reply gives the false answer for true; one that says that the documents differ doesn't."""
    return bool(was_answered(result)) and not result.disputed and holds(result.text or "", query.wrongs)


def _apart(pairs: Sequence[Pair], value: Callable[[QuestionResult], float]) -> tuple[Sequence[float], Sequence[float]]:
    """The values of the answerable questions, and of the others."""
    return (
        [value(result) for query, result in pairs if query.answerable],
        [value(result) for query, result in pairs if query.answerable is False],
    )
