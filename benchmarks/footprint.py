"""What the server costs at rest, how soon it is back, and how soon a customer sees an answer.

Repeat it from the repository's root, on an otherwise idle machine:

    python benchmarks/footprint.py

It takes the sample company in through the command line, starts `answerdesk serve` twice on a free port of 127.0.0.1,
and reads the second start's time to readiness and its memory (with child processes) after ten quiet seconds. Then it
asks the questions of examples/questions.jsonl `--rounds` times in this process and takes the time from question to
first text of those answered. The limits are aims, not tests. The result goes to benchmarks/results/footprint.json.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from machine import machine
from rich.console import Console
from rich.table import Table

from bot.bootstrap import open_parts
from bot.domain import Answer, Outcome, Question
from bot.settings import load_settings

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "footprint.json"
ANSWERDESK = [str(Path(sys.executable).parent / "answerdesk")]
LIMITS = {"memory_at_rest_mb": 700, "second_start_s": 5, "first_text_p50_ms": 60}
QUIET_SECONDS = 10


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(folder: Path, port: int) -> tuple[subprocess.Popen[bytes], float]:
    """Start the server; returns it with the seconds until it was ready."""
    began = time.perf_counter()
    command = [*ANSWERDESK, "serve", "--data-dir", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while time.perf_counter() - began < 120:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                return server, time.perf_counter() - began
        except OSError:
            time.sleep(0.02)
    server.kill()
    raise SystemExit("The server did not become ready within two minutes.")


def stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGTERM)
    server.wait(timeout=60)


def memory_mb(server: subprocess.Popen[bytes]) -> float:
    process = psutil.Process(server.pid)
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 1e6


async def first_texts(folder: Path, rounds: int) -> list[float]:
    """Milliseconds from question to first text, of the questions that were answered."""
    lines = (ROOT / "examples/questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    found: list[float] = []
    async with open_parts(load_settings(data_dir=folder)) as parts:
        await parts.search.refresh()
        for number in range(rounds + 1):
            for question in questions:
                steps = [step async for step in parts.answering.answer(Question("default", question))]
                if number and isinstance(steps[-1], Answer) and steps[-1].outcome is Outcome.ANSWERED:
                    found.append(steps[-1].timings_ms["first_text"])
    return found


def measure(rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as scratch:
        folder, port = Path(scratch), free_port()
        subprocess.run(
            [*ANSWERDESK, "ingest", str(ROOT / "examples/halden-bikes"), "--data-dir", scratch, "--json"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        server, first = serve(folder, port)
        stop(server)
        server, second = serve(folder, port)
        time.sleep(QUIET_SECONDS)
        at_rest = memory_mb(server)
        stop(server)
        texts = asyncio.run(first_texts(folder, rounds))
    cuts = statistics.quantiles(texts, n=100)
    return {
        "memory_at_rest_mb": round(at_rest),
        "first_start_s": round(first, 2),
        "second_start_s": round(second, 2),
        "first_text_p50_ms": round(cuts[49], 1),
        "first_text_p95_ms": round(cuts[94], 1),
        "answers": len(texts),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    figures = measure(parser.parse_args().rounds)
    load = round(os.getloadavg()[0], 1)
    table = Table("", "measured", "aim")
    for name, value in figures.items():
        table.add_row(name, str(value), f"below {LIMITS[name]}" if name in LIMITS else "")
    Console().print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    result = {"machine": machine("chromadb", "onnxruntime"), "load": load, "figures": figures, "aims": LIMITS}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
