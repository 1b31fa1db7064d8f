"""Storage operations that open a case when people get a conversation, keep it up to date, and close it.

Each runs in the transaction that changes the conversation: a conversation that waits for a person, or has one, has
exactly one open case.
"""

import uuid
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, desc, func, insert, select, update

from bot.conversation import Conversation, Message, Opening
from bot.domain import Citation, Suggestion
from bot.handoffs.mood import mood_of
from bot.handoffs.summary import open_question, summarized
from bot.storage.rows import message_rows, record, to_message
from bot.storage.tables import events, handoffs, messages, notes
from retrieval.database import announce

_c = handoffs.c
LOOKED_AT = 40
"""Messages that a summary is made from."""


def open_case(
    connection: Connection, conversation: Conversation, opening: Opening, now: float, person_name: str = ""
) -> None:
    """Begin a case; `conversation` is the row as it is now, its new messages are stored already."""
    reason = opening.reason or ""
    if reason:
        about = {"detail": opening.detail} if opening.detail else {}
        record(connection, conversation, now, "handed_over", "bot", reason=reason, **about)
    said = recent(connection, conversation)
    cursor = newest(connection, conversation)
    connection.execute(
        insert(handoffs).values(
            company=conversation.company,
            id=uuid.uuid4().hex,
            conversation=conversation.id,
            opened_at=now,
            reason=reason,
            detail=opening.detail,
            mood=mood_of(said),
            summary=list(summarized(said, opening)),
            suggestion=from_suggestion(opening.suggestion, now),
            suggest_due=None if opening.suggestion or not open_question(said) else now,
            began=cursor,
            shown=cursor,
            person_name=person_name,
            active_at=now,
            version=1,
            drawn=0,
            due=now,
            attempts=0,
            opening=0,
        )
    )
    announce(connection, "handoff", repr(now))


def close_case(connection: Connection, conversation: Conversation, now: float) -> None:
    """End the conversation's open case."""
    stir(connection, conversation, now, closed_at=now, suggest_due=None)


def stir(
    connection: Connection, conversation: Conversation, now: float, *, wrote: bool = False, **changes: object
) -> None:
    """Note a change of the conversation's open case, if it has one. When somebody `wrote`, it isn't idle or snoozed."""
    if wrote:
        changes |= {"active_at": now, "idle_since": None, "snoozed_until": None}
    statement = update(handoffs).where(open_case_of(conversation.company, conversation.id))
    connection.execute(statement.values(version=_c.version + 1, due=case((_c.due > now, _c.due), else_=now), **changes))
    announce(connection, "handoff", repr(now))


def open_case_of(company: str, conversation: str) -> ColumnElement[bool]:
    """The condition that picks a conversation's open case."""
    return and_(_c.company == company, _c.conversation == conversation, _c.closed_at.is_(None))


def recent(connection: Connection, conversation: Conversation) -> list[Message]:
    """The last messages of a conversation, oldest first, without those that the customer has left behind."""
    rows = connection.execute(
        select(messages)
        .where(message_rows(conversation.company, conversation.id, conversation.since))
        .order_by(desc(messages.c.seq))
        .limit(LOOKED_AT)
    )
    return [to_message(row) for row in reversed(rows.all())]


def newest(connection: Connection, conversation: Conversation) -> str:
    """The cursor of a conversation's timeline as it is now; see `bot.handoffs.timeline`."""
    of_events = select(func.max(events.c.id)).where(
        events.c.company == conversation.company, events.c.conversation == conversation.id
    )
    of_notes = select(func.max(notes.c.id)).where(
        notes.c.company == conversation.company, notes.c.conversation == conversation.id
    )
    event, note = connection.execute(select(of_events.scalar_subquery(), of_notes.scalar_subquery())).one()
    return f"{conversation.last}.{event or 0}.{note or 0}"


def from_suggestion(suggestion: Suggestion | None, now: float) -> dict[str, Any] | None:
    """A suggestion as it is stored."""
    return None if suggestion is None else {**asdict(suggestion), "at": suggestion.at or now}


def to_suggestion(stored: dict[str, Any] | None) -> Suggestion | None:
    """A suggestion as it was stored."""
    if stored is None:
        return None
    return Suggestion(**{**stored, "citations": tuple(Citation(**citation) for citation in stored["citations"])})
