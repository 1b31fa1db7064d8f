"""What Chroma's graph finds of the exact nearest vectors, how fast it is beside an exact scan, and its memory.

    python benchmarks/vectors.py [--vectors 10000 50000 100000]

Passages of several languages are embedded; each stands for a cluster of vectors that are nearly alike, laid down
cluster by cluster, as documents are. Recall@10 is against the exact scan; times are ratios to it, taken in the same
run. benchmarks/results/vectors.json holds the figures.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import sets
from machine import machine
from numpy.typing import NDArray

from bot.settings import load_settings
from llm.embeddings import load_embedder
from llm.settings import EmbeddingSettings
from retrieval.passages import Audience
from retrieval.vectors import Place, ScanIndex, open_indexes

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/vectors.json"
PLACE = Place("acme", Audience.PUBLIC, "a model")
NAMES = ("xquad5", "stackfaq", "covidfaq", "multihelp")
ASKED = 300
SPREADS = {"alike": 0.12, "apart": 0.35}
"""How far a cluster's vectors lie from its centre: cosines to it of about .996 and .96."""

Floats = NDArray[np.float32]
Search = Callable[[Floats, int], list[str]]


def embedded(data: Path) -> tuple[Floats, Floats]:
    """Vectors of passages, and of questions."""
    embedder = load_embedder(EmbeddingSettings(), load_settings().models)
    read = [sets.read(data, name) for name in NAMES]
    passages = embedder.embed_passages([each["text"][:600] for documents, _ in read for each in documents])
    return passages, embedder.embed_queries([each["question"] for _, queries in read for each in queries[:ASKED]])


def clusters(centres: Floats, count: int, spread: float) -> Floats:
    dice = np.random.default_rng(0)
    of = centres[np.sort(dice.integers(len(centres), size=count))]
    noise = dice.normal(size=of.shape).astype(np.float32) / np.sqrt(np.float32(of.shape[1]))
    rows = of + np.float32(spread) * noise * dice.uniform(0.3, 1.3, size=(count, 1)).astype(np.float32)
    unit: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def timed(search: Search, questions: Floats) -> tuple[list[list[str]], NDArray[np.float64]]:
    found, taken = [], []
    for each in questions:
        began = time.perf_counter()
        found.append(search(each, 50))
        taken.append((time.perf_counter() - began) * 1000)
    return found, np.array(taken)


def overlap(found: Sequence[Sequence[str]], exact: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    return np.array([len(set(some[:10]) & set(all_[:10])) / 10 for some, all_ in zip(found, exact, strict=True)])


def measured(rows: Floats, questions: Floats) -> dict[str, float]:
    scan = ScanIndex()
    scan.add({str(number): row for number, row in enumerate(rows)})
    exact, scanned = timed(scan.nearest, questions)
    with tempfile.TemporaryDirectory() as folder, closing(open_indexes(Path(folder))) as indexes:
        before = psutil.Process(os.getpid()).memory_info().rss
        build = indexes.begin()
        build.add(PLACE, {str(number): row for number, row in enumerate(rows)})
        began = time.perf_counter()
        build.finish(lambda _: None)
        seconds = time.perf_counter() - began
        index = indexes.open(PLACE)
        index.nearest(questions[0], 10)
        found, taken = timed(index.nearest, questions)
        memory = psutil.Process(os.getpid()).memory_info().rss - before
    share = overlap(found, exact)
    p50, p99 = np.percentile(taken, [50, 99]) / np.median(scanned)
    return {
        "recall@10": round(float(share.mean()), 4),
        "questions_that_find_none": int((share == 0).sum()),
        "p50_to_scan": round(float(p50), 2),
        "p99_to_scan": round(float(p99), 2),
        "scan_p50_ms": round(float(np.median(scanned)), 2),
        "build_s": round(seconds, 1),
        "memory_mb": round(memory / 1e6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ANSWERDESK_EVAL_DATA", str(ROOT.parent / "shared/data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--vectors", type=int, nargs="+", default=[10_000, 50_000, 100_000])
    arguments = parser.parse_args()
    centres, questions = embedded(arguments.data)
    questions = questions[np.random.default_rng(1).permutation(len(questions))[:ASKED]]
    results: dict[str, object] = {"machine": machine("chromadb", "numpy")}
    for count in arguments.vectors:
        for name, spread in SPREADS.items():
            results[f"{count} vectors, {name}"] = measured(clusters(centres, count, spread), questions)
            print(json.dumps(results, indent=2), flush=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
