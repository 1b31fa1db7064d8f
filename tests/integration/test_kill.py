"""Workers are killed and frozen while they work: nothing is lost or out of order, next to nothing is sent twice."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.storage.conversations import add_company
from bot.storage.migrate import migrate
from retrieval.database import open_database
from tests.fakes.line_channel import CHANNEL, COMPANY, LineChannel
from tests.postgres import new_database, postgres_server

CONVERSATIONS = 200
MESSAGES = 20
REDELIVERED = 0.1
WRITING_PAUSE = 3.0
"""Seconds: the most that a customer waits before writing the next message."""
LEASE = 2.0
"""Of `crash_worker`."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as address:
        yield address


@contextlib.asynccontextmanager
async def channel(url: str, seed: int) -> AsyncIterator[LineChannel]:
    database = await open_database(url)
    await migrate(database)
    await database.write(add_company, COMPANY, "Acme", time.time())
    await database.close()
    async with LineChannel(url, seed).open() as opened:
        yield opened


async def converse(channel: LineChannel) -> None:
    """All customers write at the same time, each one message after the other."""

    async def customer(address: str) -> None:
        for number in range(MESSAGES):
            await asyncio.sleep(channel.random.uniform(0, WRITING_PAUSE))
            event = f"{address}/{number}"
            await channel.deliver(event, address, str(number))
            if channel.random.random() < REDELIVERED:
                channel.redeliver(event, address, str(number))

    async with asyncio.TaskGroup() as customers:
        for each in range(CONVERSATIONS):
            customers.create_task(customer(f"{CHANNEL}-{each}"))


def answered(channel: LineChannel, address: str) -> list[int]:
    """The messages that were answered, in the order of the answers; an answer that came twice counts once."""
    return [int(number) for text in dict(channel.sent[address]).values() for number in text.split()]


def duplicates(channel: LineChannel) -> int:
    return sum(len(sent) - len(dict(sent)) for sent in channel.sent.values())


async def all_answered(channel: LineChannel) -> None:
    """Wait for the last answers."""
    addresses = [f"{CHANNEL}-{each}" for each in range(CONVERSATIONS)]
    async with asyncio.timeout(60):
        while any(len(answered(channel, address)) < MESSAGES for address in addresses):
            channel.news.clear()
            await channel.news.wait()


def check(channel: LineChannel, accidents: int) -> None:
    wrong = {address: answered(channel, address) for address in channel.sent}
    wrong = {address: numbers for address, numbers in wrong.items() if numbers != list(range(MESSAGES))}
    assert wrong == {}
    assert channel.notices == []
    assert duplicates(channel) <= accidents


async def test_sqlite_survives_kills_and_restarts(tmp_path: Path) -> None:
    kills = 6
    async with channel(f"sqlite:///{tmp_path / 'kill.db'}", seed=1) as line:
        await line.spawn()
        writing = asyncio.create_task(converse(line))
        for _ in range(kills):
            await asyncio.sleep(line.random.uniform(1.5, 3))
            await line.kill(line.children[0])
            await line.spawn()
        await writing
        await all_answered(line)
        check(line, kills)


async def test_postgresql_survives_kills_with_three_workers(server: str) -> None:
    kills = 6
    async with channel(await new_database(server), seed=2) as line:
        await asyncio.gather(*(line.spawn() for _ in range(3)))
        writing = asyncio.create_task(converse(line))
        for _ in range(kills):
            await asyncio.sleep(line.random.uniform(1.5, 3))
            await line.kill(line.random.choice(line.children))
            await line.spawn()
        await writing
        await all_answered(line)
        check(line, kills)


async def test_a_frozen_worker_is_replaced_and_does_no_harm_when_it_wakes(server: str) -> None:
    async with channel(await new_database(server), seed=3) as line:
        await asyncio.gather(*(line.spawn() for _ in range(3)))
        writing = asyncio.create_task(converse(line))
        await asyncio.sleep(3)
        frozen = line.children[0]
        frozen.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2 * LEASE)
        frozen.process.send_signal(signal.SIGCONT)
        await writing
        await all_answered(line)
        check(line, accidents=1)
