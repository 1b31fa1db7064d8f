"""Storage operations of errands: what staff did in their own tool, to be carried out once, in order in each lane."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.errors import Fenced
from bot.storable import storable, storable_json
from bot.storage.tables import errands, handoffs, staff_questions
from retrieval.database import announce

KEPT = 7 * 24 * 3600.0
"""Seconds for which it is remembered what is done: far longer than any tool delivers an event again."""
_e = errands.c


@dataclass(frozen=True, slots=True)
class Errand:
    """What somebody of the staff did."""

    company: str
    id: str
    """Names the event for good: the same when it is delivered again."""
    lane: str
    """What is in one lane is carried out one after the other."""
    at: float
    """When it happened, in seconds since the epoch as the tool's clock says: the order within the lane."""
    kind: str
    body: Mapping[str, Any]
    attempts: int = 0
    ref: str = ""
    """What was begun for it already."""
    lease: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What there is to carry out now, and when there is more."""

    errands: Sequence[Errand]
    next_due: float | None


def put(connection: Connection, errand: Errand, now: float) -> bool:
    """Store what is to be carried out; False if it is stored already."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(errands).values(
        company=errand.company,
        id=storable(errand.id),
        lane=storable(errand.lane),
        at=errand.at,
        kind=errand.kind,
        body=storable_json(dict(errand.body)),
        due=now,
        attempts=0,
        ref="",
    )
    statement = statement.on_conflict_do_nothing(index_elements=["company", "id"])
    fresh = connection.execute(statement.returning(_e.id)).one_or_none() is not None
    if fresh:
        announce(connection, "errand", errand.company)
    return fresh


def claim(
    connection: Connection, lease: str, limit: int, companies: Sequence[str], now: float, until: float
) -> Claimed:
    """Lease up to `limit` errands until then: of each lane the first that isn't done, if it is due."""
    earlier = errands.alias()
    waits = exists().where(
        earlier.c.company == _e.company,
        earlier.c.lane == _e.lane,
        earlier.c.due.is_not(None),
        or_(earlier.c.at < _e.at, and_(earlier.c.at == _e.at, earlier.c.id < _e.id)),
    )
    rows = connection.execute(
        select(_e.company, _e.id)
        .where(_e.due <= now, _e.company.in_(companies), ~waits)
        .order_by(_e.due)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    keys = [tuple(row) for row in rows]
    taken: list[Errand] = []
    if keys:
        statement = update(errands).where(tuple_(_e.company, _e.id).in_(keys))
        statement = statement.values(lease=lease, due=until, attempts=_e.attempts + 1)
        taken = [_to_errand(row) for row in connection.execute(statement.returning(errands))]
    upcoming = select(func.min(_e.due)).where(_e.due > now, _e.company.in_(companies))
    return Claimed(taken, connection.execute(upcoming).scalar())


def renew(connection: Connection, held: Iterable[Errand], until: float) -> Sequence[str]:
    """Keep leases until then; returns the ids of the errands that are still held."""
    keys = [(each.company, each.id, each.lease) for each in held]
    statement = update(errands).where(tuple_(_e.company, _e.id, _e.lease).in_(keys)).values(due=until)
    return [row.id for row in connection.execute(statement.returning(_e.id))]


def begun(connection: Connection, errand: Errand, ref: str) -> None:
    """Remember what was begun, so that the next attempt goes on from there. Raises `Fenced`."""
    _fenced(connection, errand, ref=ref)


def finish(connection: Connection, errand: Errand) -> None:
    """It is done: its content isn't needed any more. Raises `Fenced`."""
    _fenced(connection, errand, due=None, lease=None, body={})
    announce(connection, "errand", errand.company)


def put_off(connection: Connection, errand: Errand, until: float) -> None:
    """Try again then. Raises `Fenced`."""
    _fenced(connection, errand, due=until, lease=None)


def forget(connection: Connection, now: float) -> int:
    """Remove what was done long ago; returns how many."""
    return connection.execute(delete(errands).where(_e.due.is_(None), _e.at < now - KEPT)).rowcount


def note_ref(connection: Connection, company: str, errand: str, ref: str) -> None:
    """Remember what came of an errand, also when it is done."""
    connection.execute(update(errands).where(_e.company == company, _e.id == errand).values(ref=ref))


def ref_of(connection: Connection, company: str, errand: str) -> str:
    """What was begun for an errand, or came of it; empty if nothing is known."""
    found = connection.execute(select(_e.ref).where(_e.company == company, _e.id == errand)).scalar_one_or_none()
    return found or ""


def conversation_of(connection: Connection, company: str, thread: str) -> str | None:
    """The conversation whose case has this thread, open or closed."""
    query = select(handoffs.c.conversation).where(handoffs.c.company == company, handoffs.c.thread == thread)
    return connection.execute(query.limit(1)).scalar_one_or_none()


def open_threads(connection: Connection, company: str) -> Sequence[str]:
    """The threads of the company's open cases."""
    query = select(handoffs.c.thread).where(handoffs.c.company == company, handoffs.c.closed_at.is_(None))
    return [thread for thread in connection.execute(query).scalars() if thread]


def asked(connection: Connection, errand: Errand, person: str, question: str, outcome: str) -> None:
    """Record what a member of the staff asked, and what became of it."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"at": errand.at, "person": person, "question": question, "outcome": outcome}
    statement = insert(staff_questions).values(company=errand.company, id=errand.id, **values)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["company", "id"]))


def judge(connection: Connection, company: str, question: str, *, helpful: bool) -> bool:
    """Record whether an answer helped; False if there is no such question."""
    this = and_(staff_questions.c.company == company, staff_questions.c.id == question)
    return connection.execute(update(staff_questions).where(this).values(helpful=helpful)).rowcount > 0


def judgements(connection: Connection, company: str) -> Mapping[str, bool | None]:
    """Whether the answers helped, by question."""
    rows = connection.execute(
        select(staff_questions.c.id, staff_questions.c.helpful).where(staff_questions.c.company == company)
    )
    return {row.id: row.helpful for row in rows}


def _fenced(connection: Connection, errand: Errand, **values: Any) -> None:
    mine: ColumnElement[bool] = and_(_e.company == errand.company, _e.id == errand.id, _e.lease == errand.lease)
    if not connection.execute(update(errands).where(mine).values(**values)).rowcount:
        raise Fenced("The errand is someone else's by now.")


def _to_errand(row: Any) -> Errand:
    return Errand(row.company, row.id, row.lane, row.at, row.kind, row.body, row.attempts, row.ref, row.lease)
