"""What a person has sent is changed through the outbox: in order, durably, by the channel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.conversation import Message
from bot.domain import Author, Owner
from bot.handoffs.cases import Cases, EntryKind
from bot.ports import Rejected, Retry
from bot.storage import conversations as store
from tests.desk import Desk, desk


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.delivery._backoff", lambda attempts: 0.01 * attempts)


@asynccontextmanager
async def talking(folder: Path) -> AsyncIterator[tuple[Desk, str, int]]:
    """A person has written: the conversation's id, and the place of what they wrote."""
    async with desk(folder) as at:
        await at.writes("Hi")
        await at.channel.texts(1)
        id_ = (await at.conversation()).id
        await at.handoffs.claim("acme", id_, "mia", "Mia")
        seq = (await at.handoffs.reply("acme", id_, "mia", "At nine.", "Mia")).last
        await at.channel.texts(3)
        yield at, id_, seq


async def message(at: Desk, id_: str, seq: int) -> Message:
    found = await at.database.read(store.one_message, "acme", id_, seq)
    assert found is not None
    return found


async def test_the_channel_is_told_the_new_words_and_what_it_calls_the_message(tmp_path: Path) -> None:
    async with talking(tmp_path) as (at, id_, seq):
        await at.handoffs.correct("acme", id_, "mia", seq, "At ten.")
        await at.at_rest()
        (edit,) = at.channel.edits
        assert (edit.seq, edit.text, edit.refs, edit.key) == (seq, "At ten.", (f"m{seq}",), f"{id_}:{seq}")
        changed = await message(at, id_, seq)
        assert (changed.text, changed.edited) == ("At ten.", True)
        assert at.channel.arrived[-1].text == "At nine."  # nothing more was sent


async def test_two_changes_come_in_their_order(tmp_path: Path) -> None:
    async with talking(tmp_path) as (at, id_, seq):
        at.channel.receipts.append(Retry(0.01))
        await at.handoffs.correct("acme", id_, "mia", seq, "At ten.")
        await at.handoffs.correct("acme", id_, "mia", seq, "At eleven.")
        await at.at_rest()
        assert [edit.text for edit in at.channel.edits] == ["At ten.", "At ten.", "At eleven."]
        assert (await message(at, id_, seq)).text == "At eleven."


async def test_what_the_channel_can_not_change_stays_and_staff_hear_why(tmp_path: Path) -> None:
    async with talking(tmp_path) as (at, id_, seq):
        at.channel.receipts.append(Rejected("it is too old"))
        await at.handoffs.correct("acme", id_, "mia", seq, "At ten.")
        await at.at_rest()
        assert (await message(at, id_, seq)).text == "At nine."
        entries = await Cases(at.database).timeline("acme", id_)
        told = [entry.text for entry in entries if entry.kind is EntryKind.EVENT]
        assert "A message could not be delivered: it is too old." in told
        assert (await at.conversation()).owner is Owner.HUMAN


async def test_what_never_arrived_is_not_changed(tmp_path: Path) -> None:
    async with talking(tmp_path) as (at, id_, _):
        at.channel.receipts.append(Rejected("too long"))
        seq = (await at.handoffs.reply("acme", id_, "mia", "And at noon.", "Mia")).last
        await at.handoffs.correct("acme", id_, "mia", seq, "And at one.")
        await at.at_rest()
        assert at.channel.edits == []


async def test_the_model_reads_the_new_words(tmp_path: Path) -> None:
    async with talking(tmp_path) as (at, id_, seq):
        await at.handoffs.correct("acme", id_, "mia", seq, "At ten.")
        await at.at_rest()
        assert await at.said(Author.PERSON) == ["At ten.", "At ten."]  # the message, and the row of its change
