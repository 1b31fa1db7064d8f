"""What watching costs: processor time a message with telemetry off, with metrics, and with metrics and traces.

    python benchmarks/telemetry.py

The core is the product's (intake, worker, turn, delivery, SQLite), in a fresh process for each run; only the channel
is made up. It is measured twice: with an answer that takes no time, so that nothing but the core is there to compare
with, and with answers quoted from the sample company's documents, which are the cheapest that customers get.

Processor time is the whole process's, threads that export included; the collector is a process of its own. Runs of all
kinds alternate, and the median counts. benchmarks/results/telemetry.json holds the figures.
"""

import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
import timeit
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from core_around import COMPANY, PACE, answering, opened, until, working, write
from machine import machine
from rich.console import Console

from bot import metrics
from bot.bootstrap import open_parts
from bot.domain import Answer, Draft, Question
from bot.intake import Intake
from bot.ports import Answerer
from bot.settings import Settings, TelemetrySettings
from bot.storage.conversations import add_company
from connectors.telemetry.exporting import exporting
from llm.telemetry import span
from retrieval.passages import Audience

RESULTS = Path(__file__).parent / "results" / "telemetry.json"
ROUNDS, AT_ONCE = 5, 20
MESSAGES = {"no answer to make": 400, "quoted": 100}
KINDS = ("off", "metrics", "metrics and traces")
SAMPLE = Path(__file__).parent.parent / "examples" / "halden-bikes"


class Sink(BaseHTTPRequestHandler):
    """Takes traces in, and forgets them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


def sink(address: "multiprocessing.Queue[str]") -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        address.put(f"http://127.0.0.1:{server.server_address[1]}")
        server.serve_forever()


@contextmanager
def collector() -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    address: multiprocessing.Queue[str] = context.Queue()
    process = context.Process(target=sink, args=(address,), daemon=True)
    process.start()
    yield address.get()
    process.terminate()
    process.join()


@asynccontextmanager
async def answerer(of: str, folder: Path) -> AsyncIterator[Answerer]:
    """What answers, by repeating the question: its own words would not tell which message was answered."""
    if of != "quoted":
        yield answering(0)
        return
    async with open_parts(Settings(data_dir=folder, models_dir=Settings().models)) as parts:
        await parts.search.refresh()

        async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
            async for step in parts.answering.answer(question):
                yield replace(step, text=question.text) if isinstance(step, Answer) else step

        yield answer


async def messages(of: str, folder: Path) -> float:
    """Milliseconds of processor time a message."""
    core = f"sqlite:///{folder / uuid.uuid4().hex}.db"
    async with answerer(of, folder) as answer, opened(core) as database, working(database, answer, 100) as channel:
        intake = Intake(database, PACE)
        began = time.process_time()
        for number in range(1, MESSAGES[of] + 1):
            await write(intake, channel, str(number), f"How long is the warranty on the frame? {number}")
            if number % AT_ONCE == 0:
                await until(lambda sent=number: len(channel.answered) == sent + 1)
        return (time.process_time() - began) * 1000 / MESSAGES[of]


def measured(of: str, kind: str, url: str, folder: Path) -> float:
    settings = TelemetrySettings(
        metrics_address=None if kind == "off" else "127.0.0.1:1",  # which is served by nobody here
        traces_url=url if "traces" in kind else None,
    )
    with exporting(settings, ["worker"]):
        return asyncio.run(messages(of, folder))


async def take_in_sample(folder: Path) -> None:
    async with open_parts(Settings(data_dir=folder, models_dir=Settings().models)) as parts:
        await parts.database.write(add_company, COMPANY, "Acme", 0.0)
        async for report in parts.ingestion(COMPANY, Audience.PUBLIC).run([SAMPLE]):
            assert not report.error, report


def calls() -> dict[str, float]:
    """Microseconds that a call of the API takes where nobody listens."""

    def empty() -> None:
        with span("turn"):
            pass

    labels = {"company": "acme", "channel": "web"}
    times = {"span": empty, "counter": lambda: metrics.messages.add(1, labels)}
    return {name: round(min(timeit.repeat(call, number=20_000)) / 20_000 * 1e6, 2) for name, call in times.items()}


def compared(of: str, url: str, folder: Path) -> dict[str, object]:
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind in KINDS:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                found[kind].append(pool.submit(measured, of, kind, url, folder).result())
    cpu = {kind: round(statistics.median(each), 2) for kind, each in found.items()}
    return {
        "cpu_ms_a_message": cpu,
        "ratio_to_off": {kind: round(each / cpu["off"], 3) for kind, each in cpu.items()},
        "all_runs": {kind: [round(each, 2) for each in runs] for kind, runs in found.items()},
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name, collector() as url:
        folder = Path(name)
        asyncio.run(take_in_sample(folder))
        result = {
            "machine": machine("opentelemetry-sdk", "opentelemetry-exporter-prometheus"),
            **{of: compared(of, url, folder) for of in MESSAGES},
            "call_when_off_us": calls(),
        }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    Console().print_json(data=result)


if __name__ == "__main__":
    main()
