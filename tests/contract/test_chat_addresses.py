"""Finding messages by their place, and chats that get another address: on SQLite and on PostgreSQL."""

from bot.conversation import Pace
from bot.domain import Chat
from bot.ports import Inbound, Kind
from bot.storage import conversations as store
from retrieval.database import Database

PACE = Pace()


def chat(address: str) -> Chat:
    return Chat("acme", "telegram", address)


async def receive(database: Database, event: str, address: str, text: str = "hello", **fields: str) -> None:
    await database.write(store.receive, Inbound(event, chat(address), text=text, **fields), PACE, 1.0)


async def conversation(database: Database, address: str) -> str | None:
    found = await database.read(store.find, chat(address))
    return found and found.id


async def test_a_chat_and_what_is_below_it_move(database: Database) -> None:
    for number, address in enumerate(("-5", "-5/u42", "-5/t7/u43", "-55/u42", "-5-5")):
        await receive(database, str(number), address)
    before = [await conversation(database, address) for address in ("-5", "-5/u42", "-5/t7/u43")]
    await database.write(store.readdress, chat("-5"), "-1007", 2.0)
    after = [await conversation(database, address) for address in ("-1007", "-1007/u42", "-1007/t7/u43")]
    assert before == after
    assert await conversation(database, "-5/u42") is None
    assert await conversation(database, "-55/u42")
    assert await conversation(database, "-5-5")


async def test_moving_twice_changes_nothing(database: Database) -> None:
    await receive(database, "1", "-5/u42")
    for _ in range(2):
        await database.write(store.readdress, chat("-5"), "-1007", 2.0)
    assert await conversation(database, "-1007/u42")


async def test_a_conversation_stays_where_its_new_address_is_taken(database: Database) -> None:
    await receive(database, "1", "-5/u42")
    await receive(database, "2", "-1007/u42")
    before = await conversation(database, "-1007/u42")
    await database.write(store.readdress, chat("-5"), "-1007", 2.0)
    assert await conversation(database, "-1007/u42") == before
    assert await conversation(database, "-5/u42")


async def test_a_move_is_recorded(database: Database) -> None:
    await receive(database, "1", "-5/u42")
    await database.write(store.readdress, chat("-5"), "-1007", 2.0)
    found = await conversation(database, "-1007/u42")
    assert found
    trail = await database.read(store.trail, "acme", found)
    assert trail[-1].kind == "moved"
    assert trail[-1].data["to"] == "-1007/u42"


async def test_a_message_is_found_at_its_place(database: Database) -> None:
    await receive(database, "1", "42", "first")
    await receive(database, "2", "42", "second")
    found = await conversation(database, "42")
    assert found
    message = await database.read(store.one_message, "acme", found, 2)
    assert message
    assert message.text == "second"
    assert await database.read(store.one_message, "acme", found, 3) is None
    assert await database.read(store.one_message, "other", found, 2) is None


async def test_the_last_message_of_the_customer_before_a_place(database: Database) -> None:
    await receive(database, "1", "42", ref="m1")
    await receive(database, "2", "42", ref="m2")
    await database.write(store.receive, Inbound("3", chat("42"), Kind.EDIT, "hm", ref="m1"), PACE, 1.0)
    found = await conversation(database, "42")
    assert found
    assert await database.read(store.last_ref, "acme", found, 4) == "m2"
    assert await database.read(store.last_ref, "acme", found, 2) == "m1"
    assert await database.read(store.last_ref, "acme", found, 1) == ""
