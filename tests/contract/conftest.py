"""Each contract test runs on both databases, and gets an empty one."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from retrieval.database import Database
from tests.postgres import new_database, postgres_server
from tests.stores import opened, sqlite_url


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server; its address names no database yet."""
    with postgres_server() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return await new_database(request.getfixturevalue("postgres"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with all tables, and a company `acme`."""
    async with opened(database_url) as database:
        yield database
