"""Storage operations of people: claim a conversation, write in it, give it back, close it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, case, update

from bot.conversation import Conversation, Reply
from bot.domain import Author, Owner
from bot.storage.conversations import withdraw
from bot.storage.rows import locked, record, this, to_conversation
from bot.storage.tables import conversations
from bot.storage.work import put
from llm.errors import UsageError
from retrieval.database import announce

_c = conversations.c
Transition = Callable[[Owner], Owner]


class Obstacle(StrEnum):
    """Why a move can't be made right now."""

    SENDING = "sending"
    """A message of the bot is on its way to the channel: try again in a moment."""
    TAKEN = "taken"
    """Another person has the conversation."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The conversation after a move, or what stood in its way."""

    conversation: Conversation
    obstacle: Obstacle | None = None


def move(
    connection: Connection,
    key: tuple[str, str],
    transition: Transition,
    person: str,
    replies: tuple[Reply, ...],
    now: float,
) -> Moved:
    """Change who owns a conversation; once that is committed, no message of the bot that a person forestalled is sent.

    `transition` gives the next owner, or raises. The `replies` are told to the customer when the owner changed.
    """
    conversation = _existing(connection, key)
    if conversation.owner is Owner.HUMAN and conversation.person != person:
        return Moved(conversation, Obstacle.TAKEN)
    owner = transition(conversation.owner)
    if owner is conversation.owner:
        return Moved(conversation)
    if conversation.sending is not None and conversation.due is not None and conversation.due > now:
        return Moved(conversation, Obstacle.SENDING)
    if owner is Owner.HUMAN:
        withdrawn = withdraw(connection, conversation, Author.BOT)
        record(connection, conversation, now, "claimed", person, withdrawn=withdrawn)
    else:
        record(connection, conversation, now, "resolved" if owner is Owner.CLOSED else "returned", person)
    connection.execute(
        update(conversations)
        .where(this(*key))
        .values(owner=owner, person=person if owner is Owner.HUMAN else None, sending=None)
    )
    return Moved(_say(connection, conversation, replies, now))


def say(connection: Connection, key: tuple[str, str], person: str, reply: Reply, now: float) -> Moved:
    """Put a person's message into the outbox. Only who claimed the conversation may write in it."""
    conversation = _existing(connection, key)
    if conversation.owner is not Owner.HUMAN:
        raise UsageError("Claim the conversation first: as long as the assistant has it, both would answer.")
    if conversation.person != person:
        return Moved(conversation, Obstacle.TAKEN)
    record(connection, conversation, now, "replied", person, seq=conversation.last + 1)
    return Moved(_say(connection, conversation, (reply,), now))


def _say(connection: Connection, conversation: Conversation, replies: tuple[Reply, ...], now: float) -> Conversation:
    count = len(replies)
    statement = update(conversations).where(this(conversation.company, conversation.id))
    statement = statement.values(
        last=_c.last + count,
        queued=case((_c.last + count > _c.last, _c.last + count), else_=_c.queued),
        due=case((_c.due > now, _c.due), else_=now),
    )
    after = to_conversation(connection.execute(statement.returning(conversations)).one())
    put(connection, after, replies, after.last - count + 1, now)
    announce(connection, "conversation", after.id)
    announce(connection, "due", repr(now))
    return after


def _existing(connection: Connection, key: tuple[str, str]) -> Conversation:
    conversation = locked(connection, *key)
    if conversation is None:
        raise UsageError(f"There is no conversation {key[1]} in {key[0]}.")
    return conversation
