"""The public retrieval sets that the benchmarks measure on, as documents and questions that are searched together."""

import hashlib
import json
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llm.embeddings import Embedder
from retrieval.chunking import passages_of
from retrieval.parsing import parse_file
from retrieval.passages import Passage

Row = dict[str, Any]
NAMES = (
    "stackfaq",
    "covidfaq",
    "misspelt",
    "multihelp",
    "xquad5",
    "crossing",
    "mixed",
    "tau2bank",
)


@dataclass(frozen=True)
class Part:
    """Documents that are searched together, and what is asked of them."""

    documents: list[Row]
    queries: list[Row]
    relevant: list[set[str]]


def rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def read(data: Path, name: str) -> tuple[list[Row], list[Row]]:
    return rows(data / name / "dev" / "corpus.jsonl"), rows(data / name / "dev" / "queries.jsonl")


def parts(data: Path, name: str, most: int | None = None) -> list[Part]:
    """The parts of a set, with about `most` questions in all, evenly taken from the whole."""
    made = _parts(data, name)
    every = -(-sum(len(part.queries) for part in made) // most) if most else 1
    return [replace(part, queries=part.queries[::every], relevant=part.relevant[::every]) for part in made]


def _parts(data: Path, name: str) -> list[Part]:
    """The parts of a set.

    `misspelt` is stackfaq and covidfaq with typing errors in the questions; `multihelp` goes without titles, which are
    its questions; `crossing` is xquad5 in five languages asked of the English passages; in `mixed`, half of xquad5's
    passages are there in the question's language only, the other half in English only.
    """
    if name == "misspelt":
        return [
            Part(
                part.documents, [query | {"question": misspelt(query["question"])} for query in part.queries], relevant
            )
            for each in ("stackfaq", "covidfaq")
            for part in _parts(data, each)
            for relevant in [part.relevant]
        ]
    if name in {"crossing", "mixed"}:
        return list(_across(*read(data, "xquad5"), mixed=name == "mixed"))
    documents, queries = read(data, name)
    key = "lang" if name == "multihelp" else "sub"
    if name == "multihelp":
        documents = [{field: value for field, value in each.items() if field != "title"} for each in documents]
    groups = sorted({str(each.get(key, "")) for each in documents})
    return [
        _part(
            [each for each in documents if str(each.get(key, "")) == group],
            [each for each in queries if str(each.get(key, "")) == group],
            "relevant",
        )
        for group in groups
    ]


def _across(documents: Sequence[Row], queries: Sequence[Row], *, mixed: bool) -> Iterator[Part]:
    for language in ("de", "es", "ru", "zh"):
        asked = [each for each in queries if each["lang"] == language]
        held = [each for each in documents if each["lang"] == "en" and not (mixed and _own(each))]
        if mixed:
            held += [each for each in documents if each["lang"] == language and _own(each)]
        yield _part(held, asked, "relevant_any_lang")


def _own(document: Row) -> bool:
    return hashlib.sha256(document["par"].encode()).digest()[0] % 2 == 1


def _part(documents: list[Row], queries: list[Row], field: str) -> Part:
    held = {each["id"] for each in documents}
    return Part(documents, queries, [set(each[field]) & held for each in queries])


def misspelt(text: str, share: float = 0.3) -> str:
    """About this share of the words above three letters with one slip; the same text gets the same ones."""
    draw = random.Random(text)  # noqa: S311 - reproducible, not secret

    def slip(found: re.Match[str]) -> str:
        word = found[0]
        if len(word) < 4 or draw.random() > share:
            return word
        at = draw.randrange(1, len(word) - 1)
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        left_out, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
        other = word[:at] + draw.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :]
        return draw.choice((swapped, left_out, doubled, other))

    return re.sub(r"[^\W\d_]+", slip, text)


def passages(documents: Sequence[Row], embedder: Embedder) -> list[Passage]:
    """The documents as the product cuts them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "corpus.jsonl"
        kept = ("id", "title", "text", "lang")
        file.write_text("\n".join(json.dumps({k: doc[k] for k in kept if k in doc}) for doc in documents))
        parsed = parse_file(file)
    return [each for doc in parsed for each in passages_of(doc, str(doc.id), embedder.count_tokens)]
