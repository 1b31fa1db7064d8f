"""Keeps the threads of a staff channel, such as Slack's, in step with the cases: durable, in order, once.

What a thread shows is on record with its case, so that any process goes on where another one stopped, after any outage.
A thread is opened once: before the call it is noted that it may happen, and who finds such a note looks for the thread
in the channel first.
"""

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from bot.agenda import Agenda
from bot.conversation import Status
from bot.errors import BotError, Fenced
from bot.handoffs.casefile import Case, Entry, EntryKind
from bot.held import see_through
from bot.ports import Gone, Receipt, Rejected, Retry, Sent, StaffChannel, Unknown
from bot.storage import cases
from bot.storage import mirroring as store
from bot.storage.conversations import one_message
from bot.storage.mirroring import Mirrored
from llm.errors import AnswerdeskError
from retrieval.database import Database

log = logging.getLogger(__name__)

LEASE = 60.0
"""Seconds after which a process that isn't heard of loses its cases to others."""
CALL_SECONDS = 25.0
"""A channel that takes longer has broken off. Well below the lease: a call ends before another process may begin it."""
POLL = 1.0
AT_ONCE = 16
RESEND_UNKNOWN = 3
"""An entry of which the channel never said that it took it is posted at most so often."""
CLOSED_WAIT = 600.0
"""Seconds until a channel is tried again that can't be written to: archived, uninstalled, or without rights."""
LONGEST_WAIT = 60.0
UNSENT_WAIT = 30.0
"""A message that waits to be sent is shown when it was sent, or so many seconds later."""
UNSENT_LOOK = 0.5


class PutOff(BotError):
    """Not now: the channel asked to wait, or can't be reached."""

    def __init__(self, delay: float, why: str, *, failed: bool = True) -> None:
        super().__init__(why)
        self.delay = delay
        self.failed = failed


class Mirror:
    """Opens a thread for each case, posts what happens, and redraws the card. Any number of processes may run one."""

    def __init__(
        self, database: Database, channels: Mapping[str, StaffChannel], now: Callable[[], float] = time.time
    ) -> None:
        """`channels`: by company."""
        self._database = database
        self._channels = channels
        self._now = now
        self._name = f"{os.getpid()}.{uuid.uuid4().hex[:12]}"
        self._claims = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._agenda = Agenda(now, POLL)

    async def run(self) -> None:
        """Work until `stop`; then finish what was begun."""
        unlisten = self._database.listen("handoff", self._heard)
        try:
            while not self._agenda.stopped:
                await self._claim()
                await self._agenda.wait(lambda: len(self._tasks) < AT_ONCE)
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            unlisten()
            await self._break_off()

    async def stop(self, drain: float = 10.0) -> None:
        """Begin nothing more; what still runs after `drain` seconds is broken off, and free for other processes."""
        self._agenda.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=drain)
        await self._break_off()

    async def _break_off(self) -> None:
        if tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _claim(self) -> None:
        now, free = self._now(), AT_ONCE - len(self._tasks)
        if not free:
            return
        self._agenda.looking()
        self._claims += 1
        lease = f"{self._name}.{self._claims}"
        try:
            claimed, next_due = await self._database.write(
                store.claim, lease, free, list(self._channels), now, now + LEASE
            )
        except AnswerdeskError as error:
            log.error("no cases can be looked at: %s", error)
            return
        if next_due is not None:
            self._agenda.due(next_due)
        for leased in claimed:
            task = asyncio.create_task(self._see_to(leased, now + LEASE), name=f"case {leased.id}")
            self._tasks.add(task)
            task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("%s can't be given back, and waits for its lease to run out: %s", task.get_name(), error)
        self._agenda.freed()

    def _heard(self, due: str) -> None:
        self._agenda.due(float(due or 0))

    async def _see_to(self, leased: Mirrored, until: float) -> None:
        hand = _Hand(self._database, self._channels[leased.company], self._now, leased, until)
        delay: float | None = 0.0
        attempts = leased.attempts
        try:
            await hand.keep_up()
            delay, attempts = None, 0
        except Fenced:
            log.info("case %s was taken over by another process", leased.id)
        except PutOff as pause:
            delay, attempts = pause.delay, hand.leased.attempts + pause.failed
            log.info("the thread of case %s is put off for %.1f s: %s", leased.id, pause.delay, pause)
        except Exception:
            delay = LONGEST_WAIT
            log.exception("the thread of case %s is put off", leased.id)
        finally:
            release = self._database.write(store.release, hand.leased, hand.seen, self._now(), delay, attempts)
            await see_through(release)


class _Hand:
    """One case in the hands of a mirror."""

    def __init__(
        self, database: Database, channel: StaffChannel, now: Callable[[], float], leased: Mirrored, until: float
    ) -> None:
        self.leased = leased
        self.seen = leased.version
        self._database = database
        self._channel = channel
        self._now = now
        self._until = until

    async def keep_up(self) -> None:
        """Bring the thread up to date. Raises `PutOff`, `Fenced` and `StoreUnavailable`."""
        case = await self._database.read(cases.by_id, self.leased.company, self.leased.id)
        if case is None or (self.leased.thread is None and case.closed_at is not None):
            return  # nobody needs a thread of what is over
        thread = self.leased.thread or await self._open(case)
        where = (self.leased.company, self.leased.conversation, self.leased.shown)
        for entry in await self._database.read(cases.timeline, *where):
            if case.closed_at is not None and entry.at > case.closed_at and entry.kind is not EntryKind.NOTE:
                break  # of the conversation's next case
            await self._show(thread, case, entry)
        if self.leased.drawn < self.seen:
            await self._settled(lambda: self._channel.redraw(thread, case))
            await self._note(drawn=self.seen)

    async def _open(self, case: Case) -> str:
        """The case's thread: one that was opened before without our knowing, else a new one."""
        thread, drawn = None, 0  # what was opened without our knowing shows the case as it was then
        if self.leased.opening:
            try:
                thread = await self._channel.find_thread(case.id)
            except AnswerdeskError as error:
                raise PutOff(_backoff(self.leased.attempts), str(error)) from error
        if thread is None:
            await self._note(opening=1)
            receipt = await self._call(lambda: self._channel.open_thread(case, case.id))
            if not isinstance(receipt, Sent):
                if not isinstance(receipt, Unknown):
                    await self._note(opening=0)  # it wasn't opened, and that is certain
                raise self._pause(receipt)
            thread, drawn = receipt.refs[0], self.seen
        await see_through(self._note(thread=thread, opening=0, drawn=drawn, attempts=0))
        return thread

    async def _show(self, thread: str, case: Case, entry: Entry) -> None:
        if entry.status is Status.OUTBOX:
            entry = await self._as_it_is_now(entry)
        if entry.status is Status.OUTBOX and self._now() - entry.at < UNSENT_WAIT:
            raise PutOff(UNSENT_LOOK, "a message waits to be sent", failed=False)
        if not self._is_known_there(entry):
            await self._settled(lambda: self._channel.post(thread, case, entry))
        await see_through(self._note(shown=entry.cursor, attempts=0))

    async def _as_it_is_now(self, entry: Entry) -> Entry:
        """A claim may have withdrawn what waited when the timeline was read, a while ago perhaps."""
        where = (self.leased.company, self.leased.conversation, int(entry.id.removeprefix("m")))
        message = await self._database.read(one_message, *where)
        return replace(entry, status=message.status) if message else entry

    def _is_known_there(self, entry: Entry) -> bool:
        """What was written there, or was never sent, isn't posted."""
        written_there = entry.kind is EntryKind.NOTE and entry.key.startswith(f"{self._channel.name}:")
        return written_there or entry.status is Status.WITHDRAWN

    async def _settled(self, call: Callable[[], Awaitable[Receipt]]) -> None:
        """Call until there is nothing more to be done about it. Raises `PutOff` when that is later."""
        match await self._call(call):
            case Sent():
                return
            case Rejected(why):
                log.error("the staff channel refuses a part of case %s: %s", self.leased.id, why)
            case Unknown(why) if self.leased.attempts + 1 >= RESEND_UNKNOWN:
                log.error("the staff channel never took a part of case %s: %s", self.leased.id, why)
            case Gone(why, moved_to) if moved_to:
                await self._note(thread=moved_to)
                raise PutOff(0.0, why)
            case trouble:
                raise self._pause(trouble)

    def _pause(self, receipt: Receipt) -> PutOff:
        match receipt:
            case Retry(after, why):
                return PutOff(max(after, _backoff(self.leased.attempts)), why)
            case Gone(why) | Rejected(why):
                log.error("the staff channel of %s can't be written to: %s", self.leased.company, why)
                return PutOff(CLOSED_WAIT, why)
            case Unknown(why):
                return PutOff(_backoff(self.leased.attempts), why)
            case _:
                raise TypeError(f"{receipt} is no trouble.")

    async def _call(self, call: Callable[[], Awaitable[Receipt]]) -> Receipt:
        if self._now() + CALL_SECONDS >= self._until:
            await self._note()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await call()
        except TimeoutError:
            return Unknown(f"nothing was heard for {CALL_SECONDS:g} s")
        except Exception as error:
            log.exception("the staff channel %s raised, which it should not", self._channel.name)
            return Unknown(f"{type(error).__name__}: {error}")

    async def _note(self, **changes: object) -> None:
        """Record what the thread shows, and keep the lease. Raises `Fenced`."""
        until = self._now() + LEASE
        self.leased = await self._database.write(store.note, self.leased, until, changes)
        self._until = until


def _backoff(attempts: int) -> float:
    return float(min(2**attempts, LONGEST_WAIT))
