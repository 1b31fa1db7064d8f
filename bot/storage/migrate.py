"""Bring a database's tables up to date."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from llm.errors import SettingsError
from retrieval.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0007"
"""The newest revision in `migrations/versions`; told here so that an up-to-date program starts without Alembic."""


async def migrate(database: Database) -> Sequence[str]:
    """Apply what is missing; returns the revisions applied. Safe when several processes start at once.

    Raises `SettingsError` when the tables are those of a newer Answerdesk, `StoreUnavailable` when the database fails.
    """
    if await database.read(_revision) == HEAD:
        return ()
    return await database.write(_upgrade)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> Sequence[str]:
    from alembic import command
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('answerdesk.migrate'))"))
    settings = configuration(connection)
    scripts = ScriptDirectory.from_config(settings)
    known = {script.revision: script for script in scripts.walk_revisions()}
    before = _revision(connection)
    if before is not None and before not in known:
        raise SettingsError(
            f"The tables are those of a newer Answerdesk (revision {before}; this one knows up to {HEAD}): "
            "install that version again, or restore a backup from before the update."
        )
    command.upgrade(settings, "head")
    applied = scripts.iterate_revisions("head", before or "base")
    return [f"{script.revision} {script.doc}" for script in reversed(list(applied))]


def configuration(connection: Connection) -> "Config":
    """Alembic's settings, for work on this open connection."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.attributes["connection"] = connection
    return settings
