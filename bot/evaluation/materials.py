"""What a place holds that can be measured on, told by what is in its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.evaluation.injections import World, is_attacks, read_attacks
from bot.evaluation.questions import Part, Query, Selection, files_below, read_documents, read_queries, rows
from bot.evaluation.robustness import NEEDED, read_robustness
from bot.evaluation.scripts import SUFFIXES, Script, read_conversations
from llm.errors import UsageError


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions, and the documents of the companies that they are asked of."""

    parts: Sequence[Part]
    queries: Sequence[Query]


@dataclass(frozen=True, slots=True)
class Scripts:
    """Conversations, and the documents of the companies that they are held with."""

    parts: Sequence[Part]
    scripts: Sequence[Script]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files are, and what of them is taken."""

    path: Path
    corpus: Path | None = None
    """Documents: a file of JSON lines, or a folder of files of any format."""
    queries: Path | None = None
    chosen: Selection = field(default_factory=Selection)
    company: str = ""
    """Whose conversations are played."""


def read_materials(place: Place) -> Questions | Scripts | World:
    """What is to be measured on. Raises `UsageError` for files that aren't there or have the wrong shape."""
    if place.path.is_file():
        return _of_file(place, place.path)
    folder = place.path
    if not _is_questions(folder) and (folder / "dev").is_dir():
        folder = folder / "dev"  # where the public sets keep the part to tune on
    if _is_questions(folder) or place.corpus or place.queries:
        return _questions(place, place.corpus or folder / "corpus.jsonl", place.queries or folder / "queries.jsonl")
    files = sorted(each for each in folder.glob("*") if each.suffix in SUFFIXES) if folder.is_dir() else []
    robustness = [file for file in files if file.suffix == ".jsonl" and set(NEEDED) <= set(_first(file))]
    if robustness:
        return _robustness(place, robustness)
    if len(files) == 1:
        return _of_file(place, files[0])
    raise UsageError(
        f"{folder} holds nothing to measure on. Name a folder with corpus.jsonl and queries.jsonl, or a file of "
        "questions or of conversations; docs/evaluation.md shows them."
    )


def _is_questions(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("corpus.jsonl", "queries.jsonl"))


def _of_file(place: Place, file: Path) -> Questions | Scripts | World:
    first = _first(file) if file.suffix == ".jsonl" else {}
    if is_attacks(first):
        return read_attacks(file, place.chosen.limit)
    if set(NEEDED) <= set(first):
        return _robustness(place, [file])
    if file.suffix not in SUFFIXES or "question" in first:
        return _questions(place, place.corpus or file.parent / "corpus.jsonl", file)
    return _scripts(place, file)


def _first(file: Path) -> Mapping[str, object]:
    return next(rows(file, ()), {})


def _questions(place: Place, corpus: Path, queries: Path) -> Questions:
    parts = read_documents(corpus, place.chosen)
    return Questions(list(parts.values()), read_queries(queries, parts, place.chosen))


def _robustness(place: Place, files: Sequence[Path]) -> Questions:
    parts, queries = read_robustness(files, place.chosen.limit)
    return Questions(list(parts.values()), queries)


def _scripts(place: Place, file: Path) -> Scripts:
    read = read_conversations(file)
    paths = [place.corpus] if place.corpus else read.documents
    if not paths:
        raise UsageError(
            f"{file} names no `documents` that the conversations are about. Name them there, or by --corpus."
        )
    part = Part(place.company, files=files_below(paths), internal=read.internal)
    scripts = [replace(script, company=place.company) for script in read.scripts][: place.chosen.limit]
    return Scripts([part], scripts)
