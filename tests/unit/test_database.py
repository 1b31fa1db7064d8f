"""SQLite's own side of the engine, and what is said when a database can't be used."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from llm.errors import SettingsError
from retrieval.database import Database, announce, open_database
from retrieval.errors import StoreUnavailable


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(f"sqlite:///{tmp_path / 'new folder' / 'answerdesk.db'}")
    await opened.write(execute, "CREATE TABLE note (words TEXT)")
    yield opened
    await opened.close()


def execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def pragma(connection: Connection, name: str) -> object:
    return connection.execute(text(f"PRAGMA {name}")).scalar()


@pytest.mark.parametrize(("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
async def test_a_commit_is_on_disk(database: Database, name: str, value: object) -> None:
    assert await database.write(pragma, name) == value


async def test_an_operation_that_reads_can_not_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="read-only"):
        await database.read(execute, "INSERT INTO note VALUES ('x')")


async def test_many_writes_share_a_commit(database: Database) -> None:
    transactions = []
    loop = asyncio.get_running_loop()
    hold = asyncio.Event()

    def slow(_connection: Connection) -> None:
        asyncio.run_coroutine_threadsafe(hold.wait(), loop).result(10)

    def note(connection: Connection) -> None:
        transactions.append(connection.get_transaction())
        execute(connection, "INSERT INTO note VALUES ('x')")

    first = asyncio.create_task(database.write(slow))
    await asyncio.sleep(0.05)
    rest = [asyncio.create_task(database.write(note)) for _ in range(50)]
    await asyncio.sleep(0.05)
    hold.set()
    await asyncio.gather(first, *rest)
    assert len({id(transaction) for transaction in transactions}) == 1


async def test_a_write_that_nobody_waits_for_any_more_is_left_out(database: Database) -> None:
    loop = asyncio.get_running_loop()
    hold = asyncio.Event()
    slow = asyncio.create_task(
        database.write(lambda _connection: asyncio.run_coroutine_threadsafe(hold.wait(), loop).result(10))
    )
    await asyncio.sleep(0.05)
    given_up = asyncio.create_task(database.write(execute, "INSERT INTO note VALUES ('x')"))
    await asyncio.sleep(0.05)
    given_up.cancel()
    hold.set()
    await slow
    assert await database.read(lambda connection: connection.execute(text("SELECT * FROM note")).all()) == []


async def test_a_full_disk_loses_nothing_that_was_stored(database: Database) -> None:
    await database.write(execute, "INSERT INTO note VALUES ('kept')")
    await database.write(lambda connection: connection.execute(text("PRAGMA max_page_count=12")).close())
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await database.write(execute, "INSERT INTO note VALUES (zeroblob(1000000))")
    await database.write(execute, "INSERT INTO note VALUES ('small')")
    rows = await database.read(lambda connection: connection.execute(text("SELECT words FROM note")).all())
    assert [row.words for row in rows] == ["kept", "small"]


async def test_closing_finishes_what_was_handed_in(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'answerdesk.db'}"
    first = await open_database(url)
    await first.write(execute, "CREATE TABLE note (words TEXT)")
    writing = asyncio.gather(*(first.write(execute, "INSERT INTO note VALUES ('x')") for _ in range(20)))
    await asyncio.sleep(0)
    await first.close()
    await writing
    again = await open_database(url)
    assert await again.read(lambda connection: connection.execute(text("SELECT count(*) FROM note")).scalar()) == 20
    await again.close()


async def test_the_commits_of_others_are_heard_of(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'answerdesk.db'}"
    mine, others = await open_database(url), await open_database(url)
    heard: asyncio.Queue[str] = asyncio.Queue()
    mine.listen("note", heard.put_nowait)
    await mine.write(execute, "CREATE TABLE note (words TEXT)")
    await mine.write(announce, "note", "mine")
    await others.write(execute, "INSERT INTO note VALUES ('x')")
    assert [await asyncio.wait_for(heard.get(), 20) for _ in range(2)] == ["mine", ""]
    await mine.close()
    await others.close()


async def test_a_closed_database_says_so(database: Database) -> None:
    await database.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await database.write(execute, "SELECT 1")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "can't be read"),
        ("mysql://root:secret@host/name", "names no database we know"),
        ("sqlite://", "names no database we know"),
        ("sqlite:///:memory:", "in memory loses everything"),
        ("postgresql://host:99999/name", "no possible port"),
    ],
)
async def test_a_wrong_address_is_named_with_what_is_allowed(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        await open_database(url)
    assert "sqlite:////folder/answerdesk.db" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_server_that_can_not_be_reached_is_named_without_its_password() -> None:
    with pytest.raises(StoreUnavailable, match="check that it runs") as caught:
        await open_database("postgresql://user:secret@127.0.0.1:1/name")
    assert "secret" not in str(caught.value)


async def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(StoreUnavailable, match="holds something else"):
        await open_database(f"sqlite:///{tmp_path / 'letter.db'}")


async def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="choose another folder"):
        await open_database(f"sqlite:///{tmp_path / 'file' / 'folder' / 'answerdesk.db'}")


async def test_missing_tables_are_told(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="answerdesk migrate"):
        await database.read(execute, "SELECT * FROM conversation")


async def test_the_file_is_nobody_elses_to_read(database: Database, tmp_path: Path) -> None:
    mode = (tmp_path / "new folder" / "answerdesk.db").stat().st_mode
    assert stat.S_IMODE(mode) & 0o077 == 0
