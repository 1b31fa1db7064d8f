"""PostgreSQL, through asyncpg."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from sqlalchemy import URL, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from retrieval.database.common import Listener, Listeners, Operation, P, T, explained
from retrieval.errors import StoreUnavailable

IDLE_SECONDS = 10
"""A process that says nothing for so long in the middle of a transaction has frozen: what it has locked is set free."""


class PostgreSQL:
    """A pool of asyncpg connections, and one more that listens."""

    dialect = "postgresql"

    def __init__(self, engine: AsyncEngine) -> None:
        self.url = engine.url.set(drivername="postgresql").render_as_string()
        self.writing = 0
        self._engine = engine
        self._listeners = Listeners()
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, address: URL) -> "PostgreSQL":
        engine = create_async_engine(address, pool_size=20, max_overflow=0, pool_pre_ping=True)
        event.listen(engine.sync_engine, "connect", _let_go_when_frozen)
        database = cls(engine)
        try:
            await database.read(lambda connection: connection.execute(text("SELECT 1")))
        except BaseException:
            await database.close()
            raise
        database._listening = asyncio.create_task(database._keep_listening())
        return database

    async def read(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with explained(self.url):
            async with self._engine.connect() as connection:
                return await connection.run_sync(operation, *args, **kwargs)

    async def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.writing += 1
        try:
            with explained(self.url):
                async with self._engine.begin() as connection:
                    return await connection.run_sync(operation, *args, **kwargs)
        finally:
            self.writing -= 1

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        return self._listeners.add(topic, listener)

    async def close(self) -> None:
        if self._listening:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        await self._engine.dispose()

    async def _keep_listening(self) -> None:
        """Hear NOTIFY; after a lost connection, connect again: until then the pollers notice what is new."""
        while True:
            with contextlib.suppress(StoreUnavailable):
                async with self._notices() as lost:
                    await lost.wait()
            await asyncio.sleep(1)

    @contextlib.asynccontextmanager
    async def _notices(self) -> AsyncIterator[asyncio.Event]:
        lost = asyncio.Event()

        def heard(_connection: object, _pid: int, _channel: str, notice: str) -> None:
            topic, _, payload = notice.partition(" ")
            self._listeners.tell([(topic, payload)])

        def lost_it(_connection: object) -> None:
            lost.set()

        with explained(self.url):
            async with self._engine.connect() as connection:
                raw: Any = (await connection.get_raw_connection()).driver_connection
                await raw.add_listener("answerdesk", heard)
                raw.add_termination_listener(lost_it)
                self._listeners.tell_all()  # of what was announced before, while nobody listened
                try:
                    yield lost
                finally:
                    raw.remove_termination_listener(lost_it)
                    if not raw.is_closed():
                        await raw.remove_listener("answerdesk", heard)


def _let_go_when_frozen(connection: Any, _record: object) -> None:
    """By a statement: a pooler in between takes no such setting when the connection begins."""
    connection.cursor().execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
    connection.commit()
