"""Who owns a conversation."""

from pathlib import Path

import pytest

from bot.domain import Author, Owner
from bot.handoffs.handoff import Taken, claimed, handed_back, resolved
from bot.texts import text
from llm.errors import UsageError
from tests.desk import desk


@pytest.mark.parametrize("owner", Owner)
def test_a_person_can_claim_whatever_is_there(owner: Owner) -> None:
    assert claimed(owner) is Owner.HUMAN


@pytest.mark.parametrize("owner", [Owner.BOT, Owner.WAITING, Owner.HUMAN])
def test_what_is_open_can_be_handed_back(owner: Owner) -> None:
    assert handed_back(owner) is Owner.BOT


def test_what_is_closed_can_not_be_handed_back() -> None:
    with pytest.raises(UsageError, match="claim it"):
        handed_back(Owner.CLOSED)


@pytest.mark.parametrize("owner", Owner)
def test_everything_can_be_resolved(owner: Owner) -> None:
    assert resolved(owner) is Owner.CLOSED


async def test_the_customer_hears_of_every_change(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.writes("Hi")
        await at.channel.texts(1)
        company, conversation = "acme", (await at.conversation()).id
        await at.handoffs.claim(company, conversation, "ann")
        await at.handoffs.reply(company, conversation, "ann", "Hello, I am Ann.", "Ann")
        await at.handoffs.hand_back(company, conversation, "ann")
        await at.handoffs.resolve(company, conversation, "ann")
        told = [text(key, "en") for key in ("person_joined", "handed_back", "closed")]
        assert (await at.channel.texts(5))[1:] == [told[0], "Hello, I am Ann.", *told[1:]]
        assert [message.sender for message in at.channel.arrived if message.author is Author.PERSON] == ["Ann"]


async def test_who_comes_second_is_told_who_has_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.writes("Hi")
        conversation = (await at.conversation()).id
        await at.handoffs.claim("acme", conversation, "ann")
        with pytest.raises(Taken, match="ann has this conversation"):
            await at.handoffs.claim("acme", conversation, "bob")


async def test_who_has_not_claimed_can_not_write(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.writes("Hi")
        with pytest.raises(UsageError, match="Claim the conversation first"):
            await at.handoffs.reply("acme", (await at.conversation()).id, "ann", "Hello")


async def test_a_conversation_of_another_company_is_not_found(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.writes("Hi")
        with pytest.raises(UsageError, match="no conversation"):
            await at.handoffs.claim("other", (await at.conversation()).id, "ann")
