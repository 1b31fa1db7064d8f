"""Chats that Telegram asked to leave alone for a while."""

import time
from collections.abc import Callable

from aiogram.exceptions import TelegramRetryAfter


class Holds:
    """What isn't worth waiting for (drafts, typing, used buttons) is left out as long as a chat is on hold."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until: dict[int, float] = {}

    def note(self, chat: int, error: Exception) -> None:
        """Remember for how long Telegram wants to hear nothing."""
        if isinstance(error, TelegramRetryAfter):
            now = self._now()
            self._until = {held: until for held, until in self._until.items() if until > now}
            self._until[chat] = now + error.retry_after

    def wait(self, chat: int) -> float:
        """Seconds until the chat may be written to again."""
        return max(0.0, self._until.get(chat, 0.0) - self._now())
