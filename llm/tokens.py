"""How many tokens a text has, by the model's own tokenizer, and how many the model takes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from llm.endpoint import EndpointChat
from llm.errors import ModelError

T = TypeVar("T")

log = logging.getLogger(__name__)

UNTOLD_CONTEXT = 8192
"""Taken where an endpoint doesn't tell."""
_REMEMBERED = 4096
"""Texts: the same passages come again and again."""
_PATIENCE = 1.0
"""Seconds: an estimate does as well."""
_ASK_AGAIN = 30.0
"""Seconds during which an endpoint that failed isn't asked to count."""


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has; usually more than there are."""
    return len(text.encode()) // 3 + 1


class Tokens:
    """Counts with the first endpoint that can: all serve the same model."""

    def __init__(self, endpoints: Sequence[EndpointChat]) -> None:
        self._endpoints = endpoints
        self._counts: dict[str, int] = {}
        self._context: int | None = None
        self._ask_again_at = 0.0

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text; an estimate where no endpoint can tell."""
        if len(self._counts) > _REMEMBERED:
            self._counts.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._counts]

        async def counts(endpoint: EndpointChat) -> list[int]:
            return await asyncio.gather(*map(endpoint.count_tokens, new))

        if new and (counted := await self._ask(counts)):
            self._counts |= dict(zip(new, counted, strict=True))
        return [self._counts.get(text) or estimate_tokens(text) for text in texts]

    async def context(self) -> int:
        """Return how many tokens the prompt and the answer may have together."""

        async def told(endpoint: EndpointChat) -> int:
            return (await endpoint.models()).get(endpoint.model) or UNTOLD_CONTEXT

        if self._context is None:
            self._context = await self._ask(told)
        return self._context or UNTOLD_CONTEXT

    async def _ask(self, ask: Callable[[EndpointChat], Awaitable[T]]) -> T | None:
        """Return what the first endpoint says that answers at once; None if none does, or none did just now."""
        loop = asyncio.get_running_loop()
        for endpoint in self._endpoints if loop.time() >= self._ask_again_at else ():
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await ask(endpoint)
            except (ModelError, TimeoutError) as error:
                log.info("tokens are estimated: %s %s", type(error).__name__, error)
                self._ask_again_at = loop.time() + _ASK_AGAIN
        return None
