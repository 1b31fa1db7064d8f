"""Carries out what is stored: in order in each lane, again after a crash, and with a word when it can't be."""

import asyncio
import contextlib
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping

from bot.agenda import Agenda
from bot.errors import Fenced
from bot.held import see_through
from bot.storage import errands as store
from bot.storage.errands import Errand
from connectors.notices import Notices
from connectors.slack.calling import Clients
from connectors.slack.telling import tell
from connectors.slack.troubles import MENDABLE, SETTINGS_WAIT, Failures, code, explain, retry_after
from llm.errors import AnswerdeskError
from retrieval.database import Database
from retrieval.errors import StoreUnavailable

log = logging.getLogger(__name__)

LEASE = 30.0
POLL = 1.0
AT_ONCE = 32
PATIENCE = 40
"""Attempts while Slack or the database can't be reached: half an hour, at a minute each in the end."""
ATTEMPTS = 6
"""What we fail at ourselves so often is given up."""
BROKEN = "That didn't work, and was given up: something broke on our side. Look at the case before you try again."
FORGET = 3600.0

Does = Callable[[Errand], Awaitable[None]]


class Errands:
    """Works off one company's errands. Any number of processes may."""

    def __init__(
        self,
        database: Database,
        company: str,
        clients: Clients,
        does: Mapping[str, Does],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`does`: what carries out an errand, by its kind."""
        self._database = database
        self._company = company
        self._clients = clients
        self._does = does
        self._now = now
        self._name = f"{os.getpid()}.{uuid.uuid4().hex[:12]}"
        self._claims = 0
        self._held: dict[str, Errand] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._agenda = Agenda(now, POLL)
        self._forget_at = 0.0
        self._notices = Notices("Slack, what staff do")

    async def run(self) -> None:
        """Work until `stop`; then finish what was begun."""
        unlisten = self._database.listen("errand", self._heard)
        renewing = asyncio.create_task(self._renew_for_ever(), name="renew errands")
        try:
            while not self._agenda.stopped:
                await self._claim()
                await self._agenda.wait(lambda: len(self._tasks) < AT_ONCE)
            while self._tasks:
                await asyncio.wait(self._tasks.values())
        finally:
            unlisten()
            renewing.cancel()
            await self._break_off()
            await asyncio.wait([renewing])

    async def stop(self, drain: float = 10.0) -> None:
        """Begin nothing more; what still runs after `drain` seconds is broken off, and free for other processes."""
        self._agenda.stop()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=drain)
        await self._break_off()

    async def _break_off(self) -> None:
        if tasks := list(self._tasks.values()):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _claim(self) -> None:
        now, free = self._now(), AT_ONCE - len(self._tasks)
        if free <= 0:
            return
        self._agenda.looking()
        self._claims += 1
        lease = f"{self._name}.{self._claims}"
        try:
            if now > self._forget_at:
                self._forget_at = now + FORGET
                await self._database.write(store.forget, now)
            claimed = await self._database.write(store.claim, lease, free, [self._company], now, now + LEASE)
        except StoreUnavailable as error:
            log.error("nothing that staff did in Slack can be carried out: %s", error)
            return
        if claimed.next_due is not None:
            self._agenda.due(claimed.next_due)
        for errand in claimed.errands:
            self._held[errand.id] = errand
            self._tasks[errand.id] = task = asyncio.create_task(self._see_to(errand), name=f"errand {errand.id}")
            task.add_done_callback(lambda task, errand=errand: self._finished(errand, task))  # type: ignore[misc]

    def _finished(self, errand: Errand, task: asyncio.Task[None]) -> None:
        if self._held.get(errand.id) is errand:
            del self._held[errand.id], self._tasks[errand.id]
        if not task.cancelled() and (error := task.exception()):
            log.error("errand %s can't be given back, and waits for its lease to run out: %s", errand.id, error)
        self._agenda.due()  # the next one in its lane is free now

    async def _see_to(self, errand: Errand) -> None:
        delay: float | None = None
        try:
            delay = await self._carry_out(errand)
        except asyncio.CancelledError:
            delay = 0.0
            raise
        finally:
            with contextlib.suppress(Fenced):
                if delay is None:
                    await see_through(self._database.write(store.finish, errand))
                else:
                    await see_through(self._database.write(store.put_off, errand, self._now() + delay))

    async def _carry_out(self, errand: Errand) -> float | None:
        """Seconds until it is tried again; None when it is over."""
        try:
            await self._does[errand.kind](errand)
        except Fenced:
            log.info("errand %s was taken over by another process", errand.id)
        except StoreUnavailable as error:
            return self._again(errand, str(error), _backoff(errand))
        except AnswerdeskError as error:
            await tell(self._clients, errand.body, str(error))
        except Failures as error:
            wait = SETTINGS_WAIT if code(error) in MENDABLE else _backoff(errand)
            wait = retry_after(error) if "limited" in code(error) else wait
            return self._again(errand, explain(error), wait)
        except Exception:
            log.exception("errand %s failed, which should not happen", errand.id)
            if errand.attempts < ATTEMPTS:
                return _backoff(errand)
            await tell(self._clients, errand.body, BROKEN)
        else:
            self._notices.fine()
        return None

    def _again(self, errand: Errand, why: str, wait: float) -> float | None:
        self._notices.trouble(why)
        if errand.attempts >= PATIENCE:
            log.error("errand %s was given up: %s", errand.id, why)
            return None
        return wait

    def _heard(self, company: str) -> None:
        if company in ("", self._company):
            self._agenda.due()

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LEASE / 3)
            held = dict(self._held)
            if not held:
                continue
            try:
                kept = await self._database.write(store.renew, list(held.values()), self._now() + LEASE)
            except StoreUnavailable as error:
                log.error("errands can't be kept: %s", error)
                continue
            for key in held.keys() - set(kept):
                if self._held.get(key) is held[key]:  # neither given back meanwhile, nor claimed anew
                    self._tasks[key].cancel()


def _backoff(errand: Errand) -> float:
    return float(min(2.0 ** (errand.attempts - 1), 60.0))
