"""A person is called for who has waited too long, whatever became of the worker that had the conversation.

A worker that is alive calls a person itself, see `bot.patience`. One that was killed, or hangs, cannot: its lease may
run for as long as a customer should wait at most. So every process looks, of whatever role: whichever comes first hands
over, in one transaction, and the worker stores nothing more in that conversation.
"""

import asyncio
import contextlib
import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from bot.conversation import Change, Conversation, Message, Pace
from bot.handoffs.escalation import Escalation
from bot.patience import CALLED_WITHIN
from bot.replying import parked
from bot.sections import HandoffSettings
from bot.storage import overdue as store
from llm.errors import AnswerdeskError
from retrieval.database import Database

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks."""


class Overdue:
    """Looks for who has waited too long. Any number of processes may run one, and all should."""

    def __init__(
        self,
        database: Database,
        rules: Mapping[str, HandoffSettings],
        pace: Pace,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`rules`: of the companies that are served."""
        self._database = database
        self._rules = {company: Escalation.of(settings) for company, settings in rules.items()}
        self._pace = pace
        self._now = now
        self._name = f"{os.getpid()}.{uuid.uuid4().hex[:12]}"
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Look until `stop`."""
        began = self._now()
        while not self._stopping.is_set():
            try:
                await self.look(began)
            except AnswerdeskError as error:
                began = self._now()  # nobody could be answered meanwhile: as after a start
                log.error("nobody can look who has waited too long: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    async def look(self, began: float) -> None:
        """Hand over who has waited too long by now.

        What was asked long before the service `began` is for the workers to answer: all of it was down, and a person
        should have been called long ago.
        """
        now = self._now()
        window = (list(self._rules), began - CALLED_WITHIN, now - self._pace.overdue)
        if not await self._database.read(store.some, *window):
            return
        lease = f"{self._name}.overdue"

        def park(conversation: Conversation, messages: Sequence[Message]) -> Change:
            change = parked(conversation, messages, "nobody has answered in time")
            return self._rules[conversation.company].told(change, now, conversation.language)

        while count := await self._database.write(store.hand_over, *window, lease, now, park):
            log.warning("%d customers have waited too long: a person is called", count)
            if count < store.AT_ONCE:
                return
