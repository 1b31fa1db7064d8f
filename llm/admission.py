"""How many answers are written at a time, and who waits: nobody waits for a turn that would come too late."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from llm.errors import ModelUnavailable

_WEIGHT = 0.2
"""Of the newest answer in the mean time that answers take."""


class Admission:
    """Lets as many in as `capacity()` says; the others wait in the order they came."""

    def __init__(self, capacity: Callable[[], int]) -> None:
        self.running = 0
        self._capacity = capacity
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._usual: float | None = None  # seconds that an answer takes

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def admitted(self, by: float) -> AsyncIterator[None]:
        """Hold one of the places, once there is one.

        Raises ModelUnavailable when `by`, in the event loop's time, passes before that, and at once when it will: as
        many as wait already, at the time that answers took lately, would last longer.
        """
        clock = asyncio.get_running_loop().time
        await self._enter(by, clock())
        began = clock()
        try:
            yield
            took = clock() - began  # what failed says nothing about how long an answer takes
            self._usual = took if self._usual is None else self._usual + _WEIGHT * (took - self._usual)
        finally:
            self._leave()

    async def _enter(self, by: float, now: float) -> None:
        capacity = self._capacity()
        if self.running < capacity and not self._waiting:
            self.running += 1
            return
        expected = (self.waiting + 1) * (self._usual or 0.0) / capacity
        if now + expected > by:
            raise _busy(f"{self.running} answers are being written and {self.waiting} wait")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout_at(by):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave()  # the place came at the same moment
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise _busy("No place became free in time") from None
            raise

    def _leave(self) -> None:
        self.running -= 1
        while self._waiting and self.running < self._capacity():
            turn = self._waiting.popleft()
            if not turn.done():  # it is when whoever waited was cancelled just now
                turn.set_result(None)
                self.running += 1


def _busy(what: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"The model is busy. {what}: add replicas to ANSWERDESK_LLM_BASE_URL, or raise ANSWERDESK_LLM_CONCURRENCY "
        "if its endpoint can do more at a time."
    )
