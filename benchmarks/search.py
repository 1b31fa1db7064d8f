"""What each part of the search is worth: rankings with a part switched off, on the public retrieval sets.

    python benchmarks/search.py [--data ../shared/data] [--reranker NAME]

Everything but the part that is switched off is the product's own. A document ranks by its best passage. The table and
benchmarks/results/search.json hold means with 95 % intervals.
"""

import argparse
import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import sets
from machine import machine
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bot.evaluation.measures import Measure, average_precision, hit_at, mean
from llm.embeddings import Embedder, load_embedder
from llm.reranking import Reranker, load_reranker
from llm.settings import EmbeddingSettings, RerankingSettings
from retrieval import asking, crossing, embedding, fusing, keywords
from retrieval.asking import Asked, ask
from retrieval.crossing import Bridge, Mixture
from retrieval.fusing import fuse, reorder
from retrieval.keywords import KeywordIndex
from retrieval.passages import Passage, Scored

Floats = NDArray[np.float32]
ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "search.json"
CANDIDATES = 100
RERANKED = 20

Fuse = Callable[[Asked, Sequence[Passage], Floats, Floats, Bridge, Mixture], list[Scored]]


class Remembering:
    """The embedding model, which embeds each text once however many variants need it."""

    def __init__(self, model: Embedder) -> None:
        self.name, self.dimensions = model.name, model.dimensions
        self.count_tokens = functools.cache(model.count_tokens)
        self._model = model
        self._known: dict[tuple[str, str], Floats] = {}

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        return self._embed("query", texts, self._model.embed_queries)

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        return self._embed("passage", texts, self._model.embed_passages)

    def _embed(self, kind: str, texts: Sequence[str], embed: Callable[[Sequence[str]], Floats]) -> Floats:
        if new := list(dict.fromkeys(text for text in texts if (kind, text) not in self._known)):
            self._known |= {(kind, text): vector for text, vector in zip(new, embed(new), strict=True)}
        return np.stack([self._known[kind, text] for text in texts])


def dense(asked: Asked, held: Sequence[Passage], vectors: Floats, keyword: Floats, *rest: Any) -> list[Scored]:
    return fuse(asked, held, vectors, 0 * keyword, *rest)


def by_keywords(_: Asked, held: Sequence[Passage], __: Floats, keyword: Floats, *_rest: Any) -> list[Scored]:
    best = keyword.max(axis=0)
    return [Scored(held[row], float(best[row]), 0.0, float(best[row])) for row in np.argsort(-best, kind="stable")]


def by_rank(asked: Asked, held: Sequence[Passage], vectors: Floats, keyword: Floats, *rest: Any) -> list[Scored]:
    """Reciprocal rank fusion (Cormack et al. 2009, k = 60) of dense and keyword search."""
    share: dict[str, float] = {}
    orders = dense(asked, held, vectors, keyword, *rest), by_keywords(asked, held, vectors, keyword)
    for order in orders:
        for rank, scored in enumerate(order, start=1):
            share[scored.passage.id] = share.get(scored.passage.id, 0.0) + 1 / (60 + rank)
    return sorted(orders[0], key=lambda scored: -share[scored.passage.id])


def whole(question: str, _: Embedder) -> Sequence[str]:
    return [question]


VARIANTS: dict[str, tuple[Fuse, dict[str, object]]] = {
    "as shipped": (fuse, {}),
    "without keywords": (dense, {}),
    "keywords alone": (by_keywords, {}),
    "reciprocal rank fusion": (by_rank, {}),
    "keywords weigh the same in prose": (fuse, {"fusing.PROSE_KEYWORDS": fusing.ENTRY_KEYWORDS}),
    "keywords weigh double": (
        fuse,
        {"fusing.PROSE_KEYWORDS": 2 * fusing.PROSE_KEYWORDS, "fusing.ENTRY_KEYWORDS": 2 * fusing.ENTRY_KEYWORDS},
    ),
    "without headings as questions": (fuse, {"embedding.ENTRY_HEADING": 0.0, "embedding.PROSE_HEADING": 0.0}),
    "without stems": (fuse, {"keywords.stem": lambda word, _: word}),
    "without mending": (fuse, {"asking.mend": lambda text, *_: text}),
    "long questions whole": (fuse, {"asking._parts": whole}),
    "questions not moved": (fuse, {"crossing.MOVED": 0.0}),
    "languages not balanced": (fuse, {"Mixture.of": lambda *_: Mixture()}),
    "own language not preferred": (fuse, {"fusing._prefer_own_language": lambda _, scores, *_rest: scores}),
}
_HOLDERS = {
    "fusing": fusing,
    "embedding": embedding,
    "keywords": keywords,
    "asking": asking,
    "crossing": crossing,
    "Mixture": Mixture,
}


@contextmanager
def switched(off: dict[str, object]) -> Iterator[None]:
    with ExitStack() as stack:
        for place, value in off.items():
            holder, _, name = place.partition(".")
            stack.enter_context(patch.object(_HOLDERS[holder], name, value))
        yield


def rankings(part: sets.Part, embedder: Embedder, score: Fuse, reranker: Reranker | None) -> Iterator[list[str]]:
    """The documents of each question, best first."""
    held = sets.passages(part.documents, embedder)
    vectors, index, bridge = embedding.embed(embedder, held), KeywordIndex(dict(enumerate(held))), Bridge(embedder)
    mixture = mixture_of(held, vectors)
    for query in part.queries:
        asked = ask(query["question"], embedder, [index])
        keyword = np.stack([index.scores(each, asked.language) for each in asked.parts])
        near = [np.argsort(-(vectors @ each))[:CANDIDATES] for aim in mixture.aims(asked.vectors) for each in aim]
        rows = np.unique(np.concatenate([*near, *np.argsort(-keyword, axis=1)[:, :CANDIDATES]]))
        found = score(asked, [held[row] for row in rows], vectors[rows], keyword[:, rows], bridge, mixture)
        if reranker:
            texts = [f"{each.passage.heading}\n{each.passage.text}" for each in found[:RERANKED]]
            found = reorder(found, reranker.scores(query["question"], texts))
        yield list(dict.fromkeys(each.passage.document for each in found))[:100]


def mixture_of(held: Sequence[Passage], vectors: Floats) -> Mixture:
    by_language: dict[str, list[int]] = {}
    for row, passage in enumerate(held):
        by_language.setdefault(passage.language, []).append(row)
    sizes = {language: len(own) for language, own in by_language.items()}
    return Mixture.of({language: list(vectors[own]) for language, own in by_language.items()}, sizes)


def measures(ranked: Sequence[tuple[list[str], set[str]]]) -> dict[str, Measure]:
    graded = [(ranking, dict.fromkeys(relevant, 1.0)) for ranking, relevant in ranked if relevant]
    return {
        "hit@1": mean([hit_at(ranking, grades, 1) for ranking, grades in graded]),
        "hit@5": mean([hit_at(ranking, grades, 5) for ranking, grades in graded]),
        "MAP": mean([average_precision(ranking, grades) for ranking, grades in graded]),
        "recall@10": mean([len(grades.keys() & set(ranking[:10])) / len(grades) for ranking, grades in graded]),
    }


def measured(
    parts: Sequence[sets.Part], embedder: Embedder, score: Fuse, reranker: Reranker | None
) -> dict[str, dict[str, Measure]]:
    """The measures of all questions, and of those of each language."""
    groups: dict[str, list[tuple[list[str], set[str]]]] = {"all": []}
    for part in parts:
        found = rankings(part, embedder, score, reranker)
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
    variants = VARIANTS | ({"reranked": (fuse, {})} if reranker else {})
    for variant, (score, off) in variants.items():
        with switched(off):
            judge = reranker if variant == "reranked" else None
            found = {name: measured(parts, embedder, score, judge) for name, parts in loaded.items()}
        print(variant, {name: cell(name, groups) for name, groups in found.items()}, flush=True)
        table.add_row(variant, *(cell(name, groups) for name, groups in found.items()))
        results[variant] = {
            name: {group: {key: asdict(value) for key, value in one.items()} for group, one in groups.items()}
            for name, groups in found.items()
        }
    Console(width=200).print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    content = json.dumps({"machine": machine("onnxruntime", "bm25s", "rapidfuzz"), "results": results}, indent=1)
    RESULTS.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
