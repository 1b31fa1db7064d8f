"""Having a question answered while the conversation goes on: drafts are shown, what happens meanwhile is noticed."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot import metrics
from bot.conversation import Conversation, Pace
from bot.domain import Answer, Question
from bot.errors import BotError
from bot.held import Held
from bot.ports import Answerer, Connector
from llm.telemetry import span

TYPING_AFTER = 0.3
"""Seconds; an answer that is there sooner isn't worth another call of the channel."""
TYPING_EVERY = 4.0
"""Seconds; channels show it for about five."""
LAST_CHANCE = 5.0
"""Seconds that an answer gets at least, however long the customer has waited: for a free worker, or a dead one."""
LATE_SIGN = 1.0
"""Seconds after which who has waited for long already is told to hold on, if the answer isn't there by then."""


class Superseded(BotError):
    """Something happened that makes the answer pointless: the customer wrote more, or a person took over."""


class TooSlow(BotError):
    """The answer took longer than a customer should wait."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What the turn wants to know and do while the answer is made."""

    superseded: Callable[[bool], Awaitable[bool]]
    """Asked after each change of the conversation, with whether something was shown: is the answer pointless now?"""
    hold_on: Callable[[], None]
    """Begins to tell the customer that it takes a while."""


class Drafting:
    """One question on its way to an answer. The customer has `waited` for so many seconds before."""

    def __init__(
        self, held: Held, conversation: Conversation, connector: Connector, pace: Pace, waited: float = 0.0
    ) -> None:
        self._held = held
        self._chat = conversation.chat
        self._connector = connector
        self._pace = pace
        self._waited = waited
        self._begun = asyncio.get_running_loop().time()
        self._shown = False

    async def run(self, answerer: Answerer, question: Question, listening: Listening) -> tuple[Answer, bool]:
        """The answer, and whether any of it was shown before.

        Raises `Superseded`, `TooSlow`, and whatever the answerer raises; the draft is taken away then.
        """
        answering = asyncio.create_task(self._answer(answerer, question))
        beside = [asyncio.create_task(self._keep_typing()), asyncio.create_task(self._hold_on(listening))]
        watching = asyncio.create_task(self._watch(listening))
        try:
            await asyncio.wait([answering, watching], return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                await watching
            return await answering, self._shown
        except BaseException:
            await _cancel(answering)  # first: a draft that came after would stay
            if self._shown:
                await self._connector.show(self._chat, None)
            raise
        finally:
            await _cancel(answering, watching, *beside)

    async def _answer(self, answerer: Answerer, question: Question) -> Answer:
        steps = answerer(question)
        try:
            async for step in steps:
                if isinstance(step, Answer):
                    return step
                if self._connector.capabilities.drafts and step.text and not self._held.lost:
                    await self._show(step.text)
        finally:
            await _close(steps)
        raise BotError("The answerer ended without an answer.")

    async def _show(self, draft: str) -> None:
        if self._shown:
            await self._connector.show(self._chat, draft)
            return
        with span("show the first text"):
            self._shown = await self._connector.show(self._chat, draft)
        if self._shown:
            seconds = self._waited + asyncio.get_running_loop().time() - self._begun
            metrics.first_text_seconds.record(seconds, metrics.of_line(self._chat.line))

    async def _watch(self, listening: Listening) -> None:
        """Ends only by raising."""
        loop = asyncio.get_running_loop()
        while True:
            limit = self._begun + self._patience()
            if loop.time() >= limit:
                raise TooSlow(f"No answer after {self._waited + loop.time() - self._begun:.0f} s.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(limit):
                    await self._held.changed.wait()
            if self._held.changed.is_set():
                self._held.changed.clear()
                if await listening.superseded(self._shown):
                    raise Superseded("The conversation went on.")

    def _patience(self) -> float:
        longest = self._pace.turn if self._shown else self._pace.unshown_turn
        return max(longest - self._waited, min(LAST_CHANCE, longest))

    async def _keep_typing(self) -> None:
        await asyncio.sleep(TYPING_AFTER)
        while True:
            await self._connector.typing(self._chat)
            await asyncio.sleep(TYPING_EVERY)

    async def _hold_on(self, listening: Listening) -> None:
        first_sign = self._pace.first_sign
        await asyncio.sleep(max(first_sign - self._waited, min(LATE_SIGN, first_sign)))
        if not self._shown:
            listening.hold_on()


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _close(steps: AsyncIterator[object]) -> None:
    if isinstance(steps, AsyncGenerator):
        await steps.aclose()
