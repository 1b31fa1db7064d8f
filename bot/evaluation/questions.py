"""The files of an evaluation: documents, questions, and the outcomes of an earlier run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from llm.errors import UsageError


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
class Query:
    """A question with what is known of its answer."""

    id: str
    text: str
    language: str
    company: str
    grades: Mapping[str, float]
    """Of the relevant documents that are loaded."""
    answerable: bool
    """Whether they answer it: not when there are none, or when the file says that they don't."""
    golds: Sequence[str] = ()
    """Answers of which a right reply holds one; empty where none are given."""


@dataclass(frozen=True, slots=True)
class Part:
    """The documents of one `sub`, and the company that stands for it."""

    company: str
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


def read_documents(path: Path) -> tuple[int, Mapping[str, Part]]:
    """How many documents there are, and those of each `sub`. Raises `UsageError`."""
    found: dict[str, Part] = {}
    count = 0
    for count, document in enumerate(rows(path, ("id", "text")), start=1):  # noqa: B007 - the last one is returned
        part = found.setdefault(str(document.get("sub", "")), Part(f"evaluation-{len(found)}"))
        part.documents.append(document)
        part.ids.add(str(document["id"]))
    return count, found


def read_queries(path: Path, by_sub: Mapping[str, Part], limit: int | None) -> list[Query]:
    """The first `limit` questions. Raises `UsageError`."""
    return [_query(row, by_sub) for row in rows(path, ("id", "question"))][:limit]


def read_results(path: Path) -> Mapping[str, QuestionResult]:
    """What `--out` wrote in an earlier run, by question. Raises `UsageError`."""
    known = [each.name for each in fields(QuestionResult)]
    found = {}
    for row in rows(path, ("id", "ranking", "confidence")):
        if not isinstance(row["ranking"], list) or not isinstance(row["confidence"], (int, float)):
            raise UsageError(f"{path} was not written by `answerdesk evaluate --out`.")
        found[str(row["id"])] = QuestionResult(**{"scores": ()} | {name: row[name] for name in known if name in row})
    return found


def write_results(path: Path, results: Sequence[QuestionResult]) -> None:
    """A line for each question."""
    lines = (json.dumps(asdict(result), ensure_ascii=False) for result in results)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def rows(path: Path, needed: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines. Raises `UsageError` for anything else."""
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


def _query(row: Mapping[str, Any], by_sub: Mapping[str, Part]) -> Query:
    part = by_sub.get(str(row.get("sub", "")), Part("evaluation-of-nothing"))
    try:
        relevant = row.get("relevant") or {}
        grades = relevant if isinstance(relevant, dict) else dict.fromkeys(list(relevant), 1)
        here = {str(document): float(grade) for document, grade in grades.items() if str(document) in part.ids}
    except (TypeError, ValueError):
        raise UsageError(
            f"Question {row['id']}: `relevant` must be a list of ids, or an object of ids and grades."
        ) from None
    golds = row.get("gold_answer") or []
    if not isinstance(golds, list):
        raise UsageError(f"Question {row['id']}: `gold_answer` must be a list of strings.")
    answerable = bool(here) and row.get("answerable") is not False
    language = str(row.get("lang", ""))
    return Query(str(row["id"]), str(row["question"]), language, part.company, here, answerable, [*map(str, golds)])
