"""An event that holds what no database takes is stored without that, and can be read again: it won't come for ever."""

import pytest

from bot.handoffs.cases import Cases
from bot.intake import Intake
from bot.ports import Attachment, Inbound, Kind
from retrieval.database import Database
from retrieval.errors import Unstorable
from tests.contract.conversing import CHAT, PACE, messages, now

ODD = "a\0b\ud800"


async def test_nothing_odd_is_kept(database: Database) -> None:
    file = Attachment(ODD, ODD, ODD, 1, ODD)
    event = Inbound("e1", CHAT, text=ODD, ref=ODD, author=ODD, name=ODD, language=ODD, quote=ODD, attachments=[file])
    await Intake(database, PACE).receive(event)
    (message,) = await messages(database)
    assert (message.text, message.ref, message.quote, message.sender) == ("ab?",) * 4
    assert message.attachments == (Attachment("ab?", "ab?", "ab?", 1, "ab?"),)


async def test_a_judgement_holds_nothing_odd_either(database: Database) -> None:
    await Intake(database, PACE).receive(Inbound("e1", CHAT, Kind.FEEDBACK, ODD, ODD))
    assert [message.text for message in await messages(database)] == ["ab?"]


async def test_what_no_database_takes_is_said_to_be_that(database: Database) -> None:
    await Intake(database, PACE).receive(Inbound("e1", CHAT, text="hello"))
    cases = Cases(database)
    odd = "\ud800" if database.dialect == "sqlite" else "\0"
    with pytest.raises(Unstorable):
        await cases.get("acme", odd)
    assert await cases.get("acme", (await now(database)).id) is None
