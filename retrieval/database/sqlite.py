"""SQLite: one thread writes, a few read."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from retrieval.database.common import Listener, Listeners, Operation, P, T, explained
from retrieval.errors import StoreUnavailable

BUSY_SECONDS = 60
"""How long a write waits for another process that is writing to the same SQLite file."""
BATCH = 256
"""At most so many writes share one commit, so that the first of them does not wait long."""
LOOK_SECONDS = 0.2
"""How often to look whether another process has committed something."""
READERS = 4
"""Threads that read."""


@dataclass(slots=True)
class _Job:
    """A write that waits for its turn."""

    run: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)


class SQLite:
    """One thread writes, a few read. Writes that arrive while a commit is under way share the next commit."""

    dialect = "sqlite"

    def __init__(self, address: URL, loop: asyncio.AbstractEventLoop) -> None:
        self.url = address.render_as_string()
        self.writing = 0
        self._loop = loop
        self._listeners = Listeners()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        with explained(self.url):
            _make_private(Path(str(address.database)))
            self._engine = _sqlite_engine(address, "BEGIN IMMEDIATE")
            self._writer = self._engine.connect()
            self._version = self._data_version()
            self._read_engine = _sqlite_engine(address, "BEGIN")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-read")
        self._thread = threading.Thread(target=self._write_jobs, name="sqlite-write", daemon=True)
        self._thread.start()

    async def read(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def run() -> T:
            with explained(self.url), self._read_engine.connect() as connection:
                return operation(connection, *args, **kwargs)

        return await self._loop.run_in_executor(self._readers, run)

    async def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._closed:
            raise StoreUnavailable(f"The database {self.url} has been closed.")
        job = _Job(lambda connection: operation(connection, *args, **kwargs))
        self._jobs.put(job)
        self.writing += 1
        try:
            result: T = await asyncio.wrap_future(job.future)
        finally:
            self.writing -= 1
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
        open_, look_at = True, 0.0
        while open_:
            waiting: list[_Job | None] = []
            with contextlib.suppress(Empty):
                waiting.append(self._jobs.get(timeout=LOOK_SECONDS))
                while len(waiting) < BATCH:
                    waiting.append(self._jobs.get_nowait())
            open_ = None not in waiting
            batch = [job for job in waiting if job and job.future.set_running_or_notify_cancel()]
            if batch:
                self._commit(batch)
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_SECONDS
                self._look()

    def _look(self) -> None:
        """Tell the listeners when another process has committed something: what, nobody knows."""
        version = self._data_version()
        if version != self._version:
            self._version = version
            self._call(self._listeners.tell_all)

    def _data_version(self) -> int | None:
        """Changes with each commit of another connection, see https://sqlite.org/pragma.html#pragma_data_version."""
        driver: Any = self._writer.connection.dbapi_connection
        with contextlib.suppress(sqlite3.Error):  # told by the next write, to whom it concerns
            return int(driver.execute("PRAGMA data_version").fetchone()[0])
        return None

    def _call(self, function: Callable[..., None], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has closed: nobody listens any more
            self._loop.call_soon_threadsafe(function, *args)

    def _commit(self, batch: list[_Job]) -> None:
        outcomes: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            with explained(self.url), self._writer.begin():
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
            self._call(self._listeners.tell, announced)

    def _run(self, job: _Job) -> tuple[Any, BaseException | None]:
        """Run one operation in a savepoint of its own: its failure leaves the others of the batch alone."""
        driver: Any = self._writer.connection.dbapi_connection
        driver.execute("SAVEPOINT job")  # by the driver: SQLAlchemy's own take a tenth of the time of all writes
        try:
            with explained(self.url):
                result = job.run(self._writer)
                driver.execute("RELEASE job")
        except BaseException as error:
            if not driver.in_transaction:  # a full disk, say, made SQLite roll back all of it
                raise
            driver.execute("ROLLBACK TO job")
            driver.execute("RELEASE job")
            return None, error
        return result, None


def _make_private(file: Path) -> None:
    """What customers write is for nobody else on the machine; SQLite gives its other files the same mode."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)


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
