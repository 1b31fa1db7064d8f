"""A channel and an answerer that are made up, around the product's core: for benchmarks of the core alone."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable

from bot.conversation import Pace
from bot.domain import Answer, Chat, Draft, Outcome, Question
from bot.errors import FileUnavailable
from bot.intake import Intake
from bot.ports import Answerer, Capabilities, Inbound, Inbox, Outgoing, Receipt, Sent
from bot.storage.conversations import add_company
from bot.storage.migrate import migrate
from bot.turn import Turns
from bot.worker import Worker
from retrieval.database import Database, open_database

COMPANY = "acme"
LINE = (COMPANY, "web")
PACE = Pace(quiet=0.0)


class Channel:
    """A connector at which everything arrives at once, with the limits of the web chat; it notes when."""

    channel = LINE[1]
    capabilities = Capabilities(drafts=True)

    def __init__(self) -> None:
        self.written: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        """When a customer first saw a sign of work."""
        self.answered: dict[str, float] = {}

    async def start(self, _inbox: Inbox) -> None:
        """Nothing comes from here."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def send(self, message: Outgoing) -> Receipt:
        now = time.perf_counter()
        for text in message.text.split("\n"):  # a burst is one answer
            self.answered.setdefault(text, now)
        return Sent([message.key])

    async def edit(self, _message: Outgoing) -> Receipt:
        return Sent()

    async def fetch(self, ref: str, _limit: int) -> bytes:
        raise FileUnavailable(f"There is no file {ref}.")

    async def show(self, _chat: Chat, _draft: str | None) -> bool:
        return True

    async def typing(self, chat: Chat) -> None:
        self.seen.setdefault(chat.address, time.perf_counter())


def answering(seconds: float) -> Answerer:
    """An answerer that repeats the question, after a while."""

    async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
        await asyncio.sleep(seconds)
        yield Answer(Outcome.ANSWERED, question.text, 1.0, "en")

    return answer


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await open_database(url)
    await migrate(database)
    await database.write(add_company, COMPANY, "Acme", time.time())
    yield database
    await database.close()


@contextlib.asynccontextmanager
async def working(database: Database, answerer: Answerer, slots: int) -> AsyncIterator[Channel]:
    """A worker at its work, warmed up by one message."""
    channel = Channel()
    turns = Turns(database, answerer, {(COMPANY, channel.channel): channel}, PACE)
    worker = Worker(database, turns.work, [(COMPANY, channel.channel)], PACE, concurrency=slots)
    running = asyncio.create_task(worker.run())
    await write(Intake(database, PACE), channel, "warm", "0")
    await until(lambda: bool(channel.answered))
    yield channel
    await worker.stop()
    await running


async def write(intake: Intake, channel: Channel, address: str, text: str) -> None:
    channel.written[text] = time.perf_counter()
    await intake.receive(Inbound(uuid.uuid4().hex, Chat(COMPANY, channel.channel, address), text=text))


async def until(reached: Callable[[], bool]) -> None:
    while not reached():  # noqa: ASYNC110 - the pause keeps the waiting out of the figures
        await asyncio.sleep(0.01)
