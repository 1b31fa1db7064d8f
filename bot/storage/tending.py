"""Storage operations of what is due by the clock: snoozed cases, idle conversations, suggestions to be made.

Each change looks at the locked conversation once more: several workers may come at the same time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select, tuple_, update

from bot.domain import Owner
from bot.storage.casework import open_case_of, stir
from bot.storage.rows import locked, record
from bot.storage.tables import conversations, handoffs
from retrieval.database import announce

_h = handoffs.c
SUGGESTING_SECONDS = 120.0
"""A suggestion that isn't there by then is tried again..."""
WORTH_SUGGESTING = 900.0
"""... as long as the case is that young, in seconds."""


@dataclass(frozen=True, slots=True)
class Due:
    """A case that something is to be done about."""

    company: str
    conversation: str
    snoozed_until: float | None
    idle_since: float | None


def due(connection: Connection, company: str, now: float, idle: float, answer: float) -> Sequence[Due]:
    """The company's cases to be woken, to be asked about after `idle` seconds, or to be returned `answer` s later."""
    this = and_(conversations.c.company == _h.company, conversations.c.id == _h.conversation)
    awake = and_(_h.snoozed_until.is_(None), conversations.c.owner == Owner.HUMAN)
    forgotten = or_(and_(_h.idle_since.is_(None), _h.active_at <= now - idle), _h.idle_since <= now - answer)
    rows = connection.execute(
        select(_h.company, _h.conversation, _h.snoozed_until, _h.idle_since)
        .select_from(handoffs.join(conversations, this))
        .where(_h.company == company, _h.closed_at.is_(None))
        .where(or_(_h.snoozed_until <= now, and_(awake, forgotten)))
    )
    return [Due(*row) for row in rows]


def wake(connection: Connection, case: Due, now: float) -> None:
    """Put a snoozed case back into the queue."""
    conversation = locked(connection, case.company, case.conversation)
    asleep = select(_h.id).where(open_case_of(case.company, case.conversation), _h.snoozed_until <= now)
    if conversation is not None and connection.execute(asleep).one_or_none() is not None:
        record(connection, conversation, now, "woken", "clock")
        stir(connection, conversation, now, active_at=now, snoozed_until=None)
        announce(connection, "conversation", conversation.id)


def ask(connection: Connection, case: Due, now: float, idle: float, answer: float) -> None:
    """Ask staff whether an idle conversation may go back to the bot."""
    conversation = locked(connection, case.company, case.conversation)
    still = select(_h.id).where(open_case_of(case.company, case.conversation), _h.idle_since.is_(None))
    still = still.where(_h.active_at <= now - idle, _h.snoozed_until.is_(None))
    if conversation is not None and conversation.owner is Owner.HUMAN and connection.execute(still).one_or_none():
        record(connection, conversation, now, "idle", "clock", hours=idle / 3600, left=answer / 3600)
        stir(connection, conversation, now, idle_since=now)
        announce(connection, "conversation", conversation.id)


def wanted(connection: Connection, companies: Sequence[str], now: float, limit: int) -> Sequence[tuple[str, str]]:
    """Open cases (company and conversation) that nothing was suggested for yet, the oldest first."""
    rows = connection.execute(_wanted(companies, now, limit))
    return [(row.company, row.conversation) for row in rows]


def take_wanted(connection: Connection, companies: Sequence[str], now: float, limit: int) -> Sequence[tuple[str, str]]:
    """The same, and no other worker takes them for a while."""
    rows = connection.execute(_wanted(companies, now, limit).with_for_update(skip_locked=True))
    keys = [(row.company, row.conversation) for row in rows]
    if keys:
        these = and_(tuple_(_h.company, _h.conversation).in_(keys), _h.closed_at.is_(None))
        again = update(handoffs).where(these, _h.opened_at > now - WORTH_SUGGESTING)
        connection.execute(update(handoffs).where(these).values(suggest_due=None))
        connection.execute(again.values(suggest_due=now + SUGGESTING_SECONDS))
    return keys


def _wanted(companies: Sequence[str], now: float, limit: int) -> Select[Any]:
    query = select(_h.company, _h.conversation).where(_h.company.in_(companies), _h.closed_at.is_(None))
    return query.where(_h.suggest_due <= now).order_by(_h.suggest_due).limit(limit)


def suggest_nothing(connection: Connection, company: str, conversation: str) -> None:
    """There is nothing to suggest."""
    connection.execute(update(handoffs).where(open_case_of(company, conversation)).values(suggest_due=None))
