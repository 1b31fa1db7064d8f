"""What each part of the search is worth: rankings with a part switched off, on the public retrieval sets.

    python benchmarks/search.py [--data ../shared/data] [--reranker NAME]

Everything but the part that is switched off is the product's own. A document ranks by its best passage. The table and
benchmarks/results/search.json hold means with 95 % intervals.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import sets
from knowledge import Floats, Knowledge, Remembering, Variant
from machine import machine
from rich.console import Console
from rich.table import Table

from bot.evaluation.measures import Measure, average_precision, hit_at, mean
from llm.embeddings import Embedder, load_embedder
from llm.reranking import Reranker, load_reranker
from llm.settings import EmbeddingSettings, RerankingSettings
from retrieval.asking import Asked
from retrieval.fusing import Weights, fuse, reorder
from retrieval.passages import Passage, Scored

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "search.json"
CANDIDATES = 100
RERANKED = 20


def dense(asked: Asked, held: Sequence[Passage], vectors: Floats, keyword: Floats, *rest: Any) -> list[Scored]:
    return fuse(asked, held, vectors, 0 * keyword, *rest)


def by_keywords(_: Asked, held: Sequence[Passage], vectors: Floats, keyword: Floats, *_rest: Any) -> list[Scored]:
    best = keyword.max(axis=0)
    return [
        Scored(held[row], float(best[row]), 0.0, float(best[row]), vectors[row])
        for row in np.argsort(-best, kind="stable")
    ]


def by_rank(asked: Asked, held: Sequence[Passage], vectors: Floats, keyword: Floats, *rest: Any) -> list[Scored]:
    """Reciprocal rank fusion (Cormack et al. 2009, k = 60) of dense and keyword search."""
    share: dict[str, float] = {}
    orders = dense(asked, held, vectors, keyword, *rest), by_keywords(asked, held, vectors, keyword)
    for order in orders:
        for rank, scored in enumerate(order, start=1):
            share[scored.passage.id] = share.get(scored.passage.id, 0.0) + 1 / (60 + rank)
    return sorted(orders[0], key=lambda scored: -share[scored.passage.id])


WEIGHTS = Weights()
VARIANTS: Mapping[str, Variant] = {
    "as shipped": Variant(),
    "without keywords": Variant(dense),
    "keywords alone": Variant(by_keywords),
    "reciprocal rank fusion": Variant(by_rank),
    "keywords weigh the same in prose": Variant(weights=replace(WEIGHTS, prose_keywords=WEIGHTS.entry_keywords)),
    "keywords weigh double": Variant(
        weights=replace(WEIGHTS, prose_keywords=2 * WEIGHTS.prose_keywords, entry_keywords=2 * WEIGHTS.entry_keywords)
    ),
    "without headings as questions": Variant(headed=False),
    "without stems": Variant(stemmed=False),
    "without mending": Variant(mended=False),
    "long questions whole": Variant(cut=False),
    "questions not moved": Variant(moved=0.0),
    "languages not balanced": Variant(balanced=False),
    "own language not preferred": Variant(weights=replace(WEIGHTS, own_language=0.0)),
}


def rankings(part: sets.Part, embedder: Embedder, variant: Variant, reranker: Reranker | None) -> Iterator[list[str]]:
    """The documents of each question, best first."""
    knowledge = Knowledge(sets.passages(part.documents, embedder), embedder, variant, CANDIDATES)
    for query in part.queries:
        found, _ = knowledge.search(query["question"])
        if reranker:
            texts = [f"{each.passage.heading}\n{each.passage.text}" for each in found[:RERANKED]]
            found = reorder(found, reranker.scores(query["question"], texts))
        yield list(dict.fromkeys(each.passage.document for each in found))[:100]


def measures(ranked: Sequence[tuple[list[str], set[str]]]) -> dict[str, Measure]:
    graded = [(ranking, dict.fromkeys(relevant, 1.0)) for ranking, relevant in ranked if relevant]
    return {
        "hit@1": mean([hit_at(ranking, grades, 1) for ranking, grades in graded]),
        "hit@5": mean([hit_at(ranking, grades, 5) for ranking, grades in graded]),
        "MAP": mean([average_precision(ranking, grades) for ranking, grades in graded]),
        "recall@10": mean([len(grades.keys() & set(ranking[:10])) / len(grades) for ranking, grades in graded]),
    }


def measured(
    parts: Sequence[sets.Part], embedder: Embedder, variant: Variant, reranker: Reranker | None
) -> dict[str, dict[str, Measure]]:
    """The measures of all questions, and of those of each language."""
    groups: dict[str, list[tuple[list[str], set[str]]]] = {"all": []}
    for part in parts:
        found = rankings(part, embedder, variant, reranker)
        for query, relevant, ranking in zip(part.queries, part.relevant, found, strict=True):
            for group in ("all", query["lang"]):
                groups.setdefault(group, []).append((ranking, relevant))
    return {group: measures(ranked) for group, ranked in groups.items() if len(groups) > 2 or group == "all"}


def cell(name: str, groups: dict[str, dict[str, Measure]]) -> str:
    whole, shown = groups["all"], ("hit@5", "recall@10") if name == "tau2bank" else ("hit@1", "MAP")
    return " / ".join(f"{whole[each].value:.3f}" for each in shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ANSWERDESK_EVAL_DATA", str(ROOT.parent / "shared/data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--sets", nargs="+", default=list(sets.NAMES))
    parser.add_argument("--questions", type=int, help="about so many of each set, instead of all")
    parser.add_argument("--reranker", help="a cross-encoder, by name or folder: adds a row")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as models:
        embedder = Remembering(load_embedder(EmbeddingSettings(), Path(models)))
    loaded = {name: sets.parts(arguments.data, name, arguments.questions) for name in arguments.sets}
    reranker = load_reranker(RerankingSettings(model=arguments.reranker))
    results: dict[str, dict[str, Any]] = {}
    table = Table("hit@1 / MAP; tau2bank: hit@5 / recall@10", *arguments.sets)
    variants = dict(VARIANTS) | ({"reranked": Variant()} if reranker else {})
    for title, variant in variants.items():
        judge = reranker if title == "reranked" else None
        found = {name: measured(parts, embedder, variant, judge) for name, parts in loaded.items()}
        print(title, {name: cell(name, groups) for name, groups in found.items()}, flush=True)
        table.add_row(title, *(cell(name, groups) for name, groups in found.items()))
        results[title] = {
            name: {group: {key: asdict(value) for key, value in one.items()} for group, one in groups.items()}
            for name, groups in found.items()
        }
    Console(width=200).print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    content = json.dumps({"machine": machine("onnxruntime", "rapidfuzz"), "results": results}, indent=1)
    RESULTS.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
