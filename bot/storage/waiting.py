"""Storage operations of whoever looks after handoffs: which conversations want a person, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, desc, func, select

from bot.conversation import Conversation
from bot.domain import Author, Owner
from bot.ports import Kind
from bot.storage.rows import to_conversation
from bot.storage.tables import conversations, events, messages


@dataclass(frozen=True, slots=True)
class Waiting:
    """A conversation that a person has, or should have."""

    conversation: Conversation
    since: float
    """When it was handed over, in seconds since the epoch."""
    reason: str
    """A `bot.domain.Reason`, or empty where a person took it unasked."""
    question: str
    """What the customer wrote last."""


def waiting(connection: Connection, company: str) -> list[Waiting]:
    """The company's conversations that wait for a person, the longest first; then those that a person has."""
    earlier = events.alias()
    handed_over = (
        select(func.max(earlier.c.id))
        .where(earlier.c.company == conversations.c.company, earlier.c.conversation == conversations.c.id)
        .where(earlier.c.kind == "handed_over")
        .correlate(conversations)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(conversations, events.c.at, events.c.data)
        .select_from(conversations.outerjoin(events, events.c.id == handed_over))
        .where(conversations.c.company == company, conversations.c.owner.in_((Owner.WAITING, Owner.HUMAN)))
    ).all()
    found = [
        Waiting(
            to_conversation(row),
            row.at if row.at is not None else row.created_at,
            (row.data or {}).get("reason") or "",
            _last_question(connection, company, row.id),
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (each.conversation.owner is not Owner.WAITING, each.since))


def _last_question(connection: Connection, company: str, conversation: str) -> str:
    query = (
        select(messages.c.text)
        .where(messages.c.company == company, messages.c.conversation == conversation)
        .where(messages.c.author == Author.CUSTOMER, messages.c.kind == Kind.MESSAGE, messages.c.text != "")
        .order_by(desc(messages.c.seq))
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none() or ""


def begins_with(connection: Connection, company: str, start: str) -> Sequence[str]:
    """The ids of the company's conversations that begin like this; at most a few."""
    query = select(conversations.c.id).where(conversations.c.company == company)
    return (
        connection.execute(query.where(conversations.c.id.startswith(start, autoescape=True)).limit(5)).scalars().all()
    )
