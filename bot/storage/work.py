"""Storage operations of workers: lease a conversation, store what a turn came to, settle what was sent, let go.

Each looks at the locked row of its conversation alone. A worker whose lease was taken over, or whose conversation a
person has taken, gets `Fenced` and nothing is changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, case, select, tuple_, update

from bot.conversation import Change, Conversation, Message, Opening, Reply, Status
from bot.domain import Author, Line, Owner, Reason
from bot.errors import Fenced
from bot.ports import Kind
from bot.storage import statements
from bot.storage.casework import close_case, open_case, stir
from bot.storage.conversations import find, lose_customer
from bot.storage.rows import from_message, locked, message_rows, record, this, to_conversation, to_message
from bot.storage.statements import here
from bot.storage.tables import conversations, messages
from retrieval.database import announce

_c = conversations.c


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a worker got, and when there is more to get."""

    conversations: Sequence[Conversation]
    next_due: float | None


def claim(connection: Connection, lease: str, limit: int, lines: Sequence[Line], now: float, until: float) -> Claimed:
    """Lease up to `limit` conversations that are due, the longest due first, until `until`."""
    due = {"now": now, "lines": lines}
    rows: Iterable[Row[Any]] = connection.execute(statements.DUE, due | {"most": limit})
    if keys := [tuple(row) for row in rows]:
        rows = connection.execute(statements.LEASE, {"keys": keys, "new_lease": lease, "until": until})
    return Claimed([to_conversation(row) for row in rows], connection.execute(statements.NEXT_DUE, due).scalar())


def renew(connection: Connection, held: Iterable[Conversation], until: float) -> Sequence[Conversation]:
    """Keep leases until `until`; returns the conversations that are still held, as they are now."""
    keys = [(one.company, one.id, one.lease) for one in held]
    statement = update(conversations).where(_c.due.is_not(None), tuple_(_c.company, _c.id, _c.lease).in_(keys))
    statement = statement.values(due=until)  # the index of what is due holds all that are leased
    return [to_conversation(row) for row in connection.execute(statement.returning(conversations))]


def held(connection: Connection, worker: str) -> Sequence[Conversation]:
    """The conversations under leases that begin so, as they are now."""
    mine = _c.lease.startswith(worker, autoescape=True)
    return [to_conversation(row) for row in connection.execute(select(conversations).where(_c.due.is_not(None), mine))]


def outbox(connection: Connection, leased: Conversation) -> tuple[int, Sequence[Message]]:
    """What waits to be sent, in order; and the place up to which that is all there is."""
    queued = connection.execute(statements.QUEUED, here(leased)).scalar_one()
    return queued, [to_message(row) for row in connection.execute(statements.OUTBOX, here(leased))]


def conclude(
    connection: Connection, leased: Conversation, change: Change, now: float, *, only_if_all: bool = False
) -> Conversation:
    """Store what a turn came to; the replies go to the outbox.

    `only_if_all`: not when the customer has written more since. Raises `Fenced` then, and when the lease or the owner
    isn't what it was.
    """
    count = len(change.replies)
    left = change.since is not None and not leased.bot_answers
    after = _fenced(
        connection,
        statements.CONCLUDE,
        leased,
        here_owner=leased.owner,
        even_if_more=not only_if_all,
        upto=change.upto,
        new_owner=change.owner,
        new_language=change.language,
        new_since=change.since,
        count=count,
        now=now,
    )
    put(connection, after, change.replies, after.last - count + 1, now)
    if leased.owner is Owner.CLOSED:
        record(connection, after, now, "reopened", "customer")
    for kind, data in change.events:
        record(connection, after, now, kind, "bot", **data)
    if left:
        record(connection, after, now, "left", "customer")
        close_case(connection, after, now)
    if after.owner is Owner.WAITING and (left or leased.bot_answers):
        open_case(connection, after, change.handoff or Opening(), now)
    elif count and not left and not leased.bot_answers:
        stir(connection, after, now)
    announce(connection, "conversation", after.id)
    return after


def put(connection: Connection, conversation: Conversation, replies: Iterable[Reply], seq: int, now: float) -> None:
    """Add messages to the outbox, from `seq` on: the caller has counted them in."""
    rows = [
        from_message(conversation.company, conversation.chat.channel, _as_message(conversation, reply, at, now))
        for at, reply in enumerate(replies, seq)
    ]
    if rows:
        connection.execute(statements.PUT, rows)


def notice(connection: Connection, leased: Conversation, reply: Reply, now: float) -> Conversation:
    """Say something of the bot's in the middle of a turn. Raises `Fenced`."""
    sending = case((_c.queued == _c.settled, _c.last + 1), else_=_c.sending)
    statement = (
        update(conversations)
        .where(_mine(leased), _c.owner == leased.owner)
        .values(last=_c.last + 1, queued=_c.last + 1, sending=sending)
    )
    after = _fenced(connection, statement.returning(conversations), leased)
    put(connection, after, [reply], after.last, now)
    return after


def burst(connection: Connection, leased: Conversation, history: int) -> tuple[Conversation, Sequence[Message]]:
    """The conversation as it is now, with what is unanswered and up to `history` messages before. Raises `Fenced`."""
    now = _fenced(connection, statements.MINE, leased)
    after = {"after": max(now.since, now.done - history)}
    return now, [to_message(row) for row in connection.execute(statements.MESSAGES, here(leased) | after)]


def begin_send(connection: Connection, leased: Conversation, seq: int) -> bool:
    """Mark a message of the bot, or a notice, as being sent; False if it was withdrawn meanwhile. Raises `Fenced`."""
    _fenced(connection, statements.BEGIN_SEND, leased, there_seq=seq)
    status = connection.execute(statements.STATUS, here(leased) | {"there_seq": seq}).scalar_one()
    if status != Status.OUTBOX:
        hold(connection, leased)
    return bool(status == Status.OUTBOX)


def hold(connection: Connection, leased: Conversation) -> None:
    """What was marked isn't being sent after all, for now."""
    connection.execute(statements.HOLD, here(leased))


def settle(connection: Connection, leased: Conversation, message: Message, now: float, why: str = "") -> None:
    """Store how sending went: the message's status, attempts and what the channel calls it.

    What the channel took is recorded even when the lease is gone: that saves the customer from reading it twice.
    """
    there = here(leased) | {"there_seq": message.seq}
    connection.execute(statements.UNMARK, there)
    new = {"new_status": message.status, "new_attempts": message.attempts, "new_refs": list(message.refs)}
    connection.execute(statements.SETTLE, there | new)
    if message.status is Status.FAILED:
        _fail(connection, leased, message, now, why)
    elif message.status is Status.SENT and message.kind is Kind.EDIT:
        _amend(connection, leased, message)
    announce(connection, "conversation", leased.id)


def _fail(connection: Connection, leased: Conversation, message: Message, now: float, why: str) -> None:
    """Where no person has the word, one is called: the customer waits for a message that will never come.

    That it is closed need not be heard; what a person wrote before they closed it does.
    """
    conversation = locked(connection, leased.company, leased.id) or leased
    record(connection, leased, now, "send_failed", "channel", seq=message.seq, why=why)
    missed = conversation.owner is Owner.BOT or (conversation.owner is Owner.CLOSED and message.author is Author.PERSON)
    if missed and message.kind is Kind.MESSAGE:
        connection.execute(update(conversations).where(this(leased.company, leased.id)).values(owner=Owner.WAITING))
        open_case(connection, replace(conversation, owner=Owner.WAITING), Opening(Reason.FAILED), now)
    elif not conversation.bot_answers:
        stir(connection, conversation, now)


def _amend(connection: Connection, leased: Conversation, correction: Message) -> None:
    """A message says something else now, in the channel and here."""
    which = and_(message_rows(leased.company, leased.id), messages.c.seq == int(correction.ref))
    body = connection.execute(select(messages.c.body).where(which)).scalar_one()
    connection.execute(update(messages).where(which).values(text=correction.text, body={**body, "edited": True}))


def gone(connection: Connection, leased: Conversation, why: str, moved_to: str, now: float) -> None:
    """The chat can't be written to. If it moved, what waits goes to its new address; else it is withdrawn."""
    there = find(connection, replace(leased.chat, address=moved_to))
    moved = bool(moved_to) and (there is None or there.id == leased.id)
    if moved:
        connection.execute(update(conversations).where(this(leased.company, leased.id)).values(address=moved_to))
    else:
        lose_customer(connection, leased, why)
    record(connection, leased, now, "moved" if moved else "gone", "channel", why=why, to=moved_to)
    stir(connection, leased, now)


def release(
    connection: Connection,
    leased: Conversation,
    settled: int,
    now: float,
    *,
    delay: float = 0.0,
    quiet: float = 0.0,
    failed: bool = False,
    sent: Message | None = None,
) -> None:
    """Give the lease back, and settle the last message that was sent.

    Due again after `delay` if there is more to do: queued after `settled`, or asked, and the burst that began may end.
    """
    if sent is not None:
        settle(connection, leased, sent, now)
    values = {"new_settled": settled, "until": now + delay, "quiet": quiet, "failed": failed}
    due = connection.execute(statements.RELEASE, here(leased) | values).scalar_one_or_none()
    if due is not None:
        announce(connection, "due", repr(due))


def _mine(leased: Conversation) -> Any:
    return and_(this(leased.company, leased.id), _c.lease == leased.lease)


def _fenced(connection: Connection, statement: Any, leased: Conversation, **values: object) -> Conversation:
    row = connection.execute(statement, here(leased) | values).one_or_none()
    if row is None:
        raise Fenced("The conversation is someone else's by now.")
    return to_conversation(row)


def _as_message(conversation: Conversation, reply: Reply, seq: int, now: float) -> Message:
    return Message(
        conversation=conversation.id,
        seq=seq,
        author=reply.author,
        text=reply.text,
        at=now,
        kind=Kind.MESSAGE if reply.corrects is None else Kind.EDIT,
        ref="" if reply.corrects is None else str(reply.corrects),
        attachments=reply.attachments,
        language=reply.language,
        citations=reply.citations,
        suggestions=reply.suggestions,
        evidence=reply.evidence,
        outcome=reply.outcome,
        reason=reply.reason,
        sender=reply.sender,
        trace=reply.trace,
    )
