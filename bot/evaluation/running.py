"""Load a folder of documents and questions into a scratch store, ask every question, and measure what comes."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.bootstrap import Parts, open_parts
from bot.domain import Answer, Question
from bot.evaluation.estimating import Difference, Measure, compare, estimate
from bot.evaluation.questions import (
    Part,
    Query,
    QuestionResult,
    read_documents,
    read_queries,
    read_results,
    write_results,
)
from bot.evaluation.scoring import ANSWERS, CONFIDENCE, RETRIEVAL, Pair, Scores, scores
from bot.settings import Settings, StorageSettings
from llm.errors import AnswerdeskError, UsageError
from retrieval.ingest import Status
from retrieval.passages import Audience, Found

RANKING = 100
"""Documents in a ranking."""
PASSAGES = 300
"""Passages searched to fill it: a document may hold many."""
ASK_TOGETHER = 4

Progress = Callable[[str, int, int], None]
"""Told the step, what is done of it, and how much it is in all."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measures by group (`all`, then each language), and what they were taken from."""

    questions: int
    documents: int
    retrieval: Mapping[str, Mapping[str, Measure]]
    confidence: Mapping[str, Mapping[str, Measure]]
    answers: Mapping[str, Measure] | None
    answers_by_language: Mapping[str, Mapping[str, Measure]] | None
    comparison: Mapping[str, Mapping[str, Difference]] | None = None
    """With an earlier run, on the questions that both asked."""
    pairs: Sequence[Pair] = field(repr=False, default=())

    @property
    def results(self) -> Sequence[QuestionResult]:
        """What came of each question."""
        return [result for _, result in self.pairs]

    def summary(self) -> dict[str, Any]:
        """All but the single questions, as plain data."""
        whole = asdict(replace(self, pairs=()))
        return {name: value for name, value in whole.items() if name != "pairs"}

    def measure(self, name: str, group: str = "all") -> Measure | None:
        """One measure; None if it was not taken."""
        answers = (self.answers if group == "all" else (self.answers_by_language or {}).get(group)) or {}
        taken = {**self.retrieval.get(group, {}), **self.confidence.get(group, {}), **answers}
        return taken.get(name)


async def evaluate(
    settings: Settings,
    folder: Path,
    *,
    corpus: Path | None = None,
    queries: Path | None = None,
    limit: int | None = None,
    answers: bool = False,
    out: Path | None = None,
    earlier: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Evaluation:
    """Measure on `folder`'s `corpus.jsonl` and `queries.jsonl`, or on the files given.

    Documents that carry a `sub` are a company each: a question searches those of its own `sub` only. A question whose
    relevant documents are none of them loaded can't be answered; it counts for the answers, not for retrieval.
    `earlier` is what `out` was in another run, to compare with.
    Raises `UsageError` for files that aren't there or have the wrong shape.
    """
    if out:
        check_place(out)
    before = read_results(earlier) if earlier else None
    if not (folder / "corpus.jsonl").exists() and (folder / "dev" / "corpus.jsonl").exists():
        folder = folder / "dev"  # where the public sets keep the part to tune on
    documents, subs = read_documents(corpus or folder / "corpus.jsonl")
    asked = read_queries(queries or folder / "queries.jsonl", subs, limit)
    with tempfile.TemporaryDirectory(prefix="answerdesk-evaluate-") as scratch:
        local = settings.model_copy(
            update={"data_dir": Path(scratch), "models_dir": settings.models, "storage": StorageSettings()}
        )
        async with open_parts(local) as parts:
            await _load(parts, list(subs.values()), Path(scratch), progress)
            results = await _ask_all(parts, asked, answers, progress)
    if out:
        await asyncio.to_thread(write_results, out, results)
    pairs = list(zip(asked, results, strict=True))
    return await asyncio.to_thread(_measured, documents, pairs, before, answers=answers)


def _measured(
    documents: int, pairs: Sequence[Pair], earlier: Mapping[str, QuestionResult] | None, *, answers: bool
) -> Evaluation:
    answered = _estimates(scores(pairs, ANSWERS)) if answers else None
    return Evaluation(
        questions=len(pairs),
        documents=documents,
        retrieval=_estimates(scores(_graded(pairs), RETRIEVAL)),
        confidence=_estimates(scores(pairs, CONFIDENCE)),
        answers=answered["all"] if answered else None,
        answers_by_language={group: each for group, each in answered.items() if group != "all"} if answered else None,
        comparison=_comparison(pairs, earlier, answers=answers) if earlier is not None else None,
        pairs=pairs,
    )


def _graded(pairs: Sequence[Pair]) -> Sequence[Pair]:
    return [pair for pair in pairs if pair[0].grades]


def _estimates(statistics: Scores) -> dict[str, dict[str, Measure]]:
    return {group: {name: estimate(each) for name, each in named.items()} for group, named in statistics.items()}


def _comparison(
    pairs: Sequence[Pair], earlier: Mapping[str, QuestionResult], *, answers: bool
) -> dict[str, dict[str, Difference]]:
    """The questions that both runs asked, scored by what is known of them now."""
    now = [pair for pair in pairs if pair[0].id in earlier]
    if not now:
        raise UsageError("The earlier run asked none of these questions: there is nothing to compare.")
    then = [(query, earlier[query.id]) for query, _ in now]
    answers = answers and all(result.outcome for _, result in then)
    compared: dict[str, dict[str, Difference]] = {}
    for measures in (RETRIEVAL, CONFIDENCE, ANSWERS if answers else {}):
        some = _graded if measures is RETRIEVAL else list
        old, new = scores(some(then), measures), scores(some(now), measures)
        for group, named in new.items():
            found = {name: compare(old[group][name], each) for name, each in named.items()}
            compared[group] = compared.get(group, {}) | found
    return compared


def check_place(out: Path) -> None:
    """Before hours of work, not after, say that a file can't be written. Raises `UsageError`."""
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise UsageError(f"{out} can't be written: name a file in a folder that is there.")


async def _load(parts: Parts, subs: Sequence[Part], scratch: Path, progress: Progress) -> None:
    for done, sub in enumerate(subs, start=1):
        file = scratch / f"{sub.company}.jsonl"
        kept = ("id", "title", "text", "lang")
        lines = (json.dumps({name: row[name] for name in kept if name in row}) for row in sub.documents)
        file.write_text("\n".join(lines), encoding="utf-8")
        async for report in parts.ingestion(sub.company, Audience.PUBLIC).run([file]):
            if report.status is Status.FAILED:
                raise AnswerdeskError(f"Document {report.id} could not be loaded: {report.error}")
        progress("Loading documents", done, len(subs))
    await parts.search.refresh()


async def _ask_all(parts: Parts, asked: Sequence[Query], answers: bool, progress: Progress) -> list[QuestionResult]:
    gate = asyncio.Semaphore(ASK_TOGETHER)
    done = 0

    async def ask(query: Query) -> QuestionResult:
        nonlocal done
        async with gate:
            found = await parts.search.search(query.company, query.text, count=PASSAGES)
            result = _ranked(query, found)
            if answers:
                result = _with_answer(result, await _answer(parts, query))
        done += 1
        progress("Asking questions", done, len(asked))
        return result

    return await asyncio.gather(*(ask(query) for query in asked))


def _ranked(query: Query, found: Found) -> QuestionResult:
    """The documents in the order of their best passages."""
    best: dict[str, float] = {}
    for scored in found.passages:
        best.setdefault(scored.passage.document, round(scored.score, 6))
    return QuestionResult(query.id, list(best)[:RANKING], list(best.values())[:RANKING], round(found.confidence, 6))


async def _answer(parts: Parts, query: Query) -> Answer:
    question = Question(query.company, query.text, language=query.language)
    final: Answer | None = None
    async for step in parts.answering.answer(question):
        if isinstance(step, Answer):
            final = step
    assert final is not None, "an answering ends with an answer"  # noqa: S101
    return final


def _with_answer(result: QuestionResult, answer: Answer) -> QuestionResult:
    cited = list(dict.fromkeys(citation.document for citation in answer.citations))
    return replace(result, outcome=answer.outcome.value, text=answer.text, citations=cited)
