"""What each part of the search is worth: rankings with a part switched off, on the public retrieval sets.

    python benchmarks/search.py [--data ../shared/data]

The passages, vectors and keyword scores are the product's own; only their fusion differs from row to row. A document
ranks by its best passage. The table and benchmarks/results/search.json hold means with 95 % intervals.
"""

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bot.evaluation.measures import Measure, average_precision, hit_at, mean
from llm.embeddings import Embedder, load_embedder
from llm.settings import EmbeddingSettings
from retrieval.chunking import passages_of
from retrieval.embedding import ENTRY_HEADING, PROSE_HEADING
from retrieval.keywords import KeywordIndex
from retrieval.parsing import parse_file
from retrieval.passages import Passage
from retrieval.search import KEYWORD_WEIGHT

Floats = NDArray[np.float32]
ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "search.json"


@dataclass(frozen=True)
class Part:
    """Documents that are searched together, and what is asked of them: scores of shape (queries, passages)."""

    documents: NDArray[np.str_]
    relevant: list[set[str]]
    text: Floats
    """Cosine with heading and text."""
    heading: Floats
    """Cosine with the heading read as a question; the text's where there is no heading."""
    weight: Floats
    """The product's weight of the heading, by passage."""
    keyword: Floats
    norm: Callable[[float], Floats]
    """The length of the mixed vector, by passage, when each product weight is multiplied by this."""


def fused(part: Part, heading: float, keyword: float) -> Floats:
    """The product's ranking with the heading's and the keywords' weights multiplied by these."""
    weight = part.weight * heading
    dense = (weight * part.heading + (1 - weight) * part.text) / part.norm(heading)
    return np.asarray(dense + KEYWORD_WEIGHT * keyword * part.keyword)


def by_rank(part: Part) -> Floats:
    """Reciprocal rank fusion (Cormack et al. 2009, k = 60) of dense and keyword search."""

    def share(scores: Floats) -> Floats:
        return np.asarray(1 / (60 + 1 + np.argsort(np.argsort(-scores, axis=1), axis=1)))

    return share(fused(part, 1, 0)) + share(part.keyword)


VARIANTS: dict[str, Callable[[Part], Floats]] = {
    "as shipped": lambda part: fused(part, 1, 1),
    "without keywords": lambda part: fused(part, 1, 0),
    "keywords weigh double": lambda part: fused(part, 1, 2),
    "without headings as questions": lambda part: fused(part, 0, 1),
    "embedding of heading and text alone": lambda part: fused(part, 0, 0),
    "keywords alone (BM25)": lambda part: part.keyword,
    "reciprocal rank fusion": by_rank,
}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def passages(documents: Sequence[dict[str, Any]], embedder: Embedder) -> list[Passage]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "corpus.jsonl"
        kept = ("id", "title", "text", "lang")
        file.write_text("\n".join(json.dumps({k: doc[k] for k in kept if k in doc}) for doc in documents))
        parsed = parse_file(file)
    return [each for doc in parsed for each in passages_of(doc, str(doc.id), embedder.count_tokens)]


def part(documents: Sequence[dict[str, Any]], queries: Sequence[dict[str, Any]], embedder: Embedder) -> Part:
    found = passages(documents, embedder)
    questions = embedder.embed_queries([query["question"] for query in queries])
    text = embedder.embed_passages([f"{each.heading}\n{each.text}" if each.heading else each.text for each in found])
    heading = text.copy()
    headed = [row for row, each in enumerate(found) if each.heading]
    if headed:
        heading[headed] = embedder.embed_queries([found[row].heading for row in headed])
    weight = np.array([ENTRY_HEADING if each.is_entry else PROSE_HEADING for each in found], dtype=np.float32)

    def norm(times: float) -> Floats:
        share = (weight * times)[:, None]
        return np.asarray(np.linalg.norm(share * heading + (1 - share) * text, axis=1))

    index = KeywordIndex(range(len(found)), [f"{each.heading}\n{each.text}" for each in found])
    keyword = np.stack([index.scores(query["question"]) for query in queries])
    names = np.array([each.document for each in found])
    relevant = [set(query["relevant"]) for query in queries]
    return Part(names, relevant, questions @ text.T, questions @ heading.T, weight, keyword, norm)


def ranking(scores: Floats, documents: NDArray[np.str_]) -> list[str]:
    return list(dict.fromkeys(documents[np.argsort(-scores, kind="stable")][:400]))[:100]


def measures(parts: Sequence[Part], variant: Callable[[Part], Floats]) -> dict[str, Measure]:
    ranked = [
        (ranking(scores, each.documents), dict.fromkeys(relevant, 1.0))
        for each in parts
        for scores, relevant in zip(variant(each), each.relevant, strict=True)
    ]
    return {
        "hit@1": mean([hit_at(ranks, grades, 1) for ranks, grades in ranked]),
        "hit@5": mean([hit_at(ranks, grades, 5) for ranks, grades in ranked]),
        "MAP": mean([average_precision(ranks, grades) for ranks, grades in ranked]),
    }


def parts_of(folder: Path, embedder: Embedder) -> list[Part]:
    documents, queries = rows(folder / "corpus.jsonl"), rows(folder / "queries.jsonl")
    subs = sorted({doc.get("sub", "") for doc in documents})
    return [
        part(
            [doc for doc in documents if doc.get("sub", "") == sub],
            [query for query in queries if query.get("sub", "") == sub],
            embedder,
        )
        for sub in subs
    ]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ANSWERDESK_EVAL_DATA", str(ROOT.parent / "shared/data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--sets", nargs="+", default=["stackfaq", "covidfaq", "multihelp", "xquad5"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as models:
        embedder = load_embedder(EmbeddingSettings(), Path(models))
        found = {name: parts_of(arguments.data / name / "dev", embedder) for name in arguments.sets}
    results = {
        variant: {name: measures(parts, fuse) for name, parts in found.items()} for variant, fuse in VARIANTS.items()
    }
    table = Table("hit@1 / hit@5 / MAP", *found)
    for variant, sets in results.items():
        cells = [" / ".join(f"{each.value:.3f}" for each in one.values()) for one in sets.values()]
        table.add_row(variant, *cells)
    Console(width=140).print(table)
    plain = {v: {n: {k: asdict(m) for k, m in one.items()} for n, one in sets.items()} for v, sets in results.items()}
    RESULTS.parent.mkdir(exist_ok=True)
    content = json.dumps({"machine": machine("onnxruntime", "bm25s"), "results": plain}, indent=2)
    RESULTS.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
