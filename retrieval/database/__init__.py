"""The SQL engine that all storage stands on: SQLite with one writer thread, or PostgreSQL.

Storage operations are plain functions of a SQLAlchemy `Connection`. The same function runs in a thread on SQLite, and
through asyncpg on PostgreSQL; neither blocks the event loop::

    document = await database.read(store.document, company, id)
    await database.write(store.add, document)      # one transaction, on disk when this returns
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from sqlalchemy import URL, Connection, MetaData, func, make_url, select
from sqlalchemy.exc import ArgumentError

from llm.errors import SettingsError
from retrieval.database.common import Listener, Operation, P, T
from retrieval.database.sqlite import SQLite

__all__ = ["Connection", "Database", "Listener", "announce", "metadata", "open_database"]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of the program registers here, so that one migration history covers them all."""


class Database(Protocol):
    """Runs storage operations; safe to use from any task of the event loop that opened it."""

    dialect: str
    """`sqlite` or `postgresql`."""
    url: str
    """Without the password: fit for logs."""
    writing: int
    """How many operations wait to be written, or are being written."""

    async def read(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation that changes nothing, on one snapshot. Raises `StoreUnavailable`."""
        ...

    async def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation as one transaction, durable on return; what it raises rolls it back.

        When the waiting task is cancelled, the operation may or may not be done: shield what has to be.
        Raises `StoreUnavailable`.
        """
        ...

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener(payload)` in the event loop for what is announced; returns what stops it. See `announce`.

        An empty payload says that anything may have changed: look yourself. On SQLite that is all that is heard of
        other processes.
        """
        ...

    async def close(self) -> None:
        """Finish the writes that were handed in, and let go of the files and connections."""
        ...


def announce(connection: Connection, topic: str, payload: str = "") -> None:
    """Tell listeners about a change, once its transaction has committed.

    On PostgreSQL this reaches all processes (`payload`: at most 4000 characters). On SQLite it reaches this one; others
    hear within 0.2 s that there was a commit, see `Database.listen`. An announcement may be lost; it is a hint, never
    the message.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify("answerdesk", f"{topic} {payload}")))
    else:
        connection.info.setdefault("announced", []).append((topic, payload))


async def open_database(url: str) -> Database:
    """Open `sqlite:////folder/file.db` (made if it isn't there) or `postgresql://user:password@host/name`.

    Raises `SettingsError` for a wrong address, and `StoreUnavailable`.
    """
    address = _parse(url)
    if address.get_backend_name() == "postgresql":
        # Brings in SQLAlchemy's asyncio and ORM, which would double the time a program with SQLite takes to start.
        from retrieval.database.postgresql import PostgreSQL

        return await PostgreSQL.open(address.set(drivername="postgresql+asyncpg"))
    return await asyncio.to_thread(SQLite, address.set(drivername="sqlite"), asyncio.get_running_loop())


def _parse(url: str) -> URL:
    allowed = "use sqlite:////folder/answerdesk.db or postgresql://user:password@host:5432/name"
    try:
        address = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    except (ArgumentError, ValueError):
        raise SettingsError(f"The database address can't be read: {allowed}.") from None
    shown = address.render_as_string(hide_password=True)
    if address.get_backend_name() not in ("sqlite", "postgresql") or not address.database:
        raise SettingsError(f"The database address {shown} names no database we know: {allowed}.")
    if address.port is not None and not 0 < address.port < 65536:
        raise SettingsError(f"The database address {shown} has no possible port: {allowed}.")
    if address.database == ":memory:":
        raise SettingsError(
            "A database in memory loses everything: name a file, such as sqlite:////folder/answerdesk.db."
        )
    return address
