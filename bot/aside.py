"""What the bot says in the middle of a turn, that it takes a while: sent by a task beside the turn's work."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from bot.conversation import Message
from bot.domain import Author
from bot.held import GivenBack, Held, see_through

log = logging.getLogger(__name__)


def is_aside(message: Message) -> bool:
    """Whether that is what the message says: an answer of the bot has an outcome."""
    return message.author is Author.BOT and message.outcome is None


async def said_beside(held: Held, now: Callable[[], float]) -> GivenBack:
    """Wait until it is dealt with; how that went. What failed to be sent is sent with the rest."""
    if held.beside is None:
        return GivenBack(held.conversation.settled)
    await asyncio.wait([held.beside])
    if error := held.beside.exception():
        log.warning("conversation %s can't be told to hold on: %s", held.conversation.id, error)
        return GivenBack(held.conversation.settled)
    given, ended = held.beside.result()
    return replace(given, delay=max(0.0, ended + given.delay - now()))


async def break_off(held: Held) -> None:
    """Say it no more, if it isn't on its way yet."""
    if held.beside and not held.beside.done():
        held.beside.cancel()
        await see_through(asyncio.wait([held.beside]))
