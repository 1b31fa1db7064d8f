"""A worker: leases conversations that are due, works on many at a time, and gives every one of them back."""

import asyncio
import contextlib
import itertools
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.conversation import Conversation, Message, Pace
from bot.domain import Line
from bot.errors import Fenced
from bot.storage import work as store
from llm.errors import AnswerdeskError
from retrieval.database import Database
from retrieval.errors import StoreUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

RECORD_AGAIN = 0.25
"""Seconds between two attempts to record something in a database that can't be used."""


@dataclass(slots=True, eq=False)
class Held:
    """A conversation that this worker has the lease of."""

    conversation: Conversation
    """As it was when it was claimed."""
    until: float
    """When the lease runs out, unless it is renewed."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever something may have happened to the conversation."""
    lost: bool = False
    leaving: bool = False
    """The worker stops, and waits no longer than it must."""
    beside: "asyncio.Task[tuple[GivenBack, float]] | None" = None
    """Something that is said while the turn goes on: how that ended, and when."""
    given_back: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    """Closed when the conversation has been given back."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """How a conversation is given back."""

    settled: int
    """The outbox is dealt with up to here."""
    delay: float = 0.0
    """Seconds until it is looked at again, if there is more to do."""
    failed: bool = False
    put_off: bool = False
    """The channel asked to wait: what is in the outbox comes before anything new."""
    sent: Message | None = None
    """The last message sent; it is settled together with giving back, which saves a commit."""


async def see_through(doing: Coroutine[Any, Any, T]) -> T:
    """Finish what must not be broken off: a cancellation meanwhile is put off to what the task waits for next.

    What was sent and isn't on record would be sent again.
    """
    current, task, cancelled = asyncio.current_task(), asyncio.create_task(doing), False
    assert current is not None  # noqa: S101 - a coroutine always runs in a task
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            current.uncancel()
            cancelled = True
    if cancelled:
        current.cancel()
    return task.result()


async def recorded(held: Held, now: Callable[[], float], write: Callable[[], Awaitable[T]]) -> T:
    """Write what must be on record, again and again while the database can't be used.

    A worker that stops gives up when the lease has run out. Raises `StoreUnavailable` then.
    """
    for attempt in itertools.count():
        try:
            return await write()
        except StoreUnavailable as error:
            if held.leaving and now() >= held.until:
                raise
            if not attempt:
                log.warning("conversation %s isn't on record yet: %s", held.conversation.id, error)
            await asyncio.sleep(RECORD_AGAIN)
    raise AssertionError("Counting never ends.")


class Worker:
    """Runs `work` for each conversation that is due."""

    def __init__(
        self,
        database: Database,
        work: Callable[[Held], Awaitable[GivenBack]],
        lines: Sequence[Line],
        pace: Pace,
        *,
        concurrency: int = 2_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._work = work
        self._lines = lines
        self._pace = pace
        self._concurrency = concurrency
        self._now = now
        self._name = f"{os.getpid()}.{uuid.uuid4().hex[:12]}"
        self._claims = 0
        self._held: dict[str, Held] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._next_due = 0.0
        self._stopping = False

    async def run(self) -> None:
        """Work until `stop`; then finish what was begun."""
        unlisten = (self._database.listen("due", self._heard_due), self._database.listen("conversation", self._heard))
        renewing = asyncio.create_task(self._renew_for_ever(), name="renew leases")
        try:
            while not self._stopping:
                await self._claim()
                await self._wait()
            while self._tasks:
                await asyncio.wait(self._tasks.values())
        finally:
            for stop in unlisten:
                stop()
            # Broken off before they were done: the database must not be closed while they still give back.
            if broken_off := list(self._tasks.values()):
                self._break_off(broken_off)
                await asyncio.wait(broken_off)
            renewing.cancel()
            await asyncio.wait([renewing])

    async def stop(self, drain: float = 10.0) -> None:
        """Claim nothing more; what still runs after `drain` seconds is broken off, and free for other workers.

        But for what is being sent: until the channel has answered (30 s at most), and its answer is on record.
        """
        self._stopping = True
        self._wake.set()
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=drain)
            self._break_off(late)
            await asyncio.wait(tasks)

    def _break_off(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        for held in self._held.values():
            held.leaving = True
        for task in tasks:
            task.cancel()

    async def _claim(self) -> None:
        free = self._concurrency - len(self._held)
        now = self._now()
        if not free:
            return
        self._next_due = now + self._pace.poll
        self._claims += 1
        until = now + self._pace.lease
        try:
            claimed = await self._database.write(
                store.claim, f"{self._name}.{self._claims}", free, self._lines, now, until
            )
            if self._stopping:  # which began while these were claimed
                for one in claimed.conversations:
                    await self._release(Held(one, until), GivenBack(one.settled))
                return
        except AnswerdeskError as error:
            log.error("no work can be claimed: %s", error)
            return
        if len(claimed.conversations) == free:
            self._next_due = now
        elif claimed.next_due is not None:
            self._next_due = min(self._next_due, claimed.next_due)
        for conversation in claimed.conversations:
            self._begin(Held(conversation, until))

    def _begin(self, held: Held) -> None:
        key = held.conversation.id
        stale = self._tasks.get(key)
        if stale is not None:  # its lease ran out while this very worker, or the database, was stalled
            self._held[key].lost = True
            stale.cancel()
        self._held[key] = held
        self._tasks[key] = task = asyncio.create_task(self._see_through(held, stale), name=f"conversation {key}")
        task.add_done_callback(lambda task: self._finish(held, task))

    def _finish(self, held: Held, task: asyncio.Task[None]) -> None:
        key = held.conversation.id
        if self._held.get(key) is held:
            del self._held[key], self._tasks[key]
        if not task.cancelled() and (error := task.exception()):
            log.error("conversation %s can't be given back, and waits for its lease to run out: %s", key, error)
        self._wake.set()

    async def _see_through(self, held: Held, stale: asyncio.Task[None] | None) -> None:
        if stale:  # what it sent must be on record before anything is sent anew
            await see_through(asyncio.wait([stale]))
        with held.given_back:
            await self._work_and_release(held)

    async def _work_and_release(self, held: Held) -> None:
        outcome = GivenBack(held.conversation.settled)
        try:
            outcome = await self._work(held)
        except Fenced:
            log.info("conversation %s was taken over", held.conversation.id)
        except Exception:
            log.exception("work on conversation %s failed", held.conversation.id)
            delay = self._pace.retries[0] * 2 ** min(held.conversation.failures, 7)
            outcome = GivenBack(held.conversation.settled, delay=delay, failed=True)
        finally:
            if outcome.sent or not held.lost:
                await see_through(recorded(held, self._now, lambda: self._release(held, outcome)))

    async def _release(self, held: Held, outcome: GivenBack) -> None:
        await self._database.write(
            store.release,
            held.conversation,
            outcome.settled,
            self._now(),
            delay=outcome.delay,
            quiet=self._pace.quiet,
            failed=outcome.failed,
            sent=outcome.sent,
        )

    async def _wait(self) -> None:
        """Until there may be something to claim."""
        while not self._stopping:
            pause = self._next_due - self._now()
            if pause <= 0 and len(self._held) < self._concurrency:
                return
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(pause, 0) if len(self._held) < self._concurrency else None):
                    await self._wake.wait()

    def _heard_due(self, due: str) -> None:
        self._next_due = min(self._next_due, float(due))
        self._wake.set()

    def _heard(self, conversation: str) -> None:
        if held := self._held.get(conversation):
            held.changed.set()

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._pace.lease / 3)
            if self._held:
                try:
                    await self._renew()
                except AnswerdeskError as error:
                    log.error("leases can't be renewed: %s", error)

    async def _renew(self) -> None:
        held = dict(self._held)
        until = self._now() + self._pace.lease
        kept = await self._database.write(store.renew, [one.conversation for one in held.values()], until)
        leases = {one.id: one.lease for one in kept}
        for key, one in held.items():
            if leases.get(key) == one.conversation.lease:
                one.until = until
                one.changed.set()  # an announcement may have been missed
            elif self._held.get(key) is one:  # neither given back meanwhile, nor claimed anew
                one.lost = True
                self._tasks[key].cancel()
