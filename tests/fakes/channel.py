"""A channel that does what the test says, and notes what it was asked to do."""

import asyncio
from collections import deque
from collections.abc import Callable

from bot.domain import Chat
from bot.errors import FileUnavailable
from bot.ports import Capabilities, Inbox, Outgoing, Receipt, Sent


class FakeChannel:
    """A connector: takes everything, until `receipts` says otherwise."""

    channel = "web"

    def __init__(self, capabilities: Capabilities | None = None) -> None:
        self.capabilities = capabilities or Capabilities(drafts=True, at_once=None)
        self.receipts: deque[Receipt | Callable[[Outgoing], Receipt]] = deque()
        """What the next sends come to."""
        self.attempts: list[Outgoing] = []
        self.arrived: list[Outgoing] = []
        self.edits: list[Outgoing] = []
        self.drafts: list[str | None] = []
        self.typed = 0
        self.open = asyncio.Event()
        """Sending waits for it."""
        self.open.set()
        self.busy = self.busiest = 0
        """How many sends run at the same time: now, and at most."""
        self._news = asyncio.Event()

    async def start(self, _inbox: Inbox) -> None:
        """Nothing comes from here."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def send(self, message: Outgoing) -> Receipt:
        self.attempts.append(message)
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        self._news.set()
        await self.open.wait()
        await asyncio.sleep(0)
        self.busy -= 1
        receipt = self.receipts.popleft() if self.receipts else Sent([f"m{message.seq}"])
        if not isinstance(receipt, Receipt):
            receipt = receipt(message)
        if isinstance(receipt, Sent):
            self.arrived.append(message)
        self._news.set()
        return receipt

    async def edit(self, message: Outgoing) -> Receipt:
        self.edits.append(message)
        self._news.set()
        return self.receipts.popleft() if self.receipts else Sent(message.refs)

    async def show(self, _chat: Chat, draft: str | None) -> bool:
        self.drafts.append(draft)
        self._news.set()
        return True

    async def typing(self, _chat: Chat) -> None:
        self.typed += 1
        self._news.set()

    async def fetch(self, ref: str, _limit: int) -> bytes:
        raise FileUnavailable(f"There is no file {ref}.")

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for what is to happen at this channel."""
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def texts(self, count: int) -> list[str]:
        """The first so many messages that arrived."""
        await self.until(lambda: len(self.arrived) >= count)
        return [message.text for message in self.arrived]
