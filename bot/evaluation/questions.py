"""The files of an evaluation: documents, questions, and the outcomes of an earlier run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm.errors import UsageError
from retrieval.folders import walk


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
    disputed: bool = False
    """The reply says that the documents contradict each other."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question with what is known of its answer."""

    id: str
    text: str
    language: str
    company: str
    grades: Mapping[str, float]
    """Of the relevant documents that are loaded."""
    answerable: bool | None
    """Whether they answer it: not when there are none, or when the file says that they don't. None where it is
    neither to be answered nor to be refused."""
    golds: Sequence[Sequence[str]] = ()
    """Groups of strings: a right reply holds one of each. Empty where no answer is given."""
    wrongs: Sequence[str] = ()
    """False answers, which a reply must not give."""
    kind: str = ""
    """What is measured apart from other kinds."""


@dataclass(frozen=True, slots=True)
class Part:
    """The documents that are searched together, and the company that stands for them."""

    company: str
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    files: Mapping[str, str] = field(default_factory=dict)
    """Of documents in files of their own: what each is called here, by its path."""
    internal: Sequence[Path] = ()
    """Files for staff only."""
    internal_documents: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the files is asked and loaded."""

    limit: int | None = None
    """The first so many questions."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Documents whose fields have these values."""
    apart_by: str = "sub"
    """The field by which documents and questions belong to companies of their own."""


def read_documents(path: Path, chosen: Selection) -> Mapping[str, Part]:
    """The documents of each company, by its name. A folder holds those of one. Raises `UsageError`."""
    if path.is_dir():
        files = files_below([path])
        return {"": Part("evaluation-0", ids=set(files.values()), files=files)}
    found: dict[str, Part] = {}
    for document in rows(path, ("id", "text")):
        if all(_said(document.get(name)) == value for name, value in chosen.where.items()):
            company = str(document.get(chosen.apart_by, ""))
            part = found.setdefault(company, Part(f"evaluation-{len(found)}"))
            part.documents.append(document)
            part.ids.add(str(document["id"]))
    return found


def files_below(paths: Sequence[Path]) -> Mapping[str, str]:
    """What each file is called, by its path: within its folder, or by its name alone. Raises `UsageError`."""
    found: dict[str, str] = {}
    for path in paths:
        for file in walk([path], ()).files:
            below = path.is_dir() and file.is_relative_to(path.absolute())
            found[str(file)] = file.relative_to(path.absolute()).as_posix() if below else file.name
    return found


def read_queries(path: Path, parts: Mapping[str, Part], chosen: Selection) -> list[Query]:
    """The questions that are to be asked. Raises `UsageError`."""
    return [_query(row, parts, chosen.apart_by) for row in rows(path, ("id", "question"))][: chosen.limit]


def _said(value: object) -> str:
    """As it is written on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


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


def _query(row: Mapping[str, Any], parts: Mapping[str, Part], apart_by: str) -> Query:
    part = parts.get(str(row.get(apart_by, "")), Part("evaluation-of-nothing"))
    try:
        relevant = row.get("relevant") or row.get("documents") or {}
        grades = relevant if isinstance(relevant, dict) else dict.fromkeys(list(relevant), 1)
        here = {str(document): float(grade) for document, grade in grades.items() if str(document) in part.ids}
    except (TypeError, ValueError):
        raise UsageError(
            f"Question {row['id']}: `relevant` must be a list of ids, or an object of ids and grades."
        ) from None
    golds = [*alternatives(row, "gold_answer"), *_groups(row, "answer_contains", row.get("answer_contains") or [])]
    answerable = bool(here) or bool(golds and not grades)
    return Query(
        id=str(row["id"]),
        text=str(row["question"]),
        language=str(row.get("lang", "")),
        company=part.company,
        grades=here,
        answerable=answerable and row.get("answerable") is not False and not row.get("unanswerable"),
        golds=golds,
        wrongs=[each for group in alternatives(row, "wrong_answer") for each in group],
        kind=str(row.get("kind", "")),
    )


def alternatives(row: Mapping[str, Any], name: str) -> list[list[str]]:
    """Groups of strings; a list of nothing but strings is one group. Raises `UsageError` for anything else."""
    given = row.get(name) or []
    one = isinstance(given, list) and given and all(isinstance(each, str) for each in given)
    return _groups(row, name, [given] if one else given)


def _groups(row: Mapping[str, Any], name: str, given: object) -> list[list[str]]:
    """A string by itself is a group."""
    groups: list[Any] = (
        [[each] if isinstance(each, str) else each for each in given] if isinstance(given, list) else [0]
    )
    if not all(isinstance(group, list) for group in groups):
        raise UsageError(f"Question {row['id']}: `{name}` must be a list of strings, or of lists of strings.")
    return [[str(each) for each in group] for group in groups]
