"""What the durable core costs: intake beside the disk's commits, added latency, and 2,000 conversations in flight.

Repeat it from the repository's root, on an otherwise idle machine (it ends by itself within three minutes):

    python benchmarks/core.py

The core is the product's (intake, worker, turn, delivery, database), each part in a fresh process on a fresh database
with synchronous=FULL; only the channel and the answerer are made up. Latency is taken from the moment an event is
handed to the intake to the moment its answer is handed to the channel, with the quiet time at zero.

- The disk: durable SQLite commits of one insert each, in a bare loop with the core's pragmas, in turns with the intake
  of messages from 64 senders at a time, which share commits.
- Latency: customers write independently of each other (Poisson, the same seed every time), the answer takes no time.
- In flight: 2,000 customers write at once and the answer takes 5 s.

PostgreSQL (Debian: apt-get install postgresql) waits for the disk as well; where it isn't installed, it is left out.
Before and after each part the machine is looked at: a part beside which other programs kept more than half a core busy
is measured once more, and the less disturbed run counts, whichever is better. The result goes to
benchmarks/results/core.json.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from core_around import PACE, Channel, answering, opened, until, working, write
from machine import machine
from rich.console import Console
from rich.table import Table
from sqlalchemy.event import listens_for

from bot.intake import Intake
from bot.worker import Worker

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "core.json"
AIMS = {"latency on SQLite": {"p50_ms": 20, "p99_ms": 60}}
ROUNDS, ROUND_SECONDS, SENDERS = 3, 1.5, 64
CONVERSATIONS, RATE, LATENCY_SECONDS = 200, 40, 20
IN_FLIGHT, MODEL_SECONDS = 2000, 5.0
SLOTS: int = (Worker.__init__.__kwdefaults__ or {})["concurrency"]
PART_SECONDS = 60
BUSY_CORES = 0.5
NO_RETRY_AFTER = 60
"""Seconds from the start, so that all of it ends within three minutes."""

Figures = dict[str, float]


def spread(milliseconds: list[float]) -> Figures:
    cuts = statistics.quantiles(milliseconds, n=100)
    return {"p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1)}


def bare_commits(connection: sqlite3.Connection) -> float:
    """Durable commits a second of one insert each."""
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < ROUND_SECONDS:
        connection.execute(
            "INSERT INTO message VALUES (?, ?, ?)", (uuid.uuid4().hex, time.time(), "How long is the warranty?")
        )
        count += 1
    return count / (time.perf_counter() - began)


async def intake_rate(intake: Intake) -> float:
    """Durable messages a second, of so many senders at a time over 200 conversations."""
    began, channel = time.perf_counter(), Channel()

    async def sender(number: int) -> int:
        count = 0
        while time.perf_counter() - began < ROUND_SECONDS:
            address = str((number + count * SENDERS) % CONVERSATIONS)
            await write(intake, channel, address, "How long is the warranty?")
            count += 1
        return count

    counts = await asyncio.gather(*map(sender, range(SENDERS)))
    return sum(counts) / (time.perf_counter() - began)


async def disk(url: str) -> Figures:
    bare = sqlite3.connect(url.removeprefix("sqlite:///") + ".bare", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        bare.execute(f"PRAGMA {pragma}")
    bare.execute("CREATE TABLE message (id TEXT PRIMARY KEY, at REAL, text TEXT)")
    commits, messages, shared = [], [], 0
    async with opened(url) as database:

        @listens_for(database._engine, "commit")
        def count(_connection: Any) -> None:
            nonlocal shared
            shared += 1

        for _ in range(ROUNDS):
            commits.append(bare_commits(bare))
            messages.append(await intake_rate(Intake(database, PACE)))
    bare.close()
    ratios = [stored / committed for stored, committed in zip(messages, commits, strict=True)]
    return {
        "bare_commits_per_second": round(statistics.median(commits)),
        "intake_messages_per_second": round(statistics.median(messages)),
        "intake_to_bare": round(statistics.median(ratios), 3),
        "messages_per_commit_of_intake": round(sum(messages) * ROUND_SECONDS / shared, 1),
    }


async def latency(url: str) -> Figures:
    chance, messages = random.Random(1), RATE * LATENCY_SECONDS  # noqa: S311 - not for secrets
    async with (
        opened(url) as database,
        working(database, answering(0), SLOTS) as channel,
        asyncio.TaskGroup() as writing,
    ):
        intake, at = Intake(database, PACE), time.perf_counter()
        for number in range(1, messages + 1):
            at += chance.expovariate(RATE)
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            address = str(chance.randrange(CONVERSATIONS))
            writing.create_task(write(intake, channel, address, str(number)))
        await until(lambda: len(channel.answered) == messages + 1)
    late = [(channel.answered[text] - at) * 1000 for text, at in channel.written.items() if text != "0"]
    return spread(late) | {"messages": len(late)}


async def in_flight(url: str) -> Figures:
    process = psutil.Process()
    async with opened(url) as database, working(database, answering(MODEL_SECONDS), SLOTS) as channel:
        before = peak = process.memory_info().rss
        intake = Intake(database, PACE)
        writing = [write(intake, channel, str(number), str(number)) for number in range(1, IN_FLIGHT + 1)]
        stored = asyncio.gather(*writing)
        while len(channel.answered) <= IN_FLIGHT:
            await asyncio.sleep(0.05)
            peak = max(peak, process.memory_info().rss)
        await stored
    del channel.written["0"]
    late = [(channel.answered[text] - at) * 1000 for text, at in channel.written.items()]
    signs = [(channel.seen[text] - at) * 1000 for text, at in channel.written.items()]
    return spread(late) | {
        "first_sign_p99_ms": spread(signs)["p99_ms"],
        "memory_before_mb": round(before / 1e6),
        "memory_growth_mb": round((peak - before) / 1e6),
    }


def run(part: Callable[[str], Any], url: str | None) -> Figures:
    """Measure one part in this process; without an address, on a new SQLite file."""

    async def limited(address: str) -> Figures:
        async with asyncio.timeout(PART_SECONDS):
            figures: Figures = await part(address)
            return figures

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(limited(url or f"sqlite:///{folder}/answerdesk.db"))


def others_busy() -> float:
    """Cores that other programs keep busy, looked at for a second."""
    return psutil.cpu_percent(interval=1) / 100 * (os.cpu_count() or 1)


def measured(part: Callable[[str], Any], new_url: Callable[[], str | None], deadline: float) -> Figures:
    """Measure a part in a fresh process; once more when the machine was busy and there is time."""
    runs: list[Figures] = []
    while not runs or (len(runs) == 1 and runs[0]["others_busy_cores"] > BUSY_CORES and time.monotonic() < deadline):
        before = others_busy()
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
            figures = fresh.submit(run, part, new_url()).result()
        runs.append({**figures, "others_busy_cores": round((before + others_busy()) / 2, 2)})
    return {**min(runs, key=lambda figures: figures["others_busy_cores"]), "runs": len(runs)}


@contextlib.contextmanager
def postgresql() -> Iterator[Callable[[], str] | None]:
    """A server of its own that gives out new databases; None where it isn't installed."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        yield None
        return
    sys.path.append(str(ROOT))
    from tests.postgres import new_database, postgres_server

    with postgres_server(durable=True) as server:
        yield lambda: asyncio.run(new_database(server))


def measure(console: Console) -> dict[str, Figures]:
    deadline = time.monotonic() + NO_RETRY_AFTER
    parts = {
        "latency on SQLite": latency,
        "disk": disk,
        "2,000 in flight": in_flight,
    }
    found = {}
    for name, part in parts.items():
        console.print(f"Measuring: {name}")
        found[name] = measured(part, lambda: None, deadline)
    with postgresql() as new_url:
        if new_url is None:
            console.print("PostgreSQL isn't installed here (Debian: apt-get install postgresql): left out.")
        else:
            console.print("Measuring: latency on PostgreSQL")
            found["latency on PostgreSQL"] = measured(latency, new_url, deadline)
    return found


def show(console: Console, found: dict[str, Figures]) -> None:
    table = Table("part", "", "measured", "aim")
    for name, figures in found.items():
        for row, (label, value) in enumerate(figures.items()):
            aim = AIMS.get(name, {}).get(label)
            table.add_row("" if row else name, label, f"{value:g}", f"below {aim}" if aim else "")
        table.add_section()
    console.print(table)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    console, began, load = Console(), time.monotonic(), os.getloadavg()[0]
    found = measure(console)
    show(console, found)
    disturbed = [name for name, figures in found.items() if figures["others_busy_cores"] > BUSY_CORES]
    if disturbed:
        console.print(f"The machine was busy with other programs during: {'; '.join(disturbed)}. Trust these less.")
    result = {
        "machine": machine("sqlalchemy", "asyncpg"),
        "load": {"before": round(load, 1), "after": round(os.getloadavg()[0], 1)},
        "seconds": round(time.monotonic() - began),
        "figures": found,
        "disturbed": disturbed,
        "aims": AIMS,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
