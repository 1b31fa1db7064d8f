"""Storage operations of what staff ask the assistant."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update

from bot.storage.tables import consultations
from retrieval.database import announce

_i = consultations.c
KEPT_SECONDS = 3600


class State(StrEnum):
    """How far an consultation is."""

    NEW = "new"
    TAKEN = "taken"
    """A worker is at it."""
    DONE = "done"
    """It has a result, or a problem, or nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class Consultation:
    """What a member of the staff asked, and what came of it so far."""

    company: str
    id: str
    kind: str
    text: str
    conversation: str = ""
    language: str = ""
    state: State = State.NEW
    draft: str = ""
    result: Any = None
    problem: str = ""


def add(connection: Connection, consultation: Consultation, now: float) -> None:
    """Ask; forget what was asked long ago."""
    connection.execute(delete(consultations).where(_i.at < now - KEPT_SECONDS))
    asked = ("company", "id", "kind", "conversation", "text", "language")
    values = {name: getattr(consultation, name) for name in asked}
    values |= {"state": State.NEW, "draft": "", "problem": "", "at": now}
    connection.execute(insert(consultations).values(values))
    announce(connection, "consultation-new", consultation.id)


def waits(connection: Connection) -> bool:
    """Whether there is one that nobody has taken."""
    return connection.execute(select(_i.id).where(_i.state == State.NEW).limit(1)).first() is not None


def take(connection: Connection) -> Consultation | None:
    """The oldest that nobody has taken; it is the caller's now."""
    row = connection.execute(
        select(consultations).where(_i.state == State.NEW).order_by(_i.at).limit(1).with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    consultation = _to_consultation(row)
    _set(connection, consultation, State.NEW, state=State.TAKEN)
    return consultation


def sketch(connection: Connection, consultation: Consultation, draft: str) -> bool:
    """Show the answer so far; False if nobody waits for it any more."""
    return _set(connection, consultation, State.TAKEN, draft=draft)


def finish(connection: Connection, consultation: Consultation, result: Any = None, problem: str = "") -> bool:
    """Put the outcome in place."""
    return _set(connection, consultation, State.TAKEN, state=State.DONE, result=result, problem=problem)


def abandon(connection: Connection, consultation: Consultation) -> None:
    """Nobody waits for it any more: what its worker says from now on is dropped."""
    connection.execute(update(consultations).where(_this(consultation)).values(state=State.DONE))


def get(connection: Connection, company: str, identity: str) -> Consultation:
    """An consultation as it stands."""
    return _to_consultation(
        connection.execute(select(consultations).where(_i.company == company, _i.id == identity)).one()
    )


def _set(connection: Connection, consultation: Consultation, expected: State, **values: Any) -> bool:
    statement = update(consultations).where(_this(consultation), _i.state == expected).values(values)
    announce(connection, "consultation", consultation.id)
    return connection.execute(statement).rowcount > 0


def _this(consultation: Consultation) -> ColumnElement[bool]:
    return and_(_i.company == consultation.company, _i.id == consultation.id)


def _to_consultation(row: Row[Any]) -> Consultation:
    return Consultation(
        company=row.company,
        id=row.id,
        kind=row.kind,
        text=row.text,
        conversation=row.conversation,
        language=row.language,
        state=State(row.state),
        draft=row.draft,
        result=row.result,
        problem=row.problem,
    )
