"""Several endpoints that serve the same model, as one: which to ask, when to leave one alone, when to ask another.

Only what has not begun goes to another replica. Once text has come a failure ends the answer, for two halves of two
answers are none; who asked may ask anew (`BrokenOff`). No request is ever sent twice at the same time: hedging doubles
the load of a GPU exactly when its queue is what is slow, and what it would help against (an endpoint that hangs) ends
at `first_token_timeout`.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from llm.admission import Admission
from llm.chat import ChatMessage, Listener
from llm.endpoint import EndpointChat, Limits
from llm.errors import BrokenOff, ModelError, ModelUnavailable, RequestRejected
from llm.settings import LLMSettings
from llm.telemetry import meter
from llm.tokens import Tokens

log = logging.getLogger(__name__)

BROKEN_AFTER = 3
"""Failures in a row after which an endpoint gets no request for a while, then one at a time."""
PAUSE = 5.0
"""Seconds that an endpoint rests after a failure if there are others; doubled with each failure once it is broken."""
LONGEST_PAUSE = 60.0
LEAST_TIME = 1.0
"""Seconds that must be left for a first text: with less, an attempt would only make the endpoint look bad."""
SLACK = 4
"""Answers that a replica may write more than the idlest one because it has their prefix cached."""


_requests = meter.create_counter("answerdesk.model.requests", description="Requests to model endpoints.")
_circuit = meter.create_gauge("answerdesk.model.circuit.open", description="1 while an endpoint counts as broken.")
_writing = meter.create_up_down_counter("answerdesk.model.writing", description="Answers that an endpoint writes.")


class Replica:
    """One endpoint, how busy it is, and how it has done lately: a circuit breaker."""

    def __init__(self, endpoint: EndpointChat) -> None:
        self.endpoint = endpoint
        self.running = 0
        self.failures = 0
        """In a row."""
        self.rests_until = 0.0
        """In the event loop's time."""
        self._labels = {"endpoint": endpoint.faults.endpoint}
        _circuit.set(0, self._labels)
        _writing.add(0, self._labels)
        for outcome in ("answered", "failed", "rejected"):
            _requests.add(0, self._labels | {"outcome": outcome})

    @property
    def broken(self) -> bool:
        """Whether its circuit is open."""
        return self.failures >= BROKEN_AFTER

    def rests(self, now: float) -> bool:
        """Whether it should be left alone at present."""
        return now < self.rests_until

    def begin(self, now: float) -> None:
        """Count a request; a broken endpoint rests again until that one has shown how it is."""
        self.running += 1
        _writing.add(1, self._labels)
        if self.broken:
            self._rest(now)

    def end(self) -> None:
        """Count a request no more."""
        self.running -= 1
        _writing.add(-1, self._labels)

    def succeeded(self) -> None:
        self.failures, self.rests_until = 0, 0.0
        self._tell("answered")

    def failed(self, error: ModelError, now: float) -> None:
        """Note a failure, unless it is the request's own."""
        if isinstance(error, RequestRejected):
            self._tell("rejected")
            return
        self.failures += 1
        self._rest(now)
        if isinstance(error, ModelUnavailable) and error.retry_after:  # it says itself that it can't do any more
            self.failures = max(self.failures, BROKEN_AFTER)
            self.rests_until = now + min(error.retry_after, LONGEST_PAUSE)
        self._tell("failed")

    def _tell(self, outcome: str) -> None:
        _requests.add(1, self._labels | {"outcome": outcome})
        _circuit.set(int(self.broken), self._labels)

    def _rest(self, now: float) -> None:
        doubled = max(0, self.failures - BROKEN_AFTER)
        self.rests_until = now + min(PAUSE * 2**doubled, LONGEST_PAUSE)


class Replicas:
    """A chat model behind one or more endpoints."""

    def __init__(self, settings: LLMSettings, listen: Listener | None = None) -> None:
        self._settings = settings
        self._replicas = [Replica(EndpointChat(settings, url, listen)) for url in settings.endpoints]
        self._admission = Admission(self._capacity)
        self._tokens = Tokens(self.endpoints)

    @property
    def endpoints(self) -> Sequence[EndpointChat]:
        """What it talks to."""
        return [replica.endpoint for replica in self._replicas]

    async def stream(
        self, messages: Sequence[ChatMessage], *, salt: str = "", affinity: str = "", began: float | None = None
    ) -> AsyncGenerator[str, None]:
        """See ChatModel.stream."""
        began = asyncio.get_running_loop().time() if began is None else began
        limits = Limits(began + self._settings.first_text_timeout, began + self._settings.total_timeout)
        async with self._admission.admitted(limits.first - LEAST_TIME, party=salt):
            untried = list(self._replicas)
            while untried:
                replica = self._choose(untried, affinity or salt)
                untried.remove(replica)
                written = False
                try:
                    async with aclosing(self._attempt(replica, messages, salt, limits)) as pieces:
                        async for text in pieces:
                            written = True
                            yield text
                    return
                except ModelError as error:
                    others = self._worth_trying(untried, limits.last if written else limits.first)
                    if written and others and isinstance(error, ModelUnavailable):
                        raise BrokenOff(str(error)) from error
                    if written or not others:
                        raise
                    log.warning("another replica is asked: %s", error)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See ChatModel.count_tokens."""
        return await self._tokens.count(texts)

    async def context(self) -> int:
        """See ChatModel.context."""
        return await self._tokens.context() - self._settings.max_tokens

    async def close(self) -> None:
        """Close the connections to all endpoints."""
        for replica in self._replicas:
            await replica.endpoint.close()

    async def _attempt(
        self, replica: Replica, messages: Sequence[ChatMessage], salt: str, limits: Limits
    ) -> AsyncGenerator[str, None]:
        clock = asyncio.get_running_loop().time
        first = min(limits.first, clock() + self._settings.first_token_timeout)
        replica.begin(clock())
        try:
            async with aclosing(replica.endpoint.stream(messages, salt, Limits(first, limits.last))) as pieces:
                async for text in pieces:
                    yield text
            replica.succeeded()
        except ModelError as error:
            replica.failed(error, clock())
            raise
        finally:
            replica.end()

    def _choose(self, replicas: Sequence[Replica], affinity: str) -> Replica:
        """Choose by rendezvous hashing among those that are well and about the least busy.

        The same affinity goes to the same replica, whose prefix cache knows it; when one is added or lost, only its
        own move. Raises ModelUnavailable when all are broken.
        """
        now = asyncio.get_running_loop().time()
        well = [each for each in replicas if not each.rests(now)] or [each for each in replicas if not each.broken]
        if not well:
            again = min(each.rests_until for each in replicas) - now
            names = ", ".join(each.endpoint.faults.endpoint for each in replicas)
            raise ModelUnavailable(
                f"The model endpoint {names} failed {BROKEN_AFTER} times in a row and is asked again in {again:.0f} s: "
                "look at its log, or run answerdesk model check."
            )
        least = min(each.running for each in well)
        near = [each for each in well if each.running <= least + SLACK]
        return max(near, key=lambda each: hashlib.sha256(f"{affinity}\n{each.endpoint.url}".encode()).digest())

    def _worth_trying(self, replicas: Sequence[Replica], by: float) -> bool:
        """Whether there is a replica, and time, for another attempt."""
        now = asyncio.get_running_loop().time()
        return now + LEAST_TIME < by and any(not each.broken or not each.rests(now) for each in replicas)

    def _capacity(self) -> int:
        now = asyncio.get_running_loop().time()
        up = [each for each in self._replicas if not each.broken or not each.rests(now)]
        return self._settings.concurrency * max(1, len(up))
