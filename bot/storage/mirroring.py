"""Storage operations of whoever keeps the threads of cases: lease a case, note what its thread shows, let go.

They work like those of `work.py`: who lost the lease gets `Fenced`, and nothing is changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select, tuple_, update

from bot.errors import Fenced
from bot.storage.tables import handoffs

_c = handoffs.c


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A case whose thread is to be brought up to date, as it was when it was leased."""

    company: str
    id: str
    conversation: str
    thread: str | None
    shown: str
    """The timeline's cursor: the thread has all up to here."""
    version: int
    drawn: int
    attempts: int
    opening: bool
    """The thread may have been opened, and nobody knows."""
    lease: str | None


def claim(
    connection: Connection, lease: str, limit: int, companies: Sequence[str], now: float, until: float
) -> tuple[Sequence[Mirrored], float | None]:
    """Lease up to `limit` cases that are due, the longest due first; and when the next one is due."""
    mine = _c.company.in_(companies)
    query = select(_c.company, _c.id).where(_c.due <= now, mine).order_by(_c.due).limit(limit)
    keys = [tuple(row) for row in connection.execute(query.with_for_update(skip_locked=True))]
    taken: list[Mirrored] = []
    if keys:
        statement = update(handoffs).where(tuple_(_c.company, _c.id).in_(keys)).values(lease=lease, due=until)
        taken = [_mirrored(row) for row in connection.execute(statement.returning(handoffs))]
    return taken, connection.execute(select(func.min(_c.due)).where(_c.due > now, mine)).scalar()


def note(connection: Connection, leased: Mirrored, until: float, changes: Mapping[str, object]) -> Mirrored:
    """Record what the thread shows by now, and keep the lease until then. Raises `Fenced`."""
    statement = update(handoffs).where(_mine(leased)).values(due=until, **changes)
    row = connection.execute(statement.returning(handoffs)).one_or_none()
    if row is None:
        raise Fenced("The case is someone else's by now.")
    return _mirrored(row)


def release(
    connection: Connection, leased: Mirrored, seen: int, now: float, delay: float | None = None, attempts: int = 0
) -> None:
    """Give the lease back; due again after `delay`, or at once when the case has changed since version `seen`."""
    due = case((_c.version > seen, now), else_=None) if delay is None else now + delay
    connection.execute(update(handoffs).where(_mine(leased)).values(lease=None, due=due, attempts=attempts))


def _mine(leased: Mirrored) -> Any:
    return and_(_c.company == leased.company, _c.id == leased.id, _c.lease == leased.lease)


def _mirrored(row: Row[Any]) -> Mirrored:
    return Mirrored(
        company=row.company,
        id=row.id,
        conversation=row.conversation,
        thread=row.thread,
        shown=row.shown,
        version=row.version,
        drawn=row.drawn,
        attempts=row.attempts,
        opening=bool(row.opening),
        lease=row.lease,
    )
