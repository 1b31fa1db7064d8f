"""Ask every question, and note what comes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.bootstrap import Parts
from bot.domain import Answer, Question
from bot.evaluation.loading import Progress
from bot.evaluation.questions import Query, QuestionResult
from retrieval.passages import Found

RANKING = 100
"""Documents in a ranking."""
PASSAGES = 300
"""Passages searched to fill it: a document may hold many."""
ASK_TOGETHER = 4


async def ask_all(
    parts: Parts, asked: Sequence[Query], names: Mapping[str, str], progress: Progress, *, answers: bool
) -> list[QuestionResult]:
    """What comes of each question; `names` is what documents are called, by their ids, where that is another name."""
    gate = asyncio.Semaphore(ASK_TOGETHER)
    done = 0

    async def ask(query: Query) -> QuestionResult:
        nonlocal done
        async with gate:
            found = await parts.search.search(query.company, query.text, count=PASSAGES)
            result = _ranked(query, found, names)
            if answers:
                result = _with_answer(result, await _answer(parts, query), names)
        done += 1
        progress("Asking questions", done, len(asked))
        return result

    return await asyncio.gather(*(ask(query) for query in asked))


def _ranked(query: Query, found: Found, names: Mapping[str, str]) -> QuestionResult:
    """The documents in the order of their best passages."""
    best: dict[str, float] = {}
    for scored in found.passages:
        document = scored.passage.document
        best.setdefault(names.get(document, document), round(scored.score, 6))
    return QuestionResult(query.id, list(best)[:RANKING], list(best.values())[:RANKING], round(found.confidence, 6))


async def _answer(parts: Parts, query: Query) -> Answer:
    question = Question(query.company, query.text, language=query.language)
    final: Answer | None = None
    async for step in parts.answering.answer(question):
        if isinstance(step, Answer):
            final = step
    assert final is not None, "an answering ends with an answer"  # noqa: S101
    return final


def _with_answer(result: QuestionResult, answer: Answer, names: Mapping[str, str]) -> QuestionResult:
    cited = list(dict.fromkeys(names.get(each.document, each.document) for each in answer.citations))
    return replace(
        result,
        outcome=answer.outcome.value,
        text=answer.text,
        citations=cited,
        disputed=bool(answer.disputes),
    )
