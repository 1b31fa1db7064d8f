"""Calls that must get through in the end, and waits that a stop cuts short."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.methods import TelegramMethod

from connectors.notices import Notices
from connectors.telegram.troubles import explain

T = TypeVar("T")


class CompanyBot(Bot):
    """A bot that knows in which section its settings stand, for what is said about them."""

    def __init__(self, token: str, session: BaseSession, section: str) -> None:
        super().__init__(token, session)
        self.section = section


async def insist(bot: CompanyBot, method: TelegramMethod[T], stopping: asyncio.Event) -> T | None:
    """Try until it works. None if stopped before; raises `TelegramBadRequest`, which would never work."""
    notices, attempts = Notices(f"Telegram bot {bot.id}, {method.__api_method__}"), 0
    while not stopping.is_set():
        try:
            result = await unless(stopping, bot(method))
        except TelegramBadRequest:
            raise
        except AiogramError as error:
            attempts += 1
            trouble = explain(error, attempts, bot.section)
            notices.trouble(trouble.why)
            await pause(stopping, trouble.wait)
        else:
            notices.fine()
            return result
    return None


async def unless(stopping: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work; None if it had to be broken off."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, but not when stopped."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
