"""When to look for work again: at a time, at news, when somebody has a hand free, or after a while in any case."""

import asyncio
from collections.abc import Callable


class Agenda:
    """What a loop that leases work from SQL waits by."""

    def __init__(self, now: Callable[[], float], poll: float) -> None:
        """`poll`: seconds after which it looks without being told to."""
        self._now = now
        self._poll = poll
        self._next = 0.0
        self._news = asyncio.Event()
        self.stopped = False

    def looking(self) -> None:
        """Work is looked for now."""
        self._next = self._now() + self._poll

    def due(self, at: float = 0.0) -> None:
        """There is work at that time; now, if none is given."""
        self._next = min(self._next, at)
        self._news.set()

    def freed(self) -> None:
        """Somebody has a hand free."""
        self._news.set()

    def stop(self) -> None:
        """Look no more."""
        self.stopped = True
        self._news.set()

    async def wait(self, free: Callable[[], bool]) -> None:
        """Until there may be work, and a hand for it; or `stop`."""
        while not self.stopped:
            pause = self._next - self._now()
            if pause <= 0 and free():
                return
            self._news.clear()
            try:
                async with asyncio.timeout(max(pause, 0) if free() else None):
                    await self._news.wait()
            except TimeoutError:
                return
