"""Rows to types and back, and the few statements that every storage operation shares."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select

from bot.conversation import Conversation, Message, Status
from bot.domain import Author, Chat, Citation, Outcome, Owner, Reason
from bot.ports import Attachment, Inbound, Kind
from bot.storage import statements
from bot.storage.tables import conversations, messages

_c = conversations.c


def this(company: str, conversation: str) -> ColumnElement[bool]:
    """The condition that picks one conversation."""
    return and_(_c.company == company, _c.id == conversation)


def locked(connection: Connection, company: str, conversation: str) -> Conversation | None:
    """The conversation, and nobody else changes it until the transaction ends."""
    row = connection.execute(select(conversations).where(this(company, conversation)).with_for_update()).one_or_none()
    return None if row is None else to_conversation(row)


def record(
    connection: Connection, conversation: Conversation, at: float, kind: str, actor: str, **data: object
) -> None:
    """Add to the audit trail."""
    row = {"company": conversation.company, "conversation": conversation.id, "at": at, "kind": kind, "actor": actor}
    connection.execute(statements.RECORD, row | {"data": data})


def to_conversation(row: Row[Any]) -> Conversation:
    """A row of `conversations`."""
    return Conversation(
        company=row.company,
        id=row.id,
        chat=Chat(row.company, row.channel, row.address),
        owner=Owner(row.owner),
        person=row.person,
        customer=row.customer,
        language=row.language,
        last=row.last,
        asked=row.asked,
        done=row.done,
        queued=row.queued,
        settled=row.settled,
        since=row.since,
        sending=row.sending,
        failures=row.failures,
        deaths=row.deaths,
        gone=row.gone,
        lease=row.lease,
        due=row.due,
    )


_BODY = (
    *(
        "ref",
        "order",
        "quote",
        "attachments",
        "language",
        "citations",
        "suggestions",
        "evidence",
        "outcome",
        "reason",
        "sender",
    ),
    "edited",
    "trace",
)


def from_message(company: str, channel: str, message: Message, event: str | None = None) -> dict[str, Any]:
    """The values of a row of `messages`. What is empty isn't written out."""
    fields = ((name, getattr(message, name)) for name in _BODY)
    return {
        "company": company,
        "conversation": message.conversation,
        "seq": message.seq,
        "channel": channel,
        "event": event,
        "kind": message.kind,
        "author": message.author,
        "text": message.text,
        "body": {name: _plain(value) for name, value in fields if value},
        "status": message.status,
        "attempts": message.attempts,
        "refs": list(message.refs),
        "at": message.at,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [asdict(each) if isinstance(each, Attachment | Citation) else each for each in value]
    return value


def to_message(row: Row[Any]) -> Message:
    """A row of `messages`."""
    body = row.body
    return Message(
        conversation=row.conversation,
        seq=row.seq,
        author=Author(row.author),
        text=row.text,
        at=row.at,
        kind=Kind(row.kind),
        status=Status(row.status),
        attempts=row.attempts,
        refs=tuple(row.refs),
        ref=body.get("ref", ""),
        order=body.get("order", 0.0),
        quote=body.get("quote", ""),
        attachments=tuple(Attachment(**attachment) for attachment in body.get("attachments", ())),
        language=body.get("language", ""),
        citations=tuple(Citation(**citation) for citation in body.get("citations", ())),
        suggestions=tuple(body.get("suggestions", ())),
        evidence=tuple(body.get("evidence", ())),
        outcome=Outcome(body["outcome"]) if "outcome" in body else None,
        reason=Reason(body["reason"]) if "reason" in body else None,
        sender=body.get("sender", ""),
        edited=body.get("edited", False),
        trace=body.get("trace", ""),
    )


def received(event: Inbound, conversation: str, seq: int, now: float, trace: str = "") -> Message:
    """An event as the message it is stored as."""
    return Message(
        conversation=conversation,
        seq=seq,
        author=Author.CUSTOMER,
        text=event.text,
        at=now,
        kind=event.kind,
        status=Status.RECEIVED,
        ref=event.ref,
        order=event.order,
        quote=event.quote,
        attachments=event.attachments,
        language=event.language,
        sender=event.author,
        trace=trace,
    )


def message_rows(company: str, conversation: str, after: int = 0) -> ColumnElement[bool]:
    """The condition that picks a conversation's messages from one on."""
    return and_(messages.c.company == company, messages.c.conversation == conversation, messages.c.seq > after)
