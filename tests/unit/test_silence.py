"""While a person has a conversation, the bot says nothing in it: it answers no command, and no notice goes out."""

import asyncio
from pathlib import Path

import pytest

from bot.domain import Author, Owner
from bot.handoffs.cases import Cases
from bot.ports import Attachment, Retry
from bot.texts import text
from tests.desk import Desk, desk


async def claimed(at: Desk) -> str:
    """A person has the conversation, and the customer knows; returns its id."""
    await at.writes("When do you open?")
    conversation = (await at.at_rest()).id
    await at.handoffs.claim("acme", conversation, "ann", "Ann")
    await at.at_rest()
    return conversation


async def dealt_with(at: Desk) -> None:
    await at.until(lambda found: found.done == found.asked and found.due is None)


@pytest.mark.parametrize("command", ["start", "help", "privacy", "language", "language de", "human", "nonsense"])
async def test_a_command_gets_no_answer(tmp_path: Path, command: str) -> None:
    async with desk(tmp_path) as at:
        await claimed(at)
        said = len(at.channel.attempts)
        await at.commands(command)
        await dealt_with(at)
        assert at.channel.attempts[said:] == []


async def test_a_command_stands_in_the_timeline_as_what_the_customer_wrote(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        conversation = await claimed(at)
        await at.commands("help")
        last = (await Cases(at.database).timeline("acme", conversation))[-1]
        assert (last.author, last.text) == (Author.CUSTOMER, "/help")


async def test_a_command_waits_to_be_read_by_the_person(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await claimed(at)
        await at.commands("help")
        (case,) = await Cases(at.database).queue("acme")
        assert case.unread == 1


async def test_a_language_takes_effect_all_the_same(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await claimed(at)
        await at.commands("language de")
        await dealt_with(at)
        assert (await at.conversation()).language == "de"


async def test_a_file_is_kept_without_a_word(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await claimed(at)
        said = len(at.channel.attempts)
        await at.writes("", attachments=[Attachment("f1", "bill.pdf", "application/pdf", album="a")])
        await at.writes("", attachments=[Attachment("f2", "voice.ogg", "audio/ogg", album="a")])
        await dealt_with(at)
        assert at.channel.attempts[said:] == []


async def test_a_notice_that_waits_is_withdrawn_by_a_claim(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.channel.receipts.append(Retry(0.3))
        await at.commands("help")
        waiting = await at.until(lambda found: at.channel.attempts and found.lease is None)
        await at.handoffs.claim("acme", waiting.id, "ann", "Ann")
        await at.at_rest()
        assert [message.text for message in at.channel.arrived] == [text("person_joined", "en")]


async def test_a_claim_waits_for_a_notice_that_is_on_its_way(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.channel.open.clear()
        await at.commands("help")
        await at.channel.until(lambda: at.channel.attempts)
        claiming = asyncio.create_task(at.handoffs.claim("acme", (await at.conversation()).id, "ann", "Ann"))
        await asyncio.wait([claiming], timeout=0.2)
        assert not claiming.done()
        at.channel.open.set()
        assert (await claiming).owner is Owner.HUMAN
        assert at.channel.arrived[0].text == text("help", "en")


async def test_the_bot_answers_commands_again_when_it_has_the_conversation_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        conversation = await claimed(at)
        await at.handoffs.hand_back("acme", conversation, "ann")
        await at.at_rest()
        await at.commands("help")
        await at.channel.until(lambda: at.channel.arrived[-1].text == text("help", "en"))
