"""How long a search takes among 10,000 passages, and how long it keeps the event loop from anything else.

    python benchmarks/latency.py [--passages 10000]

One question after the other, then four at a time while documents are added. The passages are made of a public set's
words at random and their vectors are random, but the questions are embedded; every part is the product's own.
benchmarks/results/latency.json holds the figures.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sets
from machine import machine

from bot.bootstrap import Parts, open_parts
from bot.settings import load_settings
from retrieval import store
from retrieval.passages import Audience, Document, Passage
from retrieval.store import Embedded

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "latency.json"
COMPANY = "default"
TOGETHER = 4
CHANGES = 5
A_DOCUMENT = 100


@dataclass
class Watch:
    """How late the event loop comes to what is due every millisecond: the longest something kept it."""

    late: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            task.cancel()

    async def _tick(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            self.late.append((time.perf_counter() - began - 0.001) * 1000)


async def load(parts: Parts, words: Sequence[str], number: int, passages: int) -> None:
    draw = random.Random(number)  # noqa: S311 - reproducible, not secret
    vectors = np.random.default_rng(number).standard_normal((passages, parts.embedder.dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    name = f"made-{number}"
    embedded = [
        Embedded(Passage(f"{name}#{row}", name, row, name, " ".join(draw.choices(words, k=90)), language="en"), vector)
        for row, vector in enumerate(vectors)
    ]
    document = Document(name, COMPANY, Audience.PUBLIC, name, name, "en", "", str(number), passages, time.time())
    await parts.database.write(store.put_document, document, embedded, parts.embedder.name)


async def timed(parts: Parts, questions: Sequence[str]) -> list[float]:
    taken = []
    for question in questions:
        began = time.perf_counter()
        await parts.search.search(COMPANY, question)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def figures(taken: Sequence[float], watch: Watch) -> dict[str, float]:
    p50, p99 = np.percentile(taken, [50, 99])
    blocked = np.percentile(watch.late, [50, 99, 100])
    names = ("loop_late_p50_ms", "loop_late_p99_ms", "loop_late_most_ms")
    return {"p50_ms": round(p50, 1), "p99_ms": round(p99, 1)} | dict(zip(names, blocked.round(1).tolist(), strict=True))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ANSWERDESK_EVAL_DATA", str(ROOT.parent / "shared/data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--passages", type=int, default=10_000)
    arguments = parser.parse_args()
    documents, queries = sets.read(arguments.data, "stackfaq")
    words = " ".join(each["text"] for each in documents).split()
    questions = [each["question"] for each in queries][:200]
    results: dict[str, object] = {
        "machine": machine("chromadb", "bm25s", "onnxruntime"),
        "passages": arguments.passages,
    }
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=folder, models_dir=load_settings().models)
        async with open_parts(settings) as parts:
            for number in range(arguments.passages // A_DOCUMENT):
                await load(parts, words, number, A_DOCUMENT)
            began = time.perf_counter()
            await parts.search.refresh()
            results["index_s"] = round(time.perf_counter() - began, 2)
            await timed(parts, questions[:20])
            gc.freeze()  # as the service does
            watch = Watch()
            async with watch.watching():
                taken = await timed(parts, questions)
            results["one_at_a_time"] = figures(taken, watch)
            watch, changes = Watch(), []
            async with watch.watching():
                asking = [asyncio.create_task(timed(parts, questions[each::TOGETHER])) for each in range(TOGETHER)]
                for change in range(CHANGES):
                    await load(parts, words, 1_000_000 + change, 5)
                    began = time.perf_counter()
                    await parts.search.refresh()
                    changes.append(time.perf_counter() - began)
                taken = [each for some in await asyncio.gather(*asking) for each in some]
            results["four_at_a_time_while_documents_change"] = figures(taken, watch)
            results["refresh_after_a_change_s"] = round(float(np.median(changes)), 2)
    print(json.dumps(results, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
