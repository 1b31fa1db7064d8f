"""Storage operations of conversations: what came in, and what can be read. Each is a function of an open connection.

Workers' operations are in `work.py`, people's in `handoffs.py`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, desc, or_, select, update
from sqlalchemy.exc import IntegrityError

from bot.conversation import Conversation, Message, Pace, Status
from bot.domain import Author, Chat, Owner
from bot.errors import BotError
from bot.ports import SILENT, Inbound, Kind
from bot.storage import statements
from bot.storage.casework import stir
from bot.storage.files import mark_sent
from bot.storage.rows import (
    from_message,
    message_rows,
    received,
    record,
    this,
    to_conversation,
    to_message,
)
from bot.storage.tables import companies, conversations, events, messages
from llm.errors import UsageError
from retrieval.database import announce

_c = conversations.c
_AMENDS = (Kind.EDIT, Kind.DELETE)


class Duplicate(BotError):
    """The event is stored already."""


def add_company(connection: Connection, company: str, name: str, now: float) -> None:
    """Make a company known, or give it another name. Nothing can be stored for one that isn't known."""
    insert = statements.conflict_insert(connection.dialect.name)
    statement = insert(companies).values(id=company, name=name, created_at=now)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"name": name}))


def receive(connection: Connection, event: Inbound, pace: Pace, now: float, trace: str = "") -> str:
    """Store an event and mark its conversation as due; returns the conversation's id.

    Raises `Duplicate`, or `UsageError` for an unknown company.
    """
    conversation = _next(connection, event, now)
    message = received(event, conversation.id, conversation.last, now, trace)
    row = from_message(event.chat.company, event.chat.channel, message, event.id)
    if connection.execute(statements.arrive(connection.dialect.name), row).one_or_none() is None:
        raise Duplicate(f"The event {event.id} is stored already.")
    if event.attachments:
        mark_sent(connection, event.chat, [file.ref for file in event.attachments])
    if event.kind in SILENT:
        _note(connection, conversation, event, now)
    else:
        _ask(connection, conversation, event, pace, now)
    if not conversation.bot_answers:
        stir(connection, conversation, now, wrote=event.kind not in SILENT)
    announce(connection, "conversation", conversation.id)
    return conversation.id


def _next(connection: Connection, event: Inbound, now: float) -> Conversation:
    """Lock the chat's conversation with one more message counted in; begin one where there is none."""
    chat = event.chat
    fresh = {
        "company": chat.company,
        "id": uuid.uuid4().hex,
        "channel": chat.channel,
        "address": chat.address,
        "owner": Owner.BOT,
        "customer": event.name,
        "language": event.language,
        "last": 1,
        **dict.fromkeys(("asked", "done", "queued", "settled", "since", "failures", "deaths"), 0),
        "burst_at": now,
        "created_at": now,
    }
    statement = statements.next_message(connection.dialect.name)
    try:
        conversation = to_conversation(connection.execute(statement, fresh).one())
    except IntegrityError as error:
        raise UsageError(f"There is no company {chat.company!r}: add it to the settings first.") from error
    if conversation.id == fresh["id"]:
        record(connection, conversation, now, "opened", "customer")
    return conversation


def _ask(connection: Connection, conversation: Conversation, event: Inbound, pace: Pace, now: float) -> None:
    """The message wants a turn when the customer has been quiet for a while, or has written long enough."""
    if event.kind in _AMENDS and conversation.asked <= conversation.done:
        return  # it is about a message that was answered, or that comes later and will find it
    quiet = 0.0 if event.kind in (Kind.COMMAND, Kind.STOP) else pace.quiet
    values = {"new_asked": conversation.last, "new_customer": event.name}
    times = {"now": now, "quiet": quiet, "longest": pace.longest_burst}
    connection.execute(statements.ASK, statements.here(conversation) | values | times)
    announce(connection, "due", repr(now + quiet))


def _note(connection: Connection, conversation: Conversation, event: Inbound, now: float) -> None:
    record(connection, conversation, now, event.kind, "customer", text=event.text, ref=event.ref)
    if event.kind is Kind.BLOCKED:
        lose_customer(connection, conversation, event.text or "blocked")


def lose_customer(connection: Connection, conversation: Conversation, why: str) -> None:
    """The customer can't be written to: nothing that waits is sent, until something comes in again."""
    withdraw(connection, conversation)
    connection.execute(update(conversations).where(this(conversation.company, conversation.id)).values(gone=why))


def withdraw(connection: Connection, conversation: Conversation, *authors: str) -> int:
    """Take unsent messages back (those of the given authors, or all); returns how many."""
    statement = (
        update(messages)
        .where(message_rows(conversation.company, conversation.id), messages.c.status == Status.OUTBOX)
        .values(status=Status.WITHDRAWN)
    )
    return connection.execute(statement.where(messages.c.author.in_(authors)) if authors else statement).rowcount


def find(connection: Connection, chat: Chat) -> Conversation | None:
    """The conversation of a chat."""
    row = connection.execute(
        select(conversations).where(_c.company == chat.company, _c.channel == chat.channel, _c.address == chat.address)
    ).one_or_none()
    return None if row is None else to_conversation(row)


def readdress(connection: Connection, old: Chat, new: str, now: float) -> None:
    """The channel calls a chat by another address from now on, and what is below it: `old/...` becomes `new/...`."""
    below = _c.address.startswith(f"{old.address}/", autoescape=True)
    rows = connection.execute(
        select(conversations)
        .where(_c.company == old.company, _c.channel == old.channel, or_(_c.address == old.address, below))
        .with_for_update()
    )
    for conversation in map(to_conversation, rows.all()):
        address = new + conversation.chat.address.removeprefix(old.address)
        if find(connection, replace(conversation.chat, address=address)) is None:
            statement = update(conversations).where(this(conversation.company, conversation.id))
            connection.execute(statement.values(address=address))
            record(connection, conversation, now, "moved", "channel", why="the chat has a new address", to=address)


def get(connection: Connection, company: str, conversation: str) -> Conversation | None:
    """A conversation of a company."""
    row = connection.execute(select(conversations).where(this(company, conversation))).one_or_none()
    return None if row is None else to_conversation(row)


def transcript(connection: Connection, company: str, conversation: str, after: int = 0) -> Sequence[Message]:
    """A conversation's messages, oldest first, from one on: all that came in, and what went out or will."""
    rows = connection.execute(
        select(messages).where(message_rows(company, conversation, after)).order_by(messages.c.seq)
    )
    return [to_message(row) for row in rows]


def one_message(connection: Connection, company: str, conversation: str, seq: int) -> Message | None:
    """The message at a place of a conversation."""
    row = connection.execute(
        select(messages).where(message_rows(company, conversation), messages.c.seq == seq)
    ).one_or_none()
    return None if row is None else to_message(row)


def last_ref(connection: Connection, company: str, conversation: str, before: int) -> str:
    """What the channel calls the customer's last message before a place; empty if there is none."""
    row = connection.execute(
        select(messages)
        .where(message_rows(company, conversation), messages.c.seq < before)
        .where(messages.c.author == Author.CUSTOMER, messages.c.kind == Kind.MESSAGE)
        .order_by(desc(messages.c.seq))
        .limit(1)
    ).one_or_none()
    return "" if row is None else to_message(row).ref


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry of the audit trail."""

    at: float
    kind: str
    actor: str
    data: Mapping[str, Any]


def trail(connection: Connection, company: str, conversation: str) -> Sequence[Recorded]:
    """All that happened to a conversation, oldest first."""
    rows = connection.execute(
        select(events).where(events.c.company == company, events.c.conversation == conversation).order_by(events.c.id)
    )
    return [Recorded(row.at, row.kind, row.actor, row.data) for row in rows]
