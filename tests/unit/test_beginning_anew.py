"""A customer who begins anew while a person is called, or there, has the bot again; staff see that they left."""

from pathlib import Path

import pytest

from bot.domain import Owner
from bot.handoffs.cases import Cases
from bot.handoffs.handoff import Handoffs
from bot.texts import text
from llm.errors import UsageError
from tests.desk import Desk, desk


async def waits(at: Desk) -> str:
    """The customer waits for a person; returns the conversation's id."""
    await at.commands("human")
    return (await at.at_rest()).id


async def test_the_bot_answers_who_no_longer_waits(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await waits(at)
        await at.commands("new")
        assert (await at.channel.texts(2))[-1] == text("greeting", "en")
        await at.writes("When do you open?")
        assert (await at.channel.texts(3))[-1] == "When do you open?"
        assert (await at.at_rest()).owner is Owner.BOT


async def test_the_case_is_closed_and_says_why(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        conversation, cases = await waits(at), Cases(at.database)
        assert len(await cases.queue("acme")) == 1
        await at.commands("new")
        await at.at_rest()
        assert await cases.queue("acme") == []
        told = [entry.text for entry in await cases.timeline("acme", conversation)]
        assert told[-1] == "The customer began anew: the assistant answers again, and this case is closed."


async def test_a_person_who_has_the_conversation_is_left_too(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        conversation = await waits(at)
        await at.handoffs.claim("acme", conversation, "ann")
        await at.commands("new")
        left = await at.until(lambda found: found.owner is Owner.BOT)
        assert left.person is None
        with pytest.raises(UsageError):
            await at.handoffs.reply("acme", conversation, "ann", "Are you there?")


async def test_the_first_question_of_the_new_conversation_is_answered_at_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await waits(at)
        await at.commands("new")
        await at.writes("When do you open?")
        assert (await at.channel.texts(3))[-1] == "When do you open?"
        assert (await at.at_rest()).owner is Owner.BOT


async def test_a_person_can_be_called_again_at_once_with_a_case_of_its_own(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        conversation, cases = await waits(at), Cases(at.database)
        (before,) = await cases.queue("acme")
        await at.commands("new")
        await at.commands("human")
        await at.until(lambda found: found.done == found.asked and found.due is None and found.last > 4)
        (after,) = await cases.queue("acme")
        assert (after.conversation.owner, after.conversation.id) == (Owner.WAITING, conversation)
        assert after.id != before.id


async def test_staff_can_still_take_the_conversation(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        conversation = await waits(at)
        await at.commands("new")
        await at.until(lambda found: found.owner is Owner.BOT)
        assert (await Handoffs(at.database).claim("acme", conversation, "ann")).owner is Owner.HUMAN
