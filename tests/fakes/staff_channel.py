"""A staff channel with threads, which fails as the test says, and notes what was written in it."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.handoffs.casefile import Case, Entry
from bot.ports import Receipt, Retry, Sent
from retrieval.errors import StoreUnavailable


@dataclass
class Thread:
    """What stands in a thread."""

    key: str
    posts: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    cards: list[Case] = field(default_factory=list)


@dataclass
class StaffRoom:
    """A `bot.ports.StaffChannel`; several processes may write to the same one."""

    name: str = "slack"
    threads: dict[str, Thread] = field(default_factory=dict)
    receipts: deque[Receipt] = field(default_factory=deque)
    """What the next calls come to; what isn't `Sent` comes to nothing..."""
    losing: bool = False
    """... unless the answers get lost on their way: then it is done nevertheless."""
    down: bool = False
    calls: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """What is done is answered once it is open."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def find_thread(self, key: str) -> str | None:
        if self.down:
            raise StoreUnavailable("The channel can't be reached.")
        return next((name for name, thread in self.threads.items() if thread.key == key), None)

    async def open_thread(self, case: Case, key: str) -> Receipt:
        def do() -> Sent:
            name = f"t{len(self.threads) + 1}"
            self.threads[name] = Thread(key, cards=[case])
            return Sent((name,))

        return await self._answer(do)

    async def post(self, thread: str, _case: Case, entry: Entry) -> Receipt:
        def do() -> Sent:
            self.threads[thread].posts.append(entry.text)
            self.threads[thread].entries.append(entry)
            return Sent((f"{thread}.{entry.id}",))

        return await self._answer(do)

    async def redraw(self, thread: str, case: Case) -> Receipt:
        def do() -> Sent:
            self.threads[thread].cards.append(case)
            return Sent((thread,))

        return await self._answer(do)

    async def _answer(self, do: Callable[[], Sent]) -> Receipt:
        self.calls += 1
        await asyncio.sleep(0)
        planned = Retry(1.0, "the channel can't be reached") if self.down else None
        if self.receipts:
            planned = self.receipts.popleft()
        receipt = planned if planned is not None and not self.losing else do()
        self.news.set()
        await self.gate.wait()
        return planned or receipt

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for what is to happen here."""
        async with asyncio.timeout(30):
            while not condition():
                self.news.clear()
                await self.news.wait()
