"""An answer that is being made, shown in the customer's chat as it grows."""

import asyncio
import contextlib
import itertools
import logging
import time
from dataclasses import dataclass, field

from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramServerError,
)
from aiogram.methods import SendMessageDraft

from connectors.telegram.holds import Holds
from connectors.telegram.places import Place
from connectors.telegram.rendering import render_draft
from connectors.telegram.troubles import safe

log = logging.getLogger(__name__)

INTERVAL = 0.7
"""Seconds between two drafts of a chat: fluent to read, and far from Telegram's limits."""
REFRESH = 20.0
"""Telegram shows a draft for 30 s; a stalled answer is shown again before."""
LAST_WORD = 1.0
"""Seconds that a draft on its way may take before the message that replaces it is sent."""


@dataclass(slots=True, eq=False)
class _Draft:
    id: int
    """Drafts of one id grow into each other before the customer's eyes."""
    text: str
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None


class Drafts:
    """One draft a chat. Only private chats can show them."""

    def __init__(self, bot: Bot, holds: Holds) -> None:
        self._bot = bot
        self._holds = holds
        self._drafts: dict[str, _Draft] = {}
        self._ids = itertools.count(int(time.time()))
        self._supported = True

    def show(self, place: Place, text: str) -> bool:
        """Show this, in place of what was shown before; returns at once. False if the chat can't show it."""
        if place.is_group or place.business or not self._supported or not text.strip():
            return False
        draft = self._drafts.get(place.address)
        if draft is None:
            draft = self._drafts[place.address] = _Draft(next(self._ids), text)
            draft.task = asyncio.create_task(self._stream(place, draft), name=f"draft {place.address}")
        draft.text = text
        draft.changed.set()
        return draft.task is not None and not draft.task.done()

    async def end(self, place: Place) -> None:
        """Show no more. A draft that came behind the message that replaces it would stay there."""
        draft = self._drafts.pop(place.address, None)
        if draft is None or draft.task is None:
            return
        draft.ended.set()
        draft.changed.set()
        await asyncio.wait([draft.task], timeout=LAST_WORD)
        draft.task.cancel()

    async def close(self) -> None:
        """Show nothing any more."""
        tasks = [draft.task for draft in self._drafts.values() if draft.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stream(self, place: Place, draft: _Draft) -> None:
        while not draft.ended.is_set():
            draft.changed.clear()
            if not await self._send(place, draft):
                return
            await _set_or_after(draft.ended, max(INTERVAL, self._holds.wait(place.chat)))
            await _set_or_after(draft.changed, REFRESH)

    async def _send(self, place: Place, draft: _Draft) -> bool:
        """False if there is no use in trying again."""
        text, entities = render_draft(draft.text)
        method = SendMessageDraft(
            chat_id=place.chat,
            draft_id=draft.id,
            message_thread_id=place.topic,
            text=text,
            entities=entities or None,
            can_stop=True,
        )
        try:
            await self._bot(method)
        except (TelegramNetworkError, TelegramServerError, ClientDecodeError):
            return True
        except AiogramError as error:
            self._holds.note(place.chat, error)
            return self._goes_on(place, error)
        return True

    def _goes_on(self, place: Place, error: AiogramError) -> bool:
        if self._holds.wait(place.chat) or "not modified" in safe(error):
            return True
        log.info("no drafts are shown in chat %d: %s", place.chat, safe(error))
        # A Bot API server that is older than drafts knows no such method.
        self._supported = not isinstance(error, TelegramNotFound)
        return False


async def _set_or_after(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
