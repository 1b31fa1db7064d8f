"""What the clock does to cases: snoozed ones come back, idle ones are asked about, and go back to the bot.

Each also gets a suggestion soon after it was opened, and files that customers chose and never sent go. All of it stands
in SQL as times that have passed or not: any worker may do it, and none is needed all the time.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping

from bot.handoffs.handoff import Handoffs
from bot.handoffs.suggesting import Suggesting
from bot.sections import HandoffSettings
from bot.storage import files
from bot.storage import tending as store
from llm.errors import AnswerdeskError, UsageError
from retrieval.database import Database

log = logging.getLogger(__name__)

POLL = 5.0
"""Seconds between two looks."""
SUGGESTED_AT_ONCE = 4
HOUR = 3600.0
UNSENT_KEPT = 24 * HOUR
"""Seconds for which a file is kept that a customer has chosen, and sent with no message."""


class Tending:
    """Does what is due. Any number of processes may run one."""

    def __init__(
        self,
        database: Database,
        suggesting: Suggesting,
        rules: Mapping[str, HandoffSettings],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`rules`: of the companies whose cases are tended."""
        self._database = database
        self._suggesting = suggesting
        self._handoffs = Handoffs(database, now)
        self._rules = rules
        self._now = now
        self._wake = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Work until `stop`; then finish what was begun."""
        unlisten = self._database.listen("handoff", lambda _due: self._wake.set())
        try:
            while not self._stopping:
                self._wake.clear()
                await self.tend()
                await self.suggest()
                await self._rest()
        finally:
            unlisten()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True
        self._wake.set()

    async def tend(self) -> None:
        """Wake, ask, return and remove what is due by now."""
        for company, rules in self._rules.items():
            try:
                await self._tend(company, rules.idle_hours * HOUR, rules.idle_answer_hours * HOUR)
                await self._forget_unsent(company)
            except AnswerdeskError as error:
                log.error("cases of %s can't be tended: %s", company, error)

    async def _tend(self, company: str, idle: float, answer: float) -> None:
        now = self._now()
        for case in await self._database.read(store.due, company, now, idle, answer):
            if case.snoozed_until is not None:
                await self._database.write(store.wake, case, now)
            elif case.idle_since is None:
                await self._database.write(store.ask, case, now, idle, answer)
            else:
                await self._handoffs.return_idle(company, case.conversation, case.idle_since)

    async def _forget_unsent(self, company: str) -> None:
        before = self._now() - UNSENT_KEPT
        if await self._database.read(files.some_unsent, company, before):
            await self._database.write(files.forget_unsent, company, before)

    async def suggest(self) -> None:
        """Make the suggestions that are wanted."""
        companies, now = list(self._rules), self._now()
        try:
            if not await self._database.read(store.wanted, companies, now, 1):
                return
            taken = await self._database.write(store.take_wanted, companies, now, SUGGESTED_AT_ONCE)
        except AnswerdeskError as error:
            log.error("no cases can be looked at: %s", error)
            return
        await asyncio.gather(*(self._suggest(*each) for each in taken))

    async def _suggest(self, company: str, conversation: str) -> None:
        try:
            await self._suggesting.suggest(company, conversation)
        except UsageError as nothing:
            log.info("nothing is suggested for conversation %s: %s", conversation, nothing)
            await self._database.write(store.suggest_nothing, company, conversation)
        except Exception:
            log.exception("no suggestion could be made for conversation %s", conversation)

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await self._wake.wait()
