"""Storage operations that read cases and their timelines."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, desc, func, or_, select

from bot.conversation import Status
from bot.domain import Author, Outcome, Owner
from bot.handoffs.casefile import Case, Entry
from bot.handoffs.mood import Mood
from bot.handoffs.timeline import TOLD_COMMANDS, Cursor, Event, Note, merged
from bot.ports import Kind
from bot.storage.casework import to_suggestion
from bot.storage.rows import message_rows, to_conversation, to_message
from bot.storage.tables import conversations, events, handoffs, messages, notes

_h = handoffs.c
SO_FAR = 20
"""Entries that show how a conversation went before its case was opened."""


def queue(connection: Connection, company: str) -> Sequence[Case]:
    """The company's open cases: those that wait, the longest first; then those that people have; then the snoozed."""
    rows = connection.execute(_cases().where(_h.company == company, _h.closed_at.is_(None)))
    found = [_to_case(row) for row in rows]
    return sorted(found, key=lambda case: (case.snoozed_until or 0, case.person is not None, case.opened_at))


def closed(connection: Connection, company: str, limit: int) -> Sequence[Case]:
    """The company's cases that were closed last, the newest first."""
    query = _cases().where(_h.company == company, _h.closed_at.is_not(None))
    return [_to_case(row) for row in connection.execute(query.order_by(desc(_h.closed_at)).limit(limit))]


def latest(connection: Connection, company: str, conversation: str) -> Case | None:
    """The open case of a conversation, else its last one."""
    query = _cases().where(_h.company == company, _h.conversation == conversation)
    row = connection.execute(query.order_by(_h.closed_at.is_not(None), desc(_h.opened_at)).limit(1)).one_or_none()
    return None if row is None else _with_start(connection, row)


def by_id(connection: Connection, company: str, id: str) -> Case | None:  # noqa: A002 - the column's name
    """A case."""
    row = connection.execute(_cases().where(_h.company == company, _h.id == id)).one_or_none()
    return None if row is None else _with_start(connection, row)


def timeline(connection: Connection, company: str, conversation: str, after: str = "") -> list[Entry]:
    """What happened in a conversation after a cursor; see `bot.handoffs.timeline`."""
    return _timeline(connection, company, conversation, Cursor.parse(after))


def _timeline(
    connection: Connection, company: str, conversation: str, after: Cursor, until: Cursor | None = None
) -> list[Entry]:
    said = select(messages).where(message_rows(company, conversation, after.seq)).order_by(messages.c.seq)
    happened = select(events).where(events.c.company == company, events.c.conversation == conversation)
    happened = happened.where(events.c.id > after.event).order_by(events.c.id)
    noted = select(notes).where(notes.c.company == company, notes.c.conversation == conversation)
    noted = noted.where(notes.c.id > after.note).order_by(notes.c.id)
    if until:
        said = said.where(messages.c.seq <= until.seq)
        happened = happened.where(events.c.id <= until.event)
        noted = noted.where(notes.c.id <= until.note)
    return merged(
        [to_message(row) for row in connection.execute(said)],
        [Event(row.id, row.at, row.kind, row.actor, row.data) for row in connection.execute(happened)],
        [Note(row.id, row.at, row.person, row.name, row.text, row.key) for row in connection.execute(noted)],
        str(after),
    )


def _cases() -> Select[Any]:
    """All that a case is made of, in one query."""
    this = and_(conversations.c.company == _h.company, conversations.c.id == _h.conversation)
    return select(
        conversations,
        *(_h[name].label(f"case_{name}") for name in _CASE),
        _last_words().label("question"),
        _unread().label("unread"),
    ).select_from(handoffs.join(conversations, this))


_CASE = (
    *("id", "opened_at", "closed_at", "reason", "detail", "mood", "summary", "suggestion", "began", "person_name"),
    *("active_at", "idle_since", "snoozed_until"),
)


def _last_words() -> Any:
    query = select(messages.c.text).where(_its_messages(), messages.c.author == Author.CUSTOMER)
    query = query.where(messages.c.kind == Kind.MESSAGE, messages.c.text != "")
    return query.order_by(desc(messages.c.seq)).limit(1).correlate(handoffs).scalar_subquery()


def _unread() -> Any:
    """How many messages of the customer came since somebody last answered."""
    answers = messages.alias()
    by_bot = and_(answers.c.author == Author.BOT, answers.c.body["outcome"].as_string() == Outcome.ANSWERED)
    answered = (
        select(func.coalesce(func.max(answers.c.seq), 0))
        .where(answers.c.company == _h.company, answers.c.conversation == _h.conversation)
        .where(answers.c.status.in_((Status.OUTBOX, Status.SENT)), answers.c.kind == Kind.MESSAGE)
        .where(or_(answers.c.author == Author.PERSON, by_bot))
        .correlate(handoffs)
        .scalar_subquery()
    )
    # Commands are answered by the bot, unless a person has the conversation: then they are for the person to read.
    command = and_(messages.c.kind == Kind.COMMAND, messages.c.text.not_in(TOLD_COMMANDS))
    words = or_(messages.c.kind == Kind.MESSAGE, and_(command, conversations.c.owner == Owner.HUMAN))
    query = select(func.count()).where(_its_messages(), messages.c.seq > answered)
    query = query.where(messages.c.author == Author.CUSTOMER, words)
    return query.correlate(handoffs, conversations).scalar_subquery()


def _its_messages() -> ColumnElement[bool]:
    return and_(messages.c.company == _h.company, messages.c.conversation == _h.conversation)


def _with_start(connection: Connection, row: Row[Any]) -> Case:
    began = Cursor.parse(row.case_began)
    since = Cursor(max(row.since, began.seq - 2 * SO_FAR, 0), 0, 0)
    before = _timeline(connection, row.company, row.id, since, began)
    return _to_case(row, before[-SO_FAR:])


def _to_case(row: Row[Any], so_far: Sequence[Entry] = ()) -> Case:
    conversation = to_conversation(row)
    is_open = row.case_closed_at is None
    person = conversation.person if is_open and conversation.owner is Owner.HUMAN else None
    return Case(
        company=row.company,
        id=row.case_id,
        conversation=conversation,
        opened_at=row.case_opened_at,
        closed_at=row.case_closed_at,
        reason=row.case_reason,
        detail=row.case_detail,
        mood=Mood(row.case_mood),
        language=conversation.language,
        summary=tuple(row.case_summary),
        suggestion=to_suggestion(row.case_suggestion),
        snoozed_until=row.case_snoozed_until,
        person=person,
        person_name=row.case_person_name or conversation.person or "",
        last_at=row.case_active_at,
        question=row.question or "",
        unread=row.unread,
        idle_since=row.case_idle_since,
        so_far=so_far,
    )
