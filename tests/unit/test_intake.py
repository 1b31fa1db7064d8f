"""What channels report is stored once, and can always be stored."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation import Pace
from bot.domain import Chat
from bot.intake import LONGEST_TEXT, Intake, _storable
from bot.ports import Attachment, Inbound
from bot.storage.conversations import find, transcript
from retrieval.database import Database
from tests.stores import opened, sqlite_url

CHAT = Chat("acme", "web", "visitor")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(sqlite_url(tmp_path)) as database:
        yield database


@pytest.fixture
def intake(database: Database) -> Intake:
    return Intake(database, Pace(), now=lambda: 100.0)


async def test_what_is_new_is_taken(intake: Intake) -> None:
    assert await intake.receive(Inbound("e1", CHAT, text="Hi"))


async def test_what_comes_again_is_not(intake: Intake) -> None:
    await intake.receive(Inbound("e1", CHAT, text="Hi"))
    assert not await intake.receive(Inbound("e1", CHAT, text="Hi"))


async def test_a_message_is_there_once_it_was_taken(intake: Intake, database: Database) -> None:
    await intake.receive(Inbound("e1", CHAT, text="Hi"))
    conversation = await database.read(find, CHAT)
    assert conversation is not None
    messages = await database.read(transcript, "acme", conversation.id)
    assert [(message.text, message.at) for message in messages] == [("Hi", 100.0)]


async def test_half_characters_and_nulls_do_not_come_back_for_ever(intake: Intake, database: Database) -> None:
    event = Inbound("e1", CHAT, text="a\0b\ud800c", name="\udfff", language="pt-BR-and-much-more-than-fits")
    assert await intake.receive(event)
    conversation = await database.read(find, CHAT)
    assert conversation is not None
    assert conversation.language == "pt"


@given(text=st.text(st.characters(), max_size=50), name=st.text(st.characters(), max_size=300))
def test_whatever_is_written_can_be_stored(text: str, name: str) -> None:
    event = _storable(Inbound("e1", CHAT, text=text, quote=text, name=name, attachments=[Attachment("f", name, "")]))
    for words in (event.text, event.quote, event.name, event.attachments[0].name):
        assert "\0" not in words.encode("utf-8").decode("utf-8")
    assert len(event.name) <= 200


def test_a_text_beyond_all_measure_is_cut() -> None:
    assert len(_storable(Inbound("e1", CHAT, text="x" * 1_000_000)).text) == LONGEST_TEXT
