"""Storage operations of staff accounts and of who is signed in. Secrets come in hashed already."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bot.domain import Staff
from bot.storage.tables import sessions, staff
from llm.errors import UsageError

_s = staff.c


def _this(company: str, identity: str) -> ColumnElement[bool]:
    return and_(_s.company == company, _s.id == identity)


def add(connection: Connection, company: str, identity: str, name: str, now: float) -> None:
    """Make an account without a password. Raises `UsageError` if there is one of that id."""
    values = {"company": company, "id": identity, "name": name, "created_at": now}
    try:
        with connection.begin_nested():
            connection.execute(insert(staff).values(values))
    except IntegrityError:
        raise UsageError(
            f"There is an account {identity} already. `answerdesk staff password {identity}` makes a new sign-in link."
        ) from None


def find(connection: Connection, company: str, identity: str) -> Staff | None:
    """One account."""
    row = connection.execute(select(staff).where(_this(company, identity))).one_or_none()
    return None if row is None else _to_staff(row)


def find_by_slack(connection: Connection, company: str, slack: str) -> Staff | None:
    """The account that a Slack user is linked to."""
    row = connection.execute(select(staff).where(_s.company == company, _s.slack == slack)).one_or_none()
    return None if row is None else _to_staff(row)


def everybody(connection: Connection, company: str) -> Sequence[Staff]:
    """All accounts of a company, by id."""
    return [
        _to_staff(row) for row in connection.execute(select(staff).where(_s.company == company).order_by(_s.id)).all()
    ]


def password(connection: Connection, company: str, identity: str) -> str | None:
    """What is kept of the password; None without an account, and without a password."""
    return connection.execute(select(_s.password).where(_this(company, identity))).scalar_one_or_none()


def set_password(connection: Connection, company: str, identity: str, kept: str | None) -> None:
    """Put another password in place (None: none works) and sign the account out everywhere."""
    connection.execute(update(staff).where(_this(company, identity)).values(password=kept))
    connection.execute(delete(sessions).where(sessions.c.company == company, sessions.c.staff == identity))


def rename(connection: Connection, company: str, identity: str, name: str) -> None:
    """Let customers read another name from now on."""
    connection.execute(update(staff).where(_this(company, identity)).values(name=name))


def link(connection: Connection, company: str, identity: str, slack: str | None) -> None:
    """Say who the account is in Slack; None takes that back. Raises `UsageError` if another account has that user."""
    try:
        with connection.begin_nested():
            connection.execute(update(staff).where(_this(company, identity)).values(slack=slack))
    except IntegrityError:
        raise UsageError(f"The Slack user {slack} is linked to another account: unlink that one first.") from None


def remove(connection: Connection, company: str, identity: str) -> None:
    """Delete the account; it is signed out everywhere."""
    connection.execute(delete(staff).where(_this(company, identity)))


def open_session(
    connection: Connection, company: str, digest: str, identity: str, purpose: str, now: float, ends: float
) -> None:
    """Begin a session, or an invitation to one; forget those that have ended."""
    connection.execute(delete(sessions).where(sessions.c.ends_at <= now))
    values = {"company": company, "digest": digest, "staff": identity, "purpose": purpose}
    connection.execute(insert(sessions).values(values | {"begun_at": now, "ends_at": ends}))


def session(connection: Connection, company: str, digest: str, now: float) -> tuple[Staff, str, float, float] | None:
    """Whose session it is, what for, when it began, and when it ends; None if it has ended or never was."""
    row = connection.execute(
        select(staff, sessions.c.purpose, sessions.c.begun_at, sessions.c.ends_at)
        .join(sessions, and_(sessions.c.company == _s.company, sessions.c.staff == _s.id))
        .where(sessions.c.company == company, sessions.c.digest == digest, sessions.c.ends_at > now)
    ).one_or_none()
    return None if row is None else (_to_staff(row), row.purpose, row.begun_at, row.ends_at)


def prolong(connection: Connection, company: str, digest: str, ends: float) -> None:
    """Let a session end later."""
    connection.execute(
        update(sessions).where(sessions.c.company == company, sessions.c.digest == digest).values(ends_at=ends)
    )


def end_session(connection: Connection, company: str, digest: str) -> bool:
    """End it; False if it had ended, so that of two who come with one invitation only one gets in."""
    ended = connection.execute(delete(sessions).where(sessions.c.company == company, sessions.c.digest == digest))
    return ended.rowcount > 0


def _to_staff(row: Row[Any]) -> Staff:
    return Staff(row.company, row.id, row.name, row.slack or "", row.password is not None)
