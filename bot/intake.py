"""Taking in what channels report: stored durably, once, before the channel hears that we have it."""

import time
from collections.abc import Callable
from dataclasses import replace

from bot import metrics, tracing
from bot.conversation import Pace
from bot.ports import Attachment, Inbound
from bot.storable import storable
from bot.storage.conversations import Duplicate, receive
from llm.telemetry import traceparent
from retrieval.database import Database

LONGEST_TEXT = 32_000
"""Characters kept of one message; no channel of ours sends more, and no question needs it."""


class Intake:
    """The inbox of all connectors."""

    def __init__(self, database: Database, pace: Pace, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._pace = pace
        self._now = now

    async def receive(self, event: Inbound) -> bool:
        """Store the event durably; False if it was there already.

        Raises `retrieval.errors.StoreUnavailable` and `llm.errors.UsageError` (an unknown company).
        """
        line = metrics.of_line(event.chat.line)
        with tracing.intake(event.chat) as taken:
            trace = traceparent(taken)
            try:
                stored = self._database.write(receive, _storable(event), self._pace, self._now(), trace)
                taken.set_attribute(tracing.CONVERSATION, await stored)
            except Duplicate:
                metrics.redeliveries.add(1, line)
                return False
        metrics.messages.add(1, line)
        return True


def _storable(event: Inbound) -> Inbound:
    """What no database can hold must not come back for ever: half characters, NUL, and names beyond all measure."""
    return replace(
        event,
        text=storable(event.text)[:LONGEST_TEXT],
        quote=storable(event.quote)[:LONGEST_TEXT],
        name=storable(event.name)[:200],
        language=storable(event.language).replace("_", "-").partition("-")[0].lower()[:8],
        ref=storable(event.ref),
        author=storable(event.author),
        attachments=[_storable_file(file) for file in event.attachments],
    )


def _storable_file(file: Attachment) -> Attachment:
    return replace(
        file,
        ref=storable(file.ref),
        name=storable(file.name)[:255],
        media_type=storable(file.media_type)[:255],
        album=storable(file.album),
    )
