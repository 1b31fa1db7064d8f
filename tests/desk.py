"""The whole core at work over SQLite, with a channel and an answerer that tests control."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.conversation import Conversation, Pace
from bot.domain import Answer, Author, Chat, Draft, Outcome, Question
from bot.handoffs.handoff import Handoffs
from bot.intake import Intake
from bot.ports import Answerer, Inbound, Kind
from bot.sections import HandoffSettings
from bot.storage import conversations as store
from bot.turn import Turns
from bot.worker import Worker
from retrieval.database import Database
from tests.fakes.channel import FakeChannel
from tests.stores import opened, sqlite_url

PACE = Pace(quiet=0.02, longest_burst=0.1, poll=0.05, retries=(0.01, 0.01))
CHAT = Chat("acme", "web", "visitor")


async def echo(question: Question) -> AsyncIterator[Draft | Answer]:
    """Answers with the question."""
    yield Answer(Outcome.ANSWERED, question.text, 1.0, "en")


@dataclass
class Desk:
    """What a test has in its hands."""

    database: Database
    channel: FakeChannel
    worker: Worker
    intake: Intake
    handoffs: Handoffs
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    async def writes(self, text: str, chat: Chat = CHAT, **more: object) -> None:
        """The customer writes."""
        number = next(self.numbers)
        event = replace(Inbound(f"e{number}", chat, text=text, order=number), **more)
        assert await self.intake.receive(event)

    async def commands(self, command: str, chat: Chat = CHAT) -> None:
        await self.writes(command, chat, kind=Kind.COMMAND)

    async def conversation(self, chat: Chat = CHAT) -> Conversation:
        found = await self.database.read(store.find, chat)
        assert found is not None
        return found

    async def until(self, condition: Callable[[Conversation], object], chat: Chat = CHAT) -> Conversation:
        """Wait until the stored conversation is like that."""
        async with asyncio.timeout(20):
            while not condition(found := await self.conversation(chat)):  # noqa: ASYNC110 - what changes is in SQL
                await asyncio.sleep(0.01)
        return found

    async def at_rest(self, chat: Chat = CHAT) -> Conversation:
        return await self.until(lambda conversation: conversation.due is None, chat)

    async def events(self, chat: Chat = CHAT) -> list[str]:
        trail = await self.database.read(store.trail, chat.company, (await self.conversation(chat)).id)
        return [entry.kind for entry in trail]

    async def said(self, author: Author, chat: Chat = CHAT) -> list[str]:
        """What was put on record as said by someone."""
        messages = await self.database.read(store.transcript, chat.company, (await self.conversation(chat)).id)
        return [message.text for message in messages if message.author is author]


@contextlib.asynccontextmanager
async def desk(
    folder: Path,
    answerer: Answerer = echo,
    pace: Pace = PACE,
    channel: FakeChannel | None = None,
    concurrency: int = 64,
    working: bool = True,
    rules: Mapping[str, HandoffSettings] | None = None,
) -> AsyncIterator[Desk]:
    """A worker that works until the test ends; `working=False` leaves that to the test."""
    channel = channel or FakeChannel()
    async with opened(sqlite_url(folder)) as database:
        turns = Turns(database, answerer, {CHAT.line: channel}, pace, rules=rules)
        worker = Worker(database, turns.work, [CHAT.line], pace, concurrency=concurrency)
        running = asyncio.create_task(worker.run()) if working else None
        try:
            yield Desk(database, channel, worker, Intake(database, pace), Handoffs(database))
        finally:
            if running:
                channel.open.set()
                await worker.stop(drain=0.5)
                await running
