"""A worker: leases conversations that are due, works on many at a time, and gives every one of them back."""

import asyncio
import contextlib
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from bot import metrics
from bot.agenda import Agenda
from bot.conversation import Conversation, Pace
from bot.domain import Line
from bot.errors import Fenced
from bot.held import GivenBack, Held, recorded, see_through
from bot.storage import work as store
from llm.errors import AnswerdeskError
from retrieval.database import Database

log = logging.getLogger(__name__)
T = TypeVar("T")


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
        self._look = asyncio.Event()
        self._agenda = Agenda(now, pace.poll)

    async def run(self) -> None:
        """Work until `stop`; then finish what was begun."""
        unlisten = (self._database.listen("due", self._heard_due), self._database.listen("conversation", self._heard))
        watching = (
            asyncio.create_task(self._renew_for_ever(), name="renew leases"),
            asyncio.create_task(self._look_for_ever(), name="look at what is held"),
        )
        try:
            while not self._agenda.stopped:
                await self._claim()
                await self._agenda.wait(lambda: len(self._held) < self._concurrency)
            while self._tasks:
                await asyncio.wait(self._tasks.values())
        finally:
            for stop in unlisten:
                stop()
            # Broken off before they were done: the database must not be closed while they still give back.
            if broken_off := list(self._tasks.values()):
                self._break_off(broken_off)
                await asyncio.wait(broken_off)
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)

    async def stop(self, drain: float = 10.0) -> None:
        """Claim nothing more; what still runs after `drain` seconds is broken off, and free for other workers.

        But for what is being sent: until the channel has answered (30 s at most), and its answer is on record.
        """
        self._agenda.stop()
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
        self._agenda.looking()
        self._claims += 1
        until = now + self._pace.lease
        try:
            claimed = await self._database.write(
                store.claim, f"{self._name}.{self._claims}", free, self._lines, now, until
            )
            if self._agenda.stopped:  # which began while these were claimed
                for one in claimed.conversations:
                    await self._release(Held(one, until), GivenBack(one.settled))
                return
        except AnswerdeskError as error:
            log.error("no work can be claimed: %s", error)
            return
        if len(claimed.conversations) == free:
            self._agenda.due(now)
        elif claimed.next_due is not None:
            self._agenda.due(claimed.next_due)
        for conversation in claimed.conversations:
            self._begin(Held(conversation, until))

    def _begin(self, held: Held) -> None:
        key = held.conversation.id
        stale = self._tasks.get(key)
        if stale is not None:  # its lease ran out while this very worker, or the database, was stalled
            self._held[key].lost = True
            metrics.leases_lost.add(1)
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
        self._agenda.freed()

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
            metrics.fenced.add(1)
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

    def _heard_due(self, due: str) -> None:
        self._agenda.due(float(due or 0))

    def _heard(self, conversation: str) -> None:
        if held := self._held.get(conversation):
            held.changed.set()
        elif not conversation:
            self._look.set()

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._pace.lease / 3)
            if self._held:
                with _told("leases can't be renewed"):
                    await self._renew()

    async def _look_for_ever(self) -> None:
        """Notice what other processes change in the conversations that are held."""
        while True:
            await self._look.wait()
            self._look.clear()
            if self._held:
                with _told("conversations that are held can't be looked at"):
                    for one in await self._database.read(store.held, f"{self._name}."):
                        self._compare(one)

    async def _renew(self) -> None:
        held = dict(self._held)
        until = self._now() + self._pace.lease
        kept = await self._database.write(store.renew, [one.conversation for one in held.values()], until)
        leases = {one.id: one.lease for one in kept}
        for conversation in kept:  # an announcement may have been missed
            self._compare(conversation)
        for key, one in held.items():
            if leases.get(key) == one.conversation.lease:
                one.until = until
            elif self._held.get(key) is one:  # neither given back meanwhile, nor claimed anew
                one.lost = True
                metrics.leases_lost.add(1)
                self._tasks[key].cancel()

    def _compare(self, now: Conversation) -> None:
        held = self._held.get(now.id)
        if held is None or held.conversation.lease != now.lease:
            return
        before = held.seen or held.conversation
        if (before.last, before.owner) != (now.last, now.owner):
            held.changed.set()
        held.seen = now


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """What goes wrong is told, and doesn't end what has to go on."""
    try:
        yield
    except AnswerdeskError as error:
        log.error("%s: %s", what, error)
    except Exception:
        log.exception("%s", what)
