"""What a customer has sent lately, over all processes."""

from bot.domain import Author
from bot.ports import Kind
from bot.storage import files, recent
from retrieval.database import Database
from tests.contract.conversing import ANSWER, CHAT, OTHER, claim, conclude, receive


async def lately(database: Database, since: float, most: int = 10) -> list[float]:
    return list(await database.read(recent.sent_lately, CHAT, since, most))


async def test_messages_presses_and_files_count(database: Database) -> None:
    await receive(database, "e1", 1.0)
    await receive(database, "e2", 2.0, kind=Kind.FEEDBACK)
    await database.write(files.keep, CHAT, Author.CUSTOMER, "a.png", "image/png", b"x", 3.0)
    assert await lately(database, 0.0) == [3.0, 2.0, 1.0]


async def test_what_is_older_or_somebody_elses_does_not_count(database: Database) -> None:
    await receive(database, "e1", 1.0)
    await receive(database, "e2", 2.0)
    await receive(database, "e3", 3.0, OTHER)
    await database.write(files.keep, OTHER, Author.CUSTOMER, "a.png", "image/png", b"x", 3.0)
    assert await lately(database, 1.0) == [2.0]


async def test_what_we_sent_does_not_count(database: Database) -> None:
    await receive(database, "e1", 1.0)
    (leased,) = await claim(database, 2.5)
    await conclude(database, leased, 3.0, ANSWER)
    await database.write(files.keep, CHAT, Author.PERSON, "a.pdf", "application/pdf", b"x", 4.0)
    assert await lately(database, 0.0) == [1.0]


async def test_the_last_are_told(database: Database) -> None:
    for number in range(5):
        await receive(database, f"e{number}", float(number))
    assert await lately(database, -1.0, 2) == [4.0, 3.0]
