"""How much slower the first text of an extracted answer is while documents are taken in, against an idle machine.

    python benchmarks/ingesting.py [--passages 10000] [--threads 1]

`answerdesk ingest` runs as a process of its own on the same data folder, as it does beside a service; the answers are
asked for in this one, which follows the documents meanwhile. benchmarks/results/ingesting.json holds the figures.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sets
from machine import machine

from bot.bootstrap import Parts, open_parts
from bot.domain import Question
from bot.settings import Settings, load_settings
from retrieval.passages import Audience

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "ingesting.json"
IDLE = 150
"""Questions asked before, and at most while, documents are taken in."""
PAUSE = 0.25
"""Seconds between two questions."""
MOST_SECONDS = 240
WORDS = 90


async def first_texts(parts: Parts, questions: Sequence[str], busy: asyncio.Task[int] | None = None) -> list[float]:
    """Milliseconds to the first text of each answer; as long as `busy` is, if there is such."""
    taken = []
    began_all = time.perf_counter()
    for number in range(IDLE if busy is None else 100_000):
        if busy and (busy.done() or time.perf_counter() - began_all > MOST_SECONDS):
            break
        began = time.perf_counter()
        question = Question(parts.settings.company.id, questions[number % len(questions)], Audience.PUBLIC)
        async for _ in parts.answering.answer(question):
            taken.append((time.perf_counter() - began) * 1000)
            break
        await asyncio.sleep(PAUSE)
    return taken


async def ingest(settings: Settings, file: Path, threads: int) -> int:
    variables = os.environ | {
        "ANSWERDESK_MODELS_DIR": str(settings.models),
        "ANSWERDESK_EMBEDDING_THREADS": str(threads),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from connectors.cli import main; main()", "ingest", str(file),
        "--data-dir", str(settings.data_dir), env=variables, cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def written(folder: Path, words: Sequence[str], passages: int) -> Path:
    draw = random.Random(0)  # noqa: S311 - reproducible, not secret
    file = folder / "made.jsonl"
    lines = ({"id": f"m{number}", "text": " ".join(draw.choices(words, k=WORDS))} for number in range(passages))
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ANSWERDESK_EVAL_DATA", str(ROOT.parent / "shared/data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=0, help="of the ingestion; 0 means all cores")
    arguments = parser.parse_args()
    documents, queries = sets.read(arguments.data, "stackfaq")
    questions = [each["question"] for each in queries][:200]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = load_settings(data_dir=folder / "data", models_dir=load_settings().models)
        async with open_parts(settings) as parts:
            base = folder / "stackfaq.jsonl"
            base.write_text("".join(f"{json.dumps({k: d[k] for k in ('id', 'title', 'text')})}\n" for d in documents))
            async for report in parts.ingestion(settings.company.id, Audience.PUBLIC).run([base]):
                assert report.error is None, report
            await parts.search.refresh()
            await first_texts(parts, questions[:20])
            idle = await first_texts(parts, questions)
            following = asyncio.create_task(parts.search.follow())
            words = " ".join(each["text"] for each in documents).split()
            taking = asyncio.create_task(
                ingest(settings, written(folder, words, arguments.passages), arguments.threads)
            )
            busy = await first_texts(parts, questions, taking)
            done = taking.done()
            for task in (taking, following):
                task.cancel()
            await asyncio.wait([taking, following])
    p95 = {name: round(float(np.percentile(taken, 95)), 1) for name, taken in (("idle", idle), ("ingesting", busy))}
    results = {
        "machine": machine("chromadb", "onnxruntime"),
        "passages": arguments.passages,
        "threads": arguments.threads,
        "finished": done,
        "questions": {"idle": len(idle), "ingesting": len(busy)},
        "first_text_p50_ms": {"idle": round(float(np.median(idle)), 1), "ingesting": round(float(np.median(busy)), 1)},
        "first_text_p95_ms": p95,
        "ratio_p95": round(p95["ingesting"] / p95["idle"], 2),
    }
    print(json.dumps(results, indent=2))
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
