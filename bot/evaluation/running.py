"""Load a folder of documents and questions into a scratch store, ask every question, and measure what comes."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.bootstrap import Parts, open_parts
from bot.domain import Answer, Outcome, Question
from bot.evaluation.measures import Measure, average_precision, hit_at, mean, ndcg_at
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
class QuestionResult:
    """What came of one question; written to `--out` as it is, so that anyone can score it anew."""

    id: str
    ranking: Sequence[str]
    scores: Sequence[float]
    confidence: float
    outcome: str | None = None
    text: str | None = None
    citations: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measures by group (`all`, then each language), and what they were taken from."""

    questions: int
    documents: int
    retrieval: Mapping[str, Mapping[str, Measure]]
    answers: Mapping[str, Measure] | None
    results: Sequence[QuestionResult] = field(repr=False, default=())

    def summary(self) -> dict[str, Any]:
        """All but the single questions, as plain data."""
        whole = asdict(replace(self, results=()))
        return {name: value for name, value in whole.items() if name != "results"}


@dataclass(frozen=True, slots=True)
class _Query:
    id: str
    text: str
    language: str
    company: str
    grades: Mapping[str, float]
    """Of the relevant documents that are loaded; none means the question can't be answered."""


async def evaluate(
    settings: Settings,
    folder: Path,
    *,
    corpus: Path | None = None,
    queries: Path | None = None,
    limit: int | None = None,
    answers: bool = False,
    out: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Evaluation:
    """Measure on `folder`'s `corpus.jsonl` and `queries.jsonl`, or on the files given.

    Documents that carry a `sub` are a company each: a question searches those of its own `sub` only. A question whose
    relevant documents are none of them loaded can't be answered; it counts for the answers, not for retrieval.
    Raises `UsageError` for files that aren't there or have the wrong shape.
    """
    if out:
        _check_place(out)
    if not (folder / "corpus.jsonl").exists() and (folder / "dev" / "corpus.jsonl").exists():
        folder = folder / "dev"  # where the public sets keep the part to tune on
    documents = list(_rows(corpus or folder / "corpus.jsonl", ("id", "text")))
    subs = _parts(documents)
    asked = [_query(row, subs) for row in _rows(queries or folder / "queries.jsonl", ("id", "question"))][:limit]
    with tempfile.TemporaryDirectory(prefix="answerdesk-evaluate-") as scratch:
        local = settings.model_copy(
            update={"data_dir": Path(scratch), "models_dir": settings.models, "storage": StorageSettings()}
        )
        async with open_parts(local) as parts:
            await _load(parts, list(subs.values()), Path(scratch), progress)
            results = await _ask_all(parts, asked, answers, progress)
    if out:
        await asyncio.to_thread(_write, out, results)
    return Evaluation(
        len(asked), len(documents), _retrieval(asked, results), _answers(asked, results) if answers else None, results
    )


def _check_place(out: Path) -> None:
    """Before hours of work, not after."""
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise UsageError(f"{out} can't be written: name a file in a folder that is there.")


def _write(out: Path, results: Sequence[QuestionResult]) -> None:
    lines = (json.dumps(asdict(result), ensure_ascii=False) for result in results)
    out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _rows(path: Path, needed: Sequence[str]) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise UsageError(
            f"There is no {path}. Name a folder with corpus.jsonl and queries.jsonl, or use --corpus and --queries."
        )
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise UsageError(f"{path}, line {number}: not a JSON object.")
            if missing := [name for name in needed if name not in row]:
                raise UsageError(f"{path}, line {number}: {' and '.join(missing)} missing.")
            yield row


@dataclass(frozen=True, slots=True)
class _Part:
    """The documents of one `sub`, and the company that stands for it."""

    company: str
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


def _parts(documents: Sequence[Mapping[str, Any]]) -> dict[str, _Part]:
    found: dict[str, _Part] = {}
    for document in documents:
        part = found.setdefault(str(document.get("sub", "")), _Part(f"evaluation-{len(found)}"))
        part.documents.append(document)
        part.ids.add(str(document["id"]))
    return found


def _query(row: Mapping[str, Any], by_sub: Mapping[str, _Part]) -> _Query:
    part = by_sub.get(str(row.get("sub", "")), _Part("evaluation-of-nothing"))
    try:
        relevant = row.get("relevant") or {}
        grades = relevant if isinstance(relevant, dict) else dict.fromkeys(list(relevant), 1)
        here = {str(document): float(grade) for document, grade in grades.items() if str(document) in part.ids}
    except (TypeError, ValueError):
        raise UsageError(
            f"Question {row['id']}: `relevant` must be a list of ids, or an object of ids and grades."
        ) from None
    return _Query(str(row["id"]), str(row["question"]), str(row.get("lang", "")), part.company, here)


async def _load(parts: Parts, subs: Sequence[_Part], scratch: Path, progress: Progress) -> None:
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


async def _ask_all(parts: Parts, asked: Sequence[_Query], answers: bool, progress: Progress) -> list[QuestionResult]:
    gate = asyncio.Semaphore(ASK_TOGETHER)
    done = 0

    async def ask(query: _Query) -> QuestionResult:
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


def _ranked(query: _Query, found: Found) -> QuestionResult:
    """The documents in the order of their best passages."""
    best: dict[str, float] = {}
    for scored in found.passages:
        best.setdefault(scored.passage.document, round(scored.score, 6))
    return QuestionResult(query.id, list(best)[:RANKING], list(best.values())[:RANKING], round(found.confidence, 6))


async def _answer(parts: Parts, query: _Query) -> Answer:
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


def _retrieval(asked: Sequence[_Query], results: Sequence[QuestionResult]) -> dict[str, dict[str, Measure]]:
    pairs = [(query, result) for query, result in zip(asked, results, strict=True) if query.grades]
    languages = sorted({query.language for query, _ in pairs if query.language})
    groups = {"all": pairs} | {
        language: [pair for pair in pairs if pair[0].language == language]
        for language in languages
        if len(languages) > 1
    }
    return {
        group: {
            "hit@1": mean([hit_at(result.ranking, query.grades, 1) for query, result in members]),
            "hit@5": mean([hit_at(result.ranking, query.grades, 5) for query, result in members]),
            "MAP": mean([average_precision(result.ranking, query.grades) for query, result in members]),
            "nDCG@10": mean([ndcg_at(result.ranking, query.grades, 10) for query, result in members]),
        }
        for group, members in groups.items()
    }


def _answers(asked: Sequence[_Query], results: Sequence[QuestionResult]) -> dict[str, Measure]:
    """Coverage is answered of what can be; false answers, of what can't be; citation precision, relevant of cited."""
    answered = [
        (query, result, result.outcome == Outcome.ANSWERED) for query, result in zip(asked, results, strict=True)
    ]
    cited = [
        float(document in query.grades)
        for query, result, was in answered
        if was and query.grades
        for document in result.citations
    ]
    return {
        "coverage": mean([float(was) for query, _, was in answered if query.grades]),
        "false answers": mean([float(was) for query, _, was in answered if not query.grades]),
        "citation precision": mean(cited),
    }
