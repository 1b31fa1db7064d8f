"""A worker is killed or frozen while its model hangs: another process calls a person long before the lease runs out."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from bot.storage.tables import handoffs, messages
from retrieval.database import open_database
from tests.fakes.crash_worker import HANGING
from tests.fakes.line_channel import Child, LineChannel
from tests.integration.test_kill import channel
from tests.postgres import new_database, postgres_server

CUSTOMERS = [f"line-{number}" for number in range(20)]
LATE = 30.0
"""Seconds: what a slow machine may take on top. The lease would take ten minutes."""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as address:
        yield address


def waits(connection: Connection) -> list[float]:
    """How long each customer waited until a person was called."""
    wrote = select(func.min(messages.c.at)).where(messages.c.conversation == handoffs.c.conversation)
    query = select(handoffs.c.opened_at - wrote.correlate(handoffs).scalar_subquery())
    return sorted(connection.execute(query).scalars())


async def everybody_asks(line: LineChannel) -> tuple[Child, Child]:
    """Two workers hold all questions, and their model says nothing to any."""
    one, other = await asyncio.gather(line.spawn("hang"), line.spawn("hang"))
    await asyncio.gather(*(line.deliver(f"{each}/0", each, "Are you open?") for each in CUSTOMERS))
    return one, other


async def people_are_called(line: LineChannel) -> list[float]:
    database = await open_database(line.url)
    try:
        async with asyncio.timeout(60):
            while len(found := await database.read(waits)) < len(CUSTOMERS):  # noqa: ASYNC110 - what changes is in SQL
                await asyncio.sleep(0.1)
            while len(line.notices) < len(CUSTOMERS):
                line.news.clear()
                await line.news.wait()
    finally:
        await database.close()
    return found


def in_time(found: list[float]) -> bool:
    return found[0] >= HANGING.overdue and found[-1] < HANGING.overdue + LATE


async def test_after_a_kill_on_sqlite(tmp_path: Path) -> None:
    async with channel(f"sqlite:///{tmp_path / 'kill.db'}", seed=5) as line:
        one, _ = await everybody_asks(line)
        await line.kill(one)
        assert in_time(await people_are_called(line))


async def test_after_a_freeze_on_postgresql_and_the_frozen_worker_says_nothing_later(server: str) -> None:
    async with channel(await new_database(server), seed=6) as line:
        frozen, other = await everybody_asks(line)
        frozen.process.send_signal(signal.SIGSTOP)
        try:
            assert in_time(await people_are_called(line))
        finally:
            frozen.process.send_signal(signal.SIGCONT)
        for child in (frozen, other):
            child.say(answer=True)
            await line.finish(child)
        assert {words for sent in line.sent.values() for _, words in sent} == set(line.notices)
        assert len(line.notices) == len(CUSTOMERS)


async def test_what_a_frozen_process_has_locked_on_postgresql_is_set_free(server: str) -> None:
    database = await open_database(await new_database(server))
    setting = text("SHOW idle_in_transaction_session_timeout")
    try:
        assert await database.read(lambda connection: connection.execute(setting).scalar_one()) == "10s"
    finally:
        await database.close()
