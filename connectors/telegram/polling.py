"""Fetching updates. An update is acknowledged by asking for those after it, once all of its batch are stored.

aiogram's own loop acknowledges updates whose handlers still run or failed, stands still at one malformed update, and
asks again at once when it was told to wait.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiogram.exceptions import AiogramError
from aiogram.methods import TelegramMethod

from connectors.notices import Notices
from connectors.telegram.calling import CompanyBot, pause, unless
from connectors.telegram.translating import UPDATES
from connectors.telegram.troubles import explain
from llm.errors import AnswerdeskError

log = logging.getLogger(__name__)

POLL_SECONDS = 30
"""How long Telegram holds the answer back while nothing happens."""
GRACE_SECONDS = 15
"""What the network may take on top; then the connection is dead."""
BATCH = 100


class GetRawUpdates(TelegramMethod[list[Any]]):
    """`getUpdates` whose updates nobody has read yet: one that can't be read must not hide the others."""

    __returning__ = list[Any]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int | None = None
    timeout: int | None = None
    allowed_updates: list[str] | None = None


async def poll(bot: CompanyBot, take: Callable[[object], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Take updates until stopped. `take` raises for an update that must come again."""
    notices, attempts = Notices(f"Telegram bot {bot.id}, fetching updates"), 0
    offset: int | None = None
    while not stopping.is_set():
        try:
            updates = await unless(stopping, _fetch(bot, offset, POLL_SECONDS))
            if updates is None:
                break
            await _take_all(updates, take)
        except (AiogramError, AnswerdeskError) as error:
            attempts += 1
            trouble = explain(error, attempts, bot.section)
            notices.trouble(trouble.why)
            await pause(stopping, trouble.wait)
        except Exception:
            attempts += 1
            log.exception("an update can't be taken in, and is asked for again")
            await pause(stopping, explain(AnswerdeskError(), attempts, bot.section).wait)
        else:
            attempts = 0
            notices.fine()
            # Nothing is left to acknowledge after an empty answer; and after a week of silence, Telegram begins to
            # count anew, perhaps below the old offset.
            offset = _next(updates) if updates else None
    if offset is not None:
        await _acknowledge(bot, offset)


async def _fetch(bot: CompanyBot, offset: int | None, seconds: int) -> Sequence[Any]:
    method = GetRawUpdates(offset=offset, limit=BATCH, timeout=seconds, allowed_updates=UPDATES)
    return await bot(method, request_timeout=seconds + GRACE_SECONDS)


async def _take_all(updates: Sequence[Any], take: Callable[[object], Awaitable[None]]) -> None:
    """Take a batch: in order within a chat, and many chats in one commit. Raises what `take` raised first."""
    chats: dict[object, list[Any]] = {}
    for update in updates:
        chats.setdefault(_chat(update), []).append(update)

    async def in_order(batch: Sequence[Any]) -> None:
        for update in batch:
            await take(update)

    outcomes = await asyncio.gather(*map(in_order, chats.values()), return_exceptions=True)
    for error in outcomes:
        if error is not None:
            raise error


def _chat(update: Any) -> object:
    """The id of the chat that an update is about, as far as that can be told from what nobody has checked yet."""
    for content in update.values() if isinstance(update, dict) else ():
        about = content.get("message", content) if isinstance(content, dict) else None
        chat = about.get("chat") if isinstance(about, dict) else None
        if isinstance(chat, dict):
            return str(chat.get("id"))
    return None


def _next(updates: Sequence[Any]) -> int | None:
    numbers = [update.get("update_id") for update in updates if isinstance(update, Mapping)]
    return max((number for number in numbers if isinstance(number, int)), default=-1) + 1


async def _acknowledge(bot: CompanyBot, offset: int) -> None:
    """Say that the last batch is stored; where that fails, the batch comes again and is known."""
    try:
        await bot(GetRawUpdates(offset=offset, limit=1, timeout=0), request_timeout=3)
    except AiogramError as error:
        log.info("the last updates will come again: %s", explain(error, 1, bot.section).why)
