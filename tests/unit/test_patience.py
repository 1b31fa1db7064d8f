"""How long customers are kept waiting: over all attempts, whichever workers make them."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.aside import said_beside
from bot.conversation import Message, Status
from bot.domain import Answer, Author, Draft, Outcome, Owner, Question
from bot.held import GivenBack, Held
from bot.intake import Intake
from bot.ports import Kind, Retry
from bot.storage import conversations as store
from bot.storage import work
from bot.texts import text
from retrieval.errors import StoreUnavailable
from tests.desk import CHAT, PACE, Desk, desk

WORDS = "When do you open on Saturdays?"
SOON = replace(PACE, first_sign=0.05)


@pytest.fixture(autouse=True)
def _short_last_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.drafting.LAST_CHANCE", 0.05)


async def never(_question: Question) -> AsyncIterator[Draft | Answer]:
    """A model that hangs."""
    await asyncio.Event().wait()
    yield Draft("")


async def stuck(_question: Question) -> AsyncIterator[Draft | Answer]:
    """A model that hangs in the middle of a sentence."""
    yield Draft("We")
    await asyncio.Event().wait()


async def broken(_question: Question) -> AsyncIterator[Draft | Answer]:
    raise ConnectionError("the model is down")
    yield Draft("")


async def slow(question: Question) -> AsyncIterator[Draft | Answer]:
    await asyncio.sleep(0.3)
    yield Answer(Outcome.ANSWERED, question.text, 1.0, "en")


async def wrote(at: Desk, seconds: float, died: bool) -> None:
    """The customer wrote so long ago; a worker may have died over it."""
    at.intake = Intake(at.database, PACE, now=lambda: time.time() - seconds)
    await at.writes("helpful", kind=Kind.FEEDBACK, ref="c:1")
    await at.writes(WORDS)
    if died:
        await at.database.write(work.claim, "dead", 1, [CHAT.line], time.time(), time.time())


class TestCalling:
    @pytest.mark.parametrize(("answerer", "seconds"), [(never, 24), (stuck, 28), (broken, 23.995)])
    async def test_a_person_is_called_in_time_after_a_takeover(
        self, tmp_path: Path, answerer: object, seconds: float
    ) -> None:
        async with desk(tmp_path, answerer, working=False) as at:  # type: ignore[arg-type]
            await wrote(at, seconds, died=True)
            running = asyncio.create_task(at.worker.run())
            assert await at.channel.texts(1) == [text("failed_handed_over", "en")]
            assert (await at.conversation()).owner is Owner.WAITING
            await at.worker.stop()
            await running

    async def test_what_was_written_while_all_was_down_gets_its_time(self, tmp_path: Path) -> None:
        async with desk(tmp_path, slow, working=False) as at:
            await wrote(at, 3600, died=False)
            running = asyncio.create_task(at.worker.run())
            assert await at.channel.texts(1) == [WORDS]
            await at.worker.stop()
            await running

    async def test_the_customer_is_told_in_the_language_of_the_question(self, tmp_path: Path) -> None:
        async with desk(tmp_path, never, replace(PACE, unshown_turn=0.1)) as at:
            await at.writes("Wann haben Sie am Samstag geöffnet?", language="en")
            assert await at.channel.texts(1) == [text("failed_handed_over", "de")]


class TestHoldingOn:
    async def test_it_is_said_in_the_language_of_the_question(self, tmp_path: Path) -> None:
        async with desk(tmp_path, never, SOON) as at:
            await at.writes("Wann haben Sie am Samstag geöffnet?", language="en")
            assert await at.channel.texts(1) == [text("still_working", "de")]

    async def test_the_answer_waits_as_the_channel_said(self, tmp_path: Path) -> None:
        async with desk(tmp_path, slow, SOON) as at:
            at.channel.receipts.append(Retry(60.0))
            await at.writes(WORDS)
            conversation = await at.until(lambda one: one.lease is None and one.done == one.asked)
            assert (conversation.due or 0) > time.time() + 30
            assert len(at.channel.attempts) == 1

    async def test_a_claim_takes_it_back(self, tmp_path: Path) -> None:
        async with desk(tmp_path, never, SOON) as at:
            at.channel.receipts.append(Retry(60.0))
            await at.writes(WORDS)
            await at.channel.until(lambda: at.channel.attempts)
            await at.handoffs.claim("acme", (await at.conversation()).id, "ann")
            assert await said(at) == [(text("still_working", "en"), Status.WITHDRAWN)]

    async def test_it_is_said_once_for_all_attempts(self, tmp_path: Path) -> None:
        attempts = []

        async def at_last(question: Question) -> AsyncIterator[Draft | Answer]:
            attempts.append(question)
            await at.channel.texts(1)
            if len(attempts) < 3:
                raise ConnectionError("the model is down")
            await asyncio.sleep(0.2)
            yield Answer(Outcome.ANSWERED, "at last", 1.0, "en")

        async with desk(tmp_path, at_last, SOON) as at:
            await at.writes(WORDS)
            assert await at.channel.texts(2) == [text("still_working", "en"), "at last"]

    async def test_it_is_no_part_of_the_history(self, tmp_path: Path) -> None:
        seen = []

        async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
            seen.append([turn.text for turn in question.history])
            if len(seen) == 1:
                await at.channel.texts(1)
            yield Answer(Outcome.ANSWERED, "At nine.", 1.0, "en")

        async with desk(tmp_path, answer, SOON) as at:
            await at.writes(WORDS)
            await at.channel.texts(2)
            await at.at_rest()
            await at.writes("And on Sundays?")
            await at.channel.texts(3)
        assert seen[-1] == [WORDS, "At nine."]

    async def test_what_goes_wrong_beside_a_turn_is_told_and_harms_nothing(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail() -> tuple[GivenBack, float]:
            raise StoreUnavailable("The disk is full.")

        async with desk(tmp_path, working=False) as at:
            await at.writes(WORDS)
            held = Held(await at.conversation(), 0.0, beside=asyncio.create_task(fail()))
            assert (await said_beside(held, time.time)).put_off is False
        assert "The disk is full." in caplog.text


async def said(at: Desk) -> list[tuple[str, Status]]:
    messages: list[Message] = list(
        await at.database.read(store.transcript, "acme", (await at.conversation()).id)  # type: ignore[arg-type]
    )
    return [(message.text, message.status) for message in messages if message.author is Author.BOT]
