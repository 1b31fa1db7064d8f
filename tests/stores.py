"""Databases with all tables and a company `acme`, for tests."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from bot.storage.conversations import add_company
from bot.storage.migrate import migrate
from retrieval.database import Database, open_database


def sqlite_url(folder: Path) -> str:
    """The address of a database file in the folder."""
    return f"sqlite:///{folder / 'answerdesk.db'}"


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """The database at an address."""
    database = await open_database(url)
    try:
        await migrate(database)
        await database.write(add_company, "acme", "Acme", 0.0)
        yield database
    finally:
        await database.close()
