"""What an open desk is told, live: what changes in the queue, and which conversations to look at again.

Of the queue a page is told what it lacks, see `connectors.web.desk.telling`. A conversation is only named (`changed`),
and the page asks for it; at the start, and every few seconds without news, the page is told to `look` at the one it
shows. So nothing is lost, whatever was missed and whichever process wrote it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.handoffs.cases import Cases
from connectors.web.desk.shown import shown_case
from connectors.web.desk.telling import Listed, Told
from retrieval.database import Database

POLL_SECONDS = 5.0
"""How often to look at SQL without being told to: for what another process wrote."""
GATHER_SECONDS = 0.1
"""Changes that come so close together are told as one."""
MOST_OPENED = 2_000

Event = tuple[str, dict[str, Any], str]
"""A name, what it says, and the cursor to come back with (empty: the one before)."""


@dataclass(slots=True)
class _Reader:
    """What one open page hasn't been told yet."""

    news: asyncio.Event = field(default_factory=asyncio.Event)
    changed: set[str] = field(default_factory=set)


class Board:
    """The open desks of one company in this process; they share what is read for them."""

    def __init__(self, database: Database, company: str) -> None:
        self._database = database
        self._company = company
        self._cases = Cases(database)
        self._readers: list[_Reader] = []
        self._unlisten: Callable[[], None] | None = None
        self._opened: OrderedDict[str, None] = OrderedDict()
        self._queue: Sequence[Listed] = ()
        self._read_at = 0.0
        self._cost = 0.0
        self._reading = asyncio.Lock()
        self._closed = False

    def close(self) -> None:
        """Let all pages go; they come back to the next process."""
        self._closed = True
        for reader in self._readers:
            reader.news.set()

    def opened(self, conversation: str) -> None:
        """Somebody looks at this conversation of the company: pages are told when it changes."""
        self._opened[conversation] = None
        self._opened.move_to_end(conversation)
        while len(self._opened) > MOST_OPENED:
            self._opened.popitem(last=False)

    async def events(self, told: Told, signed_in: Callable[[], Awaitable[bool]]) -> AsyncGenerator[Event, None]:
        """What a page is told, until `close` or the end of its session. Raises `StoreUnavailable`."""
        quiet = True
        with self._subscribed() as reader:
            while not self._closed:
                if not await signed_in():
                    yield "signed_out", {}, ""
                    return
                if news := told.news(await self._current()):
                    yield "queue", news, told.cursor
                changed, reader.changed = reader.changed & self._opened.keys(), set()
                if quiet:
                    yield "look", {}, ""
                elif changed:
                    yield "changed", {"conversations": sorted(changed)}, ""
                quiet = await self._wait(reader)

    async def _wait(self, reader: _Reader) -> bool:
        """Until there is news; or True when it is time to look at SQL without any."""
        try:
            await asyncio.wait_for(reader.news.wait(), POLL_SECONDS)
        except TimeoutError:
            return True
        if not self._closed:
            # A queue of thousands takes a while to read: most of the time goes to other things.
            await asyncio.sleep(min(max(GATHER_SECONDS, 4 * self._cost), POLL_SECONDS))
        reader.news.clear()
        return False

    async def _current(self) -> Sequence[Listed]:
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if not self._read_at or now - self._read_at > POLL_SECONDS / 2:
                self._read_at = now  # before reading: what changes meanwhile is read again
                try:
                    self._queue = await self._read()
                except BaseException:
                    self._read_at = 0.0  # what was read long ago isn't told as what is
                    raise
                self._cost = asyncio.get_running_loop().time() - now
            return self._queue

    async def _read(self) -> Sequence[Listed]:
        return [Listed.of(shown_case(each, brief=True)) for each in await self._cases.queue(self._company)]

    def _heard(self, conversation: str) -> None:
        self._read_at = 0.0
        for reader in self._readers:
            reader.changed.add(conversation)
            reader.news.set()

    @contextmanager
    def _subscribed(self) -> Iterator[_Reader]:
        reader = _Reader()
        self._readers.append(reader)
        if self._unlisten is None:
            self._read_at = 0.0
            self._unlisten = self._database.listen("conversation", self._heard)
        try:
            yield reader
        finally:
            self._readers.remove(reader)
            if not self._readers and self._unlisten is not None:
                self._unlisten()
                self._unlisten = None
