"""Workers: what they take, how they keep it, and that they give it back."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.conversation import Reply
from bot.domain import Answer, Author, Draft, Owner, Question
from bot.errors import Fenced
from bot.held import GivenBack, Held
from bot.ports import Outgoing, Receipt, Sent
from bot.storage import work
from bot.texts import text as words
from bot.turn import Turns
from bot.worker import Worker
from retrieval.database import Database
from retrieval.errors import StoreUnavailable
from tests.desk import CHAT, PACE, desk, echo

LATER = 1e12
"""A time that never comes."""


class Work:
    """Holds on to each conversation until the test lets it go."""

    def __init__(self) -> None:
        self.held: list[Held] = []
        self.ended: list[str] = []
        self.go = asyncio.Event()
        self._news = asyncio.Event()

    async def __call__(self, held: Held) -> GivenBack:
        self.held.append(held)
        self._news.set()
        try:
            await self.go.wait()
            self.ended.append("done")
        except asyncio.CancelledError:
            self.ended.append("broken off")
            raise
        finally:
            self._news.set()
        return GivenBack(held.conversation.queued)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()


class Failing:
    """A database in which an operation fails so many times."""

    def __init__(self, database: Database, operation: Callable[..., object], error: Exception, times: int) -> None:
        self.database = database
        self.operation = operation
        self.error = error
        self.times = times
        self.calls = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.database, name)

    async def read(self, operation: Callable[..., object], *args: object, **kwargs: object) -> object:
        self._fail(operation)
        return await self.database.read(operation, *args, **kwargs)

    async def write(self, operation: Callable[..., object], *args: object, **kwargs: object) -> object:
        self._fail(operation)
        return await self.database.write(operation, *args, **kwargs)

    def _fail(self, operation: Callable[..., object]) -> None:
        if operation is self.operation:
            self.calls += 1
            if self.calls <= self.times:
                raise self.error


def a_worker(
    database: Database, doing: Callable[[Held], Awaitable[GivenBack]], concurrency: int = 10, **pace: float
) -> Worker:
    return Worker(database, doing, [CHAT.line], replace(PACE, **pace), concurrency=concurrency)


async def test_no_more_is_held_than_the_worker_can_do(tmp_path: Path) -> None:
    holding = Work()
    async with desk(tmp_path, working=False) as at:
        for number in range(5):
            await at.writes("Hi", replace(CHAT, address=str(number)))
        worker = a_worker(at.database, holding, concurrency=2)
        running = asyncio.create_task(worker.run())
        await holding.until(lambda: len(holding.held) == 2)
        await asyncio.sleep(0.1)
        assert len(holding.held) == 2
        holding.go.set()
        await holding.until(lambda: len({held.conversation.id for held in holding.held}) == 5)
        await worker.stop()
        await running


async def test_a_lease_outlives_its_term_while_its_worker_does(tmp_path: Path) -> None:
    holding = Work()
    async with desk(tmp_path, working=False) as at:
        await at.writes("Hi")
        worker = a_worker(at.database, holding, lease=0.3)
        running = asyncio.create_task(worker.run())
        await holding.until(lambda: holding.held)
        await asyncio.sleep(1)
        assert len(holding.held) == 1
        assert (await at.conversation()).lease == holding.held[0].conversation.lease
        holding.go.set()
        await worker.stop()
        await running


async def test_work_on_a_lost_lease_is_broken_off(tmp_path: Path) -> None:
    holding = Work()
    async with desk(tmp_path, working=False) as at:
        await at.writes("Hi")
        worker = a_worker(at.database, holding, lease=0.3)
        running = asyncio.create_task(worker.run())
        await holding.until(lambda: holding.held)
        (taken,) = (await at.database.write(work.claim, "other", 1, [CHAT.line], LATER, LATER)).conversations
        await holding.until(lambda: holding.ended == ["broken off"])
        assert (await at.conversation()).lease == taken.lease
        await worker.stop()
        await running


async def test_who_stops_finishes_first(tmp_path: Path) -> None:
    async with desk(tmp_path, working=False) as at:
        worker = a_worker(at.database, holding := Work())
        running = asyncio.create_task(worker.run())
        await at.writes("Hi")
        await holding.until(lambda: holding.held)
        stopping = asyncio.create_task(worker.stop())
        await at.writes("Hello", replace(CHAT, address="late"))
        await asyncio.sleep(0.1)
        holding.go.set()
        await stopping
        await running
        assert (holding.ended, len(holding.held)) == (["done"], 1)


async def test_what_takes_too_long_is_given_back_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path, working=False) as at:
        worker = a_worker(at.database, holding := Work())
        running = asyncio.create_task(worker.run())
        await at.writes("Hi")
        await holding.until(lambda: holding.held)
        await worker.stop(drain=0.01)
        await running
        conversation = await at.conversation()
        assert conversation.lease is None
        assert conversation.due is not None


async def test_what_was_sent_is_on_record_when_the_worker_is_broken_off(tmp_path: Path) -> None:
    """The channel took the message; that is stored although the worker's tasks are cancelled right then."""

    def break_off(_message: Outgoing) -> Receipt:
        for task in asyncio.all_tasks():
            if task.get_name().startswith("conversation"):
                asyncio.get_running_loop().call_soon(task.cancel)
        return Sent()

    async with desk(tmp_path) as at:
        at.channel.receipts.append(break_off)
        await at.writes("Hi")
        await at.at_rest()
        assert [message.text for message in at.channel.attempts] == ["Hi"]


async def test_who_stops_hears_what_the_channel_says_to_a_message_on_its_way(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.channel.open.clear()
        await at.writes("Hi")
        await at.channel.until(lambda: at.channel.busy)
        stopping = asyncio.create_task(at.worker.stop(drain=0.01))
        await asyncio.sleep(0.1)
        at.channel.open.set()
        await stopping
        conversation = await at.conversation()
        assert (conversation.lease, conversation.due) == (None, None)
        assert [message.text for message in at.channel.arrived] == ["Hi"]


async def test_what_is_claimed_while_the_worker_stops_is_given_back_at_once(tmp_path: Path) -> None:
    go = threading.Event()
    async with desk(tmp_path, working=False) as at:
        await at.writes("Hi")
        holding = Work()
        worker = a_worker(at.database, holding)
        await at.until(lambda conversation: (conversation.due or 0) <= time.time())
        busy = asyncio.create_task(at.database.write(lambda _connection: go.wait(20)))
        running = asyncio.create_task(worker.run())
        await asyncio.sleep(0.05)
        await worker.stop()
        go.set()
        async with asyncio.timeout(20):
            await asyncio.gather(busy, running)
        conversation = await at.conversation()
        assert (holding.held, conversation.lease) == ([], None)
        assert conversation.due is not None


@pytest.mark.parametrize("lease", [15.0, 0.3])
async def test_what_was_sent_is_recorded_once_the_database_can_be_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lease: float
) -> None:
    """Also when the lease runs out before, and the same worker claims the conversation again."""
    monkeypatch.setattr("bot.held.RECORD_AGAIN", 0.05)
    async with desk(tmp_path, pace=replace(PACE, lease=lease)) as at:
        at.channel.open.clear()
        await at.writes("Hi")
        await at.channel.until(lambda: at.channel.busy)
        await at.database.write(rename, "conversation", "away")
        at.channel.open.set()
        await at.channel.texts(1)
        await asyncio.sleep(0.5)
        await at.database.write(rename, "away", "conversation")
        await at.at_rest()
        assert [message.text for message in at.channel.attempts] == ["Hi"]


def rename(connection: Connection, table: str, name: str) -> None:
    connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


async def test_work_that_fails_is_given_back_for_later(tmp_path: Path) -> None:
    attempts = []

    async def fail_once(held: Held) -> GivenBack:
        attempts.append(held.conversation.failures)
        if len(attempts) == 1:
            raise RuntimeError("a bug")
        return GivenBack(0)

    async with desk(tmp_path, working=False) as at:
        await at.writes("Hi")
        worker = a_worker(at.database, fail_once)
        running = asyncio.create_task(worker.run())
        await at.until(lambda _conversation: len(attempts) > 1)
        await worker.stop()
        await running
        assert attempts[:2] == [0, 1]


async def test_a_fenced_worker_gives_nothing_back_that_is_not_its_own(tmp_path: Path) -> None:
    async def fenced(held: Held) -> GivenBack:
        await at.database.write(work.claim, "other", 1, [CHAT.line], LATER, LATER)
        raise Fenced("taken over")

    async with desk(tmp_path, working=False) as at:
        await at.writes("Hi")
        worker = a_worker(at.database, fenced)
        running = asyncio.create_task(worker.run())
        await at.until(lambda conversation: conversation.lease == "other")
        await worker.stop()
        await running
        assert (await at.conversation()).lease == "other"


async def test_a_worker_outlives_a_database_that_fails_for_a_while(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(tmp_path, working=False) as at:
        await at.writes("Hi")
        holding = Work()
        holding.go.set()
        failing = Failing(at.database, work.claim, StoreUnavailable("The disk is full."), 3)
        worker = a_worker(failing, holding)  # type: ignore[arg-type]
        running = asyncio.create_task(worker.run())
        await holding.until(lambda: holding.held)
        await worker.stop()
        await running
    assert "The disk is full." in caplog.text


async def test_leases_are_renewed_after_an_error_that_nobody_thought_of(tmp_path: Path) -> None:
    async with desk(tmp_path, working=False) as at:
        await at.writes("Hi")
        holding = Work()
        failing = Failing(at.database, work.renew, RuntimeError("a bug"), 1)
        worker = a_worker(failing, holding, lease=0.6)  # type: ignore[arg-type]
        running = asyncio.create_task(worker.run())
        await at.until(lambda _conversation: failing.calls > 2)
        holding.go.set()
        await worker.stop()
        await running


async def test_a_question_behind_messages_that_can_not_be_read_calls_a_person(tmp_path: Path) -> None:
    async with desk(tmp_path, working=False) as at:
        failing = Failing(at.database, work.outbox, StoreUnavailable("The disk is broken."), 3)
        turns = Turns(failing, echo, {CHAT.line: at.channel}, PACE)  # type: ignore[arg-type]
        worker = a_worker(at.database, turns.work)
        await at.writes("Hi")
        now = (await at.conversation()).due or 0
        (leased,) = (await at.database.write(work.claim, "w1", 1, [CHAT.line], now, now + 10)).conversations
        await at.database.write(work.notice, leased, Reply("Hold on.", Author.BOT), now)
        await at.database.write(work.release, leased, 0, now)
        running = asyncio.create_task(worker.run())
        assert await at.channel.texts(2) == ["Hold on.", words("failed_handed_over", "en")]
        await worker.stop()
        await running


async def test_another_process_claim_stops_the_answer_at_once(tmp_path: Path) -> None:
    """On SQLite nobody tells whose commit it was; long before the next renewal the worker has looked."""
    drafting = asyncio.Event()
    stopped = asyncio.Event()

    async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
        drafting.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        yield Draft(question.text)

    async with desk(tmp_path, answer, replace(PACE, lease=600.0)) as at, desk(tmp_path, working=False) as other:
        await at.writes("Hi")
        await asyncio.wait_for(drafting.wait(), 20)
        await other.handoffs.claim("acme", (await at.conversation()).id, "ann")
        await asyncio.wait_for(stopped.wait(), 20)


async def test_another_process_work_is_found_without_being_told(tmp_path: Path) -> None:
    async with desk(tmp_path, working=False) as writer, desk(tmp_path) as reader:
        await writer.writes("Hi")
        assert await reader.channel.texts(1) == ["Hi"]


async def test_thousands_of_conversations_are_worked_on_at_the_same_time(tmp_path: Path) -> None:
    waiting = 0
    everyone = asyncio.Event()

    async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
        nonlocal waiting
        waiting += 1
        if waiting == 300:
            everyone.set()
        await everyone.wait()
        async for step in echo(question):
            yield step

    async with desk(tmp_path, answer, concurrency=300) as at:
        await asyncio.gather(*(at.writes("Hi", replace(CHAT, address=str(number))) for number in range(300)))
        assert len(await at.channel.texts(300)) == 300


async def test_each_conversation_is_in_order(tmp_path: Path) -> None:
    async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
        await asyncio.sleep(0.001 * (len(question.text) % 7))
        async for step in echo(question):
            yield step

    async def customer(number: int) -> None:
        for message in range(8):
            await at.writes(str(message), replace(CHAT, address=str(number)))
            await asyncio.sleep(0.02 * (number % 3))

    async with desk(tmp_path, answer) as at:
        await asyncio.gather(*(customer(number) for number in range(20)))
        for number in range(20):
            await at.at_rest(replace(CHAT, address=str(number)))
            said = await at.said(Author.BOT, replace(CHAT, address=str(number)))
            assert "\n".join(said).split() == [str(message) for message in range(8)]
            assert (await at.conversation(replace(CHAT, address=str(number)))).owner is Owner.BOT
