"""From what came of the questions to statistics: by group (`all`, then each language) and by the measure's name."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bot.domain import Outcome
from bot.evaluation.estimating import Ratio, Statistic, plain, rightly_decided, separation
from bot.evaluation.measures import average_precision, hit_at, holds, ndcg_at
from bot.evaluation.questions import Query, QuestionResult

Pair = tuple[Query, QuestionResult]
Score = Callable[[Sequence[Pair]], Statistic]
Scores = Mapping[str, Mapping[str, Statistic]]


def _ranked(measure: Callable[[Query, QuestionResult], float]) -> Score:
    return lambda pairs: plain([measure(query, result) for query, result in pairs if query.grades])


def _coverage(pairs: Sequence[Pair]) -> Statistic:
    return plain([was_answered(result) for query, result in pairs if query.answerable])


def _false_answers(pairs: Sequence[Pair]) -> Statistic:
    return plain([was_answered(result) for query, result in pairs if not query.answerable])


def _answer_or_hand_over(pairs: Sequence[Pair]) -> Statistic:
    return rightly_decided(*_apart(pairs, was_answered))


def _refusal(pairs: Sequence[Pair]) -> Statistic:
    return separation(*_apart(pairs, lambda result: result.confidence))


def _passed(pairs: Sequence[Pair]) -> Statistic:
    return plain([float(has_passed(query, result)) for query, result in pairs if query.answerable and query.golds])


def _citation_precision(pairs: Sequence[Pair]) -> Statistic:
    """Weighed by what a question cites: one that wasn't answered cites nothing."""
    cited = [list(result.citations) if was_answered(result) else [] for query, result in pairs if query.answerable]
    known = [query.grades for query, _ in pairs if query.answerable]
    right = [sum(each in grades for each in names) for names, grades in zip(cited, known, strict=True)]
    return Ratio(np.array(right, dtype=np.float64), np.array([len(names) for names in cited], dtype=np.float64))


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
    "citation precision": _citation_precision,
}
MEASURES = (*RETRIEVAL, *CONFIDENCE, *ANSWERS)
LOWER_IS_BETTER = frozenset({"false answers"})


def scores(pairs: Sequence[Pair], measures: Mapping[str, Score]) -> Scores:
    """Each of the measures, for all questions and, where there are several languages, for each of them."""
    languages = sorted({query.language for query, _ in pairs if query.language})
    groups = {"all": pairs} | {
        language: [pair for pair in pairs if pair[0].language == language]
        for language in languages
        if len(languages) > 1
    }
    return {group: {name: score(members) for name, score in measures.items()} for group, members in groups.items()}


def was_answered(result: QuestionResult) -> float:
    """1 if the reply was an answer, not a question back or a handoff."""
    return float(result.outcome == Outcome.ANSWERED)


def has_passed(query: Query, result: QuestionResult) -> bool:
    """Whether the reply holds a gold answer and cites a document that it stands in."""
    cites = any(document in query.grades for document in result.citations)
    return bool(was_answered(result)) and cites and holds(result.text or "", query.golds)


def _apart(pairs: Sequence[Pair], value: Callable[[QuestionResult], float]) -> tuple[Sequence[float], Sequence[float]]:
    """The values of the answerable questions, and of the others."""
    return (
        [value(result) for query, result in pairs if query.answerable],
        [value(result) for query, result in pairs if not query.answerable],
    )
