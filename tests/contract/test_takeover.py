"""The human wins: a person claims at any moment, and nothing of the bot's is sent in that conversation any more."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bot.conversation import Pace
from bot.domain import Answer, Author, Chat, Draft, Outcome, Owner, Question
from bot.handoffs.handoff import Handoffs
from bot.intake import Intake
from bot.ports import Capabilities, Inbound, Outgoing, Receipt, Retry, Sent
from bot.storage import conversations as store
from bot.turn import Turns
from bot.worker import Worker
from retrieval.database import Database
from tests.fakes.channel import FakeChannel

CLAIMS = {"sqlite": 1_000, "postgresql": 300}
AT_ONCE = 100
SEED = 4
LONGEST = 0.25
"""Seconds within which a claim comes after the question: until then, an answer is being made, or is on its way."""
PACE = Pace(quiet=0.0, longest_burst=0.0, poll=0.1)


@dataclass
class SlowChannel(FakeChannel):
    """Takes its time with each message, and notes what came of the bot's at which chat, and when it was called."""

    chance: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311 - chance, not secrets
    sends: list[Outgoing] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)
    """Chats in which a message of the bot is being handed over right now."""

    def __post_init__(self) -> None:
        super().__init__(Capabilities(drafts=True, at_once=None))

    async def send(self, message: Outgoing) -> Receipt:
        if message.author is Author.BOT:
            self.sends.append(message)
            self.begun.add(message.chat.address)
        try:
            await asyncio.sleep(self.chance.random() * 0.05)
            return Retry(0.01) if self.chance.random() < 0.2 else Sent([str(message.seq)])
        finally:
            self.begun.discard(message.chat.address)


def thinking(chance: random.Random) -> object:
    """An answerer that takes its time, in drafts."""

    async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
        for part in range(chance.randrange(4)):
            await asyncio.sleep(chance.random() * 0.04)
            yield Draft(f"{part} ...")
        yield Answer(Outcome.ANSWERED, f"An answer to {question.text}", 1.0, "en")

    return answer


async def claimed_at_random(
    database: Database, channel: SlowChannel, intake: Intake, number: int, chance: random.Random
) -> tuple[int, bool, Owner]:
    """How many messages of the bot were begun after a claim, whether one was on its way then, and who has it."""
    chat = Chat("acme", "web", f"v{number}")
    await intake.receive(Inbound(f"e{number}", chat, text=f"question {number}", order=1))
    await asyncio.sleep(chance.random() * LONGEST)
    found = await database.read(store.find, chat)
    assert found is not None
    await Handoffs(database).claim("acme", found.id, "mia", "Mia")
    on_its_way = chat.address in channel.begun
    before = sum(message.chat == chat for message in channel.sends)
    await intake.receive(Inbound(f"f{number}", chat, text="and another one", order=2))
    await asyncio.sleep(0.15)
    after = sum(message.chat == chat for message in channel.sends)
    current = await database.read(store.get, "acme", found.id)
    assert current is not None
    return after - before, on_its_way, current.owner


@pytest.mark.timeout(240)
async def test_nothing_of_the_bots_is_sent_after_a_claim_at_any_of_a_thousand_moments(database: Database) -> None:
    chance, channel = random.Random(SEED), SlowChannel()  # noqa: S311
    claims = CLAIMS[database.dialect]
    intake = Intake(database, PACE)
    turns = Turns(database, thinking(chance), {("acme", "web"): channel}, PACE)  # type: ignore[arg-type]
    worker = Worker(database, turns.work, [("acme", "web")], PACE)
    running = asyncio.create_task(worker.run())
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> tuple[int, bool, Owner]:
        async with slots:
            own = random.Random(f"{SEED} {number}")  # noqa: S311
            return await claimed_at_random(database, channel, intake, number, own)

    try:
        results = await asyncio.gather(*(one(number) for number in range(claims)))
    finally:
        await worker.stop(drain=5.0)
        await running
    assert sum(later for later, _, _ in results) == 0
    assert not any(on_its_way for _, on_its_way, _ in results)
    assert {owner for _, _, owner in results} == {Owner.HUMAN}
    answered = {message.chat for message in channel.sends}
    assert 0 < len(answered) < claims  # claims came before as well as after the answers
