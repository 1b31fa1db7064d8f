"""How much one visitor, and all visitors at one network address, may send and keep open.

Visitors can call themselves what they like, so each limit holds for the address as well. What a visitor has sent stands
in SQL, and is counted there over all processes; the rest every process counts for itself.
"""

import ipaddress
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request

from bot.sections import WebSettings
from bot.staff.throttling import Throttle
from connectors.web.connector import WebConnector
from connectors.web.errors import Refused
from connectors.web.visitors import Address

MINUTE = 60.0
RETRY_STREAM = 30
"""Seconds after which a page that is one too many asks again."""


class Limits:
    """Counts what is sent, and what is open."""

    def __init__(self, settings: WebSettings | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings or WebSettings()
        self._now = now
        self._sent = (
            Throttle(self.settings.messages_a_minute, MINUTE),
            Throttle(self.settings.address_messages_a_minute, MINUTE),
        )
        self._open = Counter[str]()

    def count(self, visitor: str, place: str, lately: Sequence[float] = (), at: float = 0.0) -> None:
        """Count something that is sent `at` a time. Raises `Refused` when it has to wait.

        `lately`: when the visitor sent what is on record, newest first; as many as they may send a minute, at most.
        """
        if len(lately) >= self.settings.messages_a_minute:
            raise Refused(429, "too_much", retry_after=max(1, math.ceil(lately[-1] + MINUTE - at)))
        now = self._now()
        pairs = tuple(zip(self._sent, (visitor, place), strict=True))
        wait = max(throttle.wait(key, now) for throttle, key in pairs)
        if wait:
            raise Refused(429, "too_much", retry_after=math.ceil(wait))
        for throttle, key in pairs:
            throttle.fail(key, now)

    @contextmanager
    def open(self, visitor: str, place: str) -> Iterator[None]:
        """Count a page that listens, until it goes away. Raises `Refused` when there are too many."""
        keys = (f"visitor {visitor}", f"place {place}")
        most = (self.settings.open_pages, self.settings.address_open_pages)
        if any(self._open[key] >= limit for key, limit in zip(keys, most, strict=True)):
            raise Refused(429, "too_many_pages", retry_after=RETRY_STREAM)
        self._open.update(keys)
        try:
            yield
        finally:
            self._open.subtract(keys)
            self._open += Counter()  # forgets who has none


def place_of(request: Request) -> str:
    """Where a request comes from: its address, or the network of an IPv6 address, which are many addresses of one."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host


def _limits(request: Request) -> Limits:
    limits: Limits = request.app.state.limits
    return limits


TheLimits = Annotated[Limits, Depends(_limits)]


async def counted(request: Request, visitor: Address, limits: TheLimits) -> None:
    """What is sent is counted; too much has to wait."""
    connector: WebConnector = request.app.state.connector
    now = time.time()
    lately = await connector.sent_lately(visitor, now - MINUTE, limits.settings.messages_a_minute)
    limits.count(visitor, place_of(request), lately, now)


def listening(request: Request, visitor: Address, limits: TheLimits) -> Iterator[None]:
    """An open page is counted for as long as it listens."""
    with limits.open(visitor, place_of(request)):
        yield
