"""The SQL engine that all storage stands on: SQLite with one writer thread, or PostgreSQL.

Storage operations are plain functions of a SQLAlchemy `Connection`. The same function runs in a thread on SQLite, and
through asyncpg on PostgreSQL; neither blocks the event loop::

    document = await database.read(store.document, company, id)
    await database.write(store.add, document)      # one transaction, on disk when this returns
"""

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from llm.errors import SettingsError
from retrieval.errors import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")
Operation = Callable[Concatenate[Connection, P], T]
Listener = Callable[[str], None]

BUSY_SECONDS = 60
"""How long a write waits for another process that is writing to the same SQLite file."""
BATCH = 256
"""At most so many writes share one commit, so that the first of them does not wait long."""
READERS = 4
"""Threads that read from SQLite."""

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
        """Call `listener(payload)` in the event loop for what is announced; returns what stops it. See `announce`."""
        ...

    async def close(self) -> None:
        """Finish the writes that were handed in, and let go of the files and connections."""
        ...


def announce(connection: Connection, topic: str, payload: str = "") -> None:
    """Tell listeners about a change, once its transaction has committed.

    On PostgreSQL this reaches all processes (`payload`: at most 4000 characters), on SQLite this one only: whoever
    must notice the rows of other processes polls as well. An announcement may be lost; it is a hint, never the message.
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
        return await _PostgreSQL.open(address.set(drivername="postgresql+asyncpg"))
    return await asyncio.to_thread(_SQLite, address.set(drivername="sqlite"), asyncio.get_running_loop())


def _parse(url: str) -> URL:
    allowed = "use sqlite:////folder/answerdesk.db or postgresql://user:password@host:5432/name"
    try:
        address = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    except (ArgumentError, ValueError):
        raise SettingsError(f"The database address can't be read: {allowed}.") from None
    shown = address.render_as_string(hide_password=True)
    if address.get_backend_name() not in ("sqlite", "postgresql") or not address.database:
        raise SettingsError(f"The database address {shown} names no database we know: {allowed}.")
    if address.database == ":memory:":
        raise SettingsError(
            "A database in memory loses everything: name a file, such as sqlite:////folder/answerdesk.db."
        )
    return address


@contextlib.contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn what the driver says into what to do; what the operation itself raises passes through."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailable(_explain(where, str(error.orig))) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise StoreUnavailable(_explain(where, str(error.orig))) from error
    except OSError as error:
        raise StoreUnavailable(_explain(where, str(error))) from error


def _explain(where: str, said: str) -> str:
    hints = {
        "unable to open": "its folder isn't there or can't be written to: check the path and its owner",
        "readonly": "the file or its folder is read-only: check the owner and the mount",
        "disk is full": "the disk is full: make room, then try again; nothing already stored is lost",
        "locked": "another process has been writing to it for a minute: stop that one, or wait until it is done",
        "no such table": "its tables are missing: run `answerdesk migrate`",
        "password authentication": "the user name or password is wrong",
        "does not exist": "it has no such database, role or table: create it, or run `answerdesk migrate`",
        "too many clients": "the server allows no more connections: raise max_connections, or run fewer processes",
    }
    hint = next((hint for sign, hint in hints.items() if sign in said), "check that it runs and can be reached")
    return f"The database {where} can't be used: {hint} ({said.splitlines()[0] if said else 'no reason given'})."


class _Listeners:
    """Who wants to hear about what."""

    def __init__(self) -> None:
        self._by_topic: defaultdict[str, list[Listener]] = defaultdict(list)

    def add(self, topic: str, listener: Listener) -> Callable[[], None]:
        self._by_topic[topic].append(listener)
        return lambda: self._by_topic[topic].remove(listener)

    def tell(self, announced: list[tuple[str, str]]) -> None:
        for topic, payload in dict.fromkeys(announced):
            for listener in tuple(self._by_topic[topic]):
                listener(payload)


@dataclass(slots=True)
class _Job:
    """A write that waits for its turn."""

    run: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)


class _SQLite:
    """One thread writes, a few read. Writes that arrive while a commit is under way share the next commit."""

    dialect = "sqlite"

    def __init__(self, address: URL, loop: asyncio.AbstractEventLoop) -> None:
        self.url = address.render_as_string()
        self._loop = loop
        self._listeners = _Listeners()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        with _explained(self.url):
            Path(str(address.database)).expanduser().parent.mkdir(parents=True, exist_ok=True)
            self._engine = _sqlite_engine(address, "BEGIN IMMEDIATE")
            self._writer = self._engine.connect()
            self._read_engine = _sqlite_engine(address, "BEGIN")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")
        self._thread = threading.Thread(target=self._write_jobs, name="sqlite-write", daemon=True)
        self._thread.start()

    async def read(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def run() -> T:
            with _explained(self.url), self._read_engine.connect() as connection:
                return operation(connection, *args, **kwargs)

        return await self._loop.run_in_executor(self._readers, run)

    async def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._closed:
            raise StoreUnavailable(f"The database {self.url} has been closed.")
        job = _Job(lambda connection: operation(connection, *args, **kwargs))
        self._jobs.put(job)
        result: T = await asyncio.wrap_future(job.future)
        return result

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        return self._listeners.add(topic, listener)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._readers.shutdown)
        self._writer.close()
        self._engine.dispose()
        self._read_engine.dispose()

    def _write_jobs(self) -> None:
        open_ = True
        while open_:
            waiting = [self._jobs.get()]
            with contextlib.suppress(Empty):
                while len(waiting) < BATCH:
                    waiting.append(self._jobs.get_nowait())
            open_ = None not in waiting
            batch = [job for job in waiting if job and job.future.set_running_or_notify_cancel()]
            if batch:
                self._commit(batch)

    def _commit(self, batch: list[_Job]) -> None:
        outcomes: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            with _explained(self.url), self._writer.begin():
                outcomes.extend((job, *self._run(job)) for job in batch)
        except BaseException as error:  # the thread must outlive whatever a commit brings
            for job in batch:
                job.future.set_exception(error)
            return
        finally:
            announced = self._writer.info.pop("announced", [])
        for job, result, failure in outcomes:
            job.future.set_exception(failure) if failure else job.future.set_result(result)
        if announced:
            with contextlib.suppress(RuntimeError):  # the event loop has closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._listeners.tell, announced)

    def _run(self, job: _Job) -> tuple[Any, BaseException | None]:
        """Run one operation in a savepoint of its own: its failure leaves the others of the batch alone."""
        try:
            with _explained(self.url), self._writer.begin_nested():
                return job.run(self._writer), None
        except BaseException as error:
            driver: Any = self._writer.connection.dbapi_connection
            if not driver.in_transaction:  # a full disk, say, made SQLite roll back all of it
                raise
            return None, error


def _sqlite_engine(address: URL, begin: str) -> Engine:
    engine = create_engine(address, pool_size=READERS, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: the driver's own leaves SELECT outside
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        if begin == "BEGIN":
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


class _PostgreSQL:
    """A pool of asyncpg connections, and one more that listens."""

    dialect = "postgresql"

    def __init__(self, engine: AsyncEngine) -> None:
        self.url = engine.url.set(drivername="postgresql").render_as_string()
        self._engine = engine
        self._listeners = _Listeners()
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, address: URL) -> "_PostgreSQL":
        database = cls(create_async_engine(address, pool_size=10, max_overflow=10, pool_pre_ping=True))
        try:
            await database.read(lambda connection: connection.execute(text("SELECT 1")))
        except BaseException:
            await database.close()
            raise
        database._listening = asyncio.create_task(database._keep_listening())
        return database

    async def read(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with _explained(self.url):
            async with self._engine.connect() as connection:
                return await connection.run_sync(operation, *args, **kwargs)

    async def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with _explained(self.url):
            async with self._engine.begin() as connection:
                return await connection.run_sync(operation, *args, **kwargs)

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

        with _explained(self.url):
            async with self._engine.connect() as connection:
                raw: Any = (await connection.get_raw_connection()).driver_connection
                await raw.add_listener("answerdesk", heard)
                raw.add_termination_listener(lambda _connection: lost.set())
                try:
                    yield lost
                finally:
                    await connection.invalidate()  # a pooled connection must not keep the listener
