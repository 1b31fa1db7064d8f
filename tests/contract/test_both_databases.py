"""What both databases promise to storage operations."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, text

from bot.storage import migrate as migration
from bot.storage.migrate import configuration, migrate
from llm.errors import SettingsError
from retrieval.database import Database, announce, metadata, open_database


def add(connection: Connection, id: str) -> str:  # noqa: A002
    connection.execute(text("INSERT INTO company (id, name, created_at) VALUES (:id, 'Any', 0)"), {"id": id})
    announce(connection, "added", id)
    return id


def add_and_fail(connection: Connection, company: str) -> None:
    add(connection, company)
    raise ValueError(company)


def companies(connection: Connection) -> Sequence[str]:
    rows = connection.execute(text("SELECT id FROM company WHERE id <> 'acme' ORDER BY id"))
    return [row.id for row in rows]


async def test_a_write_returns_what_the_operation_does(database: Database) -> None:
    assert await database.write(add, "a") == "a"
    assert await database.read(companies) == ["a"]


async def test_what_an_operation_raises_rolls_it_back(database: Database) -> None:
    with pytest.raises(ValueError, match="a"):
        await database.write(add_and_fail, "a")
    assert await database.read(companies) == []


async def test_a_failure_leaves_writes_at_the_same_time_alone(database: Database) -> None:
    writes = [database.write(add_and_fail if number % 3 == 0 else add, f"c{number:02}") for number in range(30)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    kept = [result for result in results if isinstance(result, str)]
    assert len(kept) == 20
    assert await database.read(companies) == kept


async def test_an_operation_that_breaks_a_constraint_leaves_others_alone(database: Database) -> None:
    results = await asyncio.gather(*(database.write(add, "same") for _ in range(10)), return_exceptions=True)
    assert results.count("same") == 1


async def test_an_announcement_is_heard_after_the_commit(database: Database) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    database.listen("added", heard.put_nowait)
    await asyncio.sleep(0.3)  # PostgreSQL's listener connects by the side
    await database.write(add, "a")
    assert await asyncio.wait_for(heard.get(), 10) == "a"


async def test_who_stopped_listening_hears_nothing(database: Database) -> None:
    heard: list[str] = []
    stop = database.listen("added", heard.append)
    other: asyncio.Queue[str] = asyncio.Queue()
    database.listen("added", other.put_nowait)
    await asyncio.sleep(0.3)
    stop()
    await database.write(add, "a")
    await asyncio.wait_for(other.get(), 10)
    assert heard == []


async def test_two_programs_write_to_one_database(database: Database, database_url: str) -> None:
    other = await open_database(database_url)
    writes = [(database, other)[number % 2].write(add, f"c{number:02}") for number in range(40)]
    await asyncio.gather(*writes)
    assert len(await other.read(companies)) == 40
    await other.close()


class TestMigrating:
    async def test_a_new_database_gets_its_tables_once(self, database_url: str) -> None:
        database = await open_database(database_url)
        applied = await migrate(database)
        assert applied[0] == "0001 Documents and conversations"
        assert applied[-1].startswith(migration.HEAD)
        assert await migrate(database) == ()
        await database.close()

    async def test_two_programs_may_start_at_once(self, database_url: str) -> None:
        opened = [await open_database(database_url) for _ in range(3)]
        applied = await asyncio.gather(*(migrate(database) for database in opened))
        assert sorted(map(bool, applied)) == [False, False, True]
        for database in opened:
            await database.close()

    async def test_the_migrations_make_what_the_tables_say(self, database: Database) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        def differences(connection: Connection) -> list[object]:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return compare_metadata(context, metadata)

        assert await database.write(differences) == []

    async def test_the_newest_revision_is_the_one_the_program_expects(self, database: Database) -> None:
        from alembic.script import ScriptDirectory

        def head(connection: Connection) -> str | None:
            return ScriptDirectory.from_config(configuration(connection)).get_current_head()

        assert await database.write(head) == migration.HEAD

    async def test_tables_of_a_newer_version_are_refused(self, database: Database) -> None:
        await database.write(
            lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9'"))
        )
        with pytest.raises(SettingsError, match="newer Answerdesk"):
            await migrate(database)
