"""How many answers are written at a time, and who waits: nobody waits for a turn that would come too late.

Who waits is let in by turns: one company's rush doesn't keep the others' customers waiting behind it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from llm.errors import ModelUnavailable
from llm.telemetry import meter

_WEIGHT = 0.2
"""Of the newest answer in the mean time that answers take."""
_waiting = meter.create_up_down_counter("answerdesk.model.waiting", description="Answers that wait for a place.")


class Admission:
    """Lets as many in as `capacity()` says; of the others, the first of each party by turns."""

    def __init__(self, capacity: Callable[[], int]) -> None:
        self.running = 0
        self._capacity = capacity
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """By party, the one whose turn it is first; none is empty."""
        self._usual: float | None = None  # seconds that an answer takes
        _waiting.add(0)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def admitted(self, by: float, party: str = "") -> AsyncIterator[None]:
        """Hold one of the places, once there is one.

        Raises ModelUnavailable when `by`, in the event loop's time, passes before that, and at once when it will: as
        many as go first, at the time that answers took lately, would last longer.
        """
        clock = asyncio.get_running_loop().time
        await self._enter(by, clock(), party)
        began = clock()
        try:
            yield
            took = clock() - began  # what failed says nothing about how long an answer takes
            self._usual = took if self._usual is None else self._usual + _WEIGHT * (took - self._usual)
        finally:
            self._leave()

    async def _enter(self, by: float, now: float, party: str) -> None:
        capacity = self._capacity()
        if self.running < capacity and not self._waiting:
            self.running += 1
            return
        expected = (self._before(party) + 1) * (self._usual or 0.0) / capacity
        if now + expected > by:
            raise _busy(f"{self.running} answers are being written and {self.waiting} wait")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(party, deque()).append(turn)
        _waiting.add(1)
        try:
            async with asyncio.timeout_at(by):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave()  # the place came at the same moment
            else:
                self._forget(turn, party)
            if isinstance(error, TimeoutError):
                raise _busy("No place became free in time") from None
            raise
        finally:
            _waiting.add(-1)

    def _before(self, party: str) -> int:
        """How many are let in before the next one of this party."""
        own = len(self._waiting.get(party, ()))
        return own + sum(min(len(each), own + 1) for name, each in self._waiting.items() if name != party)

    def _leave(self) -> None:
        self.running -= 1
        while self._waiting and self.running < self._capacity():
            party = next(iter(self._waiting))
            turns = self._waiting.pop(party)
            turn = turns.popleft()
            if turns:
                self._waiting[party] = turns  # at the end: the others' turn comes first
            if not turn.done():  # it is when whoever waited was cancelled just now
                turn.set_result(None)
                self.running += 1

    def _forget(self, turn: asyncio.Future[None], party: str) -> None:
        turns = self._waiting.get(party, deque())
        if turn in turns:
            turns.remove(turn)
        if not turns:
            self._waiting.pop(party, None)


def _busy(what: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"The model is busy. {what}: add replicas to ANSWERDESK_LLM_BASE_URL, or raise ANSWERDESK_LLM_CONCURRENCY "
        "if its endpoint can do more at a time."
    )
