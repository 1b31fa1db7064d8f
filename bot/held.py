"""A conversation in the hands of a worker: how it is held and given back, and what no cancellation may break off."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.conversation import Conversation, Message
from retrieval.errors import StoreUnavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

RECORD_AGAIN = 0.25
"""Seconds between two attempts to record something in a database that can't be used."""


@dataclass(slots=True, eq=False)
class Held:
    """A conversation that this worker has the lease of."""

    conversation: Conversation
    """As it was when it was claimed."""
    until: float
    """When the lease runs out, unless it is renewed."""
    seen: Conversation | None = None
    """As it was when it was looked at last."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever something may have happened to the conversation."""
    lost: bool = False
    leaving: bool = False
    """The worker stops, and waits no longer than it must."""
    beside: "asyncio.Task[tuple[GivenBack, float]] | None" = None
    """Something that is said while the turn goes on: how that ended, and when."""
    given_back: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    """Closed when the conversation has been given back."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """How a conversation is given back."""

    settled: int
    """The outbox is dealt with up to here."""
    delay: float = 0.0
    """Seconds until it is looked at again, if there is more to do."""
    failed: bool = False
    put_off: bool = False
    """The channel asked to wait: what is in the outbox comes before anything new."""
    sent: Message | None = None
    """The last message sent; it is settled together with giving back, which saves a commit."""


async def see_through(doing: Coroutine[Any, Any, T]) -> T:
    """Finish what must not be broken off: a cancellation meanwhile is put off to what the task waits for next.

    What was sent and isn't on record would be sent again.
    """
    current, task, cancelled = asyncio.current_task(), asyncio.create_task(doing), False
    assert current is not None  # noqa: S101 - a coroutine always runs in a task
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            current.uncancel()
            cancelled = True
    if cancelled:
        current.cancel()
    return task.result()


async def recorded(held: Held, now: Callable[[], float], write: Callable[[], Awaitable[T]]) -> T:
    """Write what must be on record, again and again while the database can't be used.

    A worker that stops gives up when the lease has run out. Raises `StoreUnavailable` then.
    """
    for attempt in itertools.count():
        try:
            return await write()
        except StoreUnavailable as error:
            if held.leaving and now() >= held.until:
                raise
            if not attempt:
                log.warning("conversation %s isn't on record yet: %s", held.conversation.id, error)
            await asyncio.sleep(RECORD_AGAIN)
    raise AssertionError("Counting never ends.")
