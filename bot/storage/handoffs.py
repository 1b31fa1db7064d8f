"""Storage operations of people: claim a conversation, write in it, put it aside, give it back, close it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Connection, case, select, update

from bot.conversation import Conversation, Opening, Reply, Status
from bot.domain import Author, Owner
from bot.ports import Kind
from bot.storage.casework import close_case, open_case, open_case_of, stir
from bot.storage.conversations import one_message, withdraw
from bot.storage.files import keep as keep_file
from bot.storage.notes import done_already, existing, mark_done
from bot.storage.rows import record, this, to_conversation
from bot.storage.tables import conversations, handoffs
from bot.storage.work import put
from llm.errors import UsageError
from retrieval.database import announce

_c = conversations.c
Transition = Callable[[Owner], Owner]
UNCLAIMED = "Claim the conversation first: as long as the assistant has it, both would answer."


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
    holder: str = ""
    """With `TAKEN`: what to call the person who has it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who does something: the id their tool knows them by, and what to call them."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that a member of the staff sends to a customer."""

    name: str
    media_type: str
    content: bytes


def move(
    connection: Connection,
    key: tuple[str, str],
    transition: Transition,
    person: Person,
    replies: tuple[Reply, ...],
    now: float,
    *,
    force: bool = False,
) -> Moved:
    """Change who owns a conversation; once that is committed, no message of the bot that a person forestalled is sent.

    `transition` gives the next owner, or raises. The `replies` are told to the customer when the owner changed.
    `force` moves it from one person to another, which the customer isn't told.
    """
    conversation = existing(connection, key)
    if conversation.owner is Owner.HUMAN and conversation.person != person.id:
        if not force:
            return _taken(connection, conversation)
        return Moved(_take_over(connection, conversation, person, now))
    owner = transition(conversation.owner)
    if owner is conversation.owner:
        return Moved(conversation)
    if conversation.sending is not None and conversation.due is not None and conversation.due > now:
        return Moved(conversation, Obstacle.SENDING)
    if owner is Owner.HUMAN:
        withdrawn = withdraw(connection, conversation, Author.BOT)
        withdraw(connection, conversation, Author.NOTICE)
        record(connection, conversation, now, "claimed", person.id, name=person.name, withdrawn=withdrawn)
    else:
        kind = "resolved" if owner is Owner.CLOSED else "returned"
        record(connection, conversation, now, kind, person.id, name=person.name)
    return Moved(_change_owner(connection, conversation, owner, person, replies, now))


def _change_owner(
    connection: Connection,
    conversation: Conversation,
    owner: Owner,
    person: Person,
    replies: tuple[Reply, ...],
    now: float,
) -> Conversation:
    human = owner is Owner.HUMAN
    connection.execute(
        update(conversations)
        .where(this(conversation.company, conversation.id))
        .values(owner=owner, person=person.id if human else None, sending=None)
    )
    after = _say(connection, conversation, replies, now)
    if not human:
        close_case(connection, conversation, now)
    elif conversation.bot_answers:
        open_case(connection, after, Opening(), now, person.name)
    else:
        stir(connection, after, now, wrote=True, person_name=person.name)
    return after


def _take_over(connection: Connection, conversation: Conversation, person: Person, now: float) -> Conversation:
    before = _holder(connection, conversation)
    record(connection, conversation, now, "claimed", person.id, name=person.name, taken_from=before)
    statement = update(conversations).where(this(conversation.company, conversation.id)).values(person=person.id)
    connection.execute(statement)
    stir(connection, conversation, now, wrote=True, person_name=person.name)
    announce(connection, "conversation", conversation.id)
    return replace(conversation, person=person.id)


def say(
    connection: Connection,
    key: tuple[str, str],
    person: Person,
    reply: Reply,
    files: tuple[NewFile, ...],
    once: str,
    now: float,
) -> Moved:
    """Put a person's message into the outbox, once for each key. Only who claimed the conversation may write in it."""
    conversation = existing(connection, key)
    if done_already(connection, conversation, once):
        return Moved(conversation)
    if conversation.owner is not Owner.HUMAN:
        raise UsageError(UNCLAIMED)
    if conversation.person != person.id:
        return _taken(connection, conversation)
    mark_done(connection, conversation, once, now)
    kept = [
        keep_file(connection, conversation.chat, Author.PERSON, file.name, file.media_type, file.content, now)
        for file in files
    ]
    kind = "replied" if reply.corrects is None else "corrected"
    record(connection, conversation, now, kind, person.id, seq=reply.corrects or conversation.last + 1)
    after = _say(connection, conversation, (replace(reply, attachments=kept),), now)
    stir(connection, after, now, wrote=True)
    return Moved(after)


def correct(connection: Connection, key: tuple[str, str], person: Person, reply: Reply, once: str, now: float) -> Moved:
    """Change a person's message after it was sent (`reply.corrects`): that goes through the outbox like a message."""
    message = one_message(connection, *key, reply.corrects or 0)
    if message is None or message.author is not Author.PERSON or message.kind is not Kind.MESSAGE:
        raise UsageError("Only what a member of the staff has sent can be changed.")
    if message.status in (Status.WITHDRAWN, Status.FAILED):
        raise UsageError("This message never reached the customer: send a new one instead.")
    return say(connection, key, person, replace(reply, sender=message.sender), (), once, now)


def snooze(connection: Connection, key: tuple[str, str], person: Person, until: float, now: float) -> Moved:
    """Put the open case aside until then."""
    conversation = existing(connection, key)
    if conversation.bot_answers:
        raise UsageError("Only a conversation that waits for a person, or has one, can be put aside.")
    if conversation.owner is Owner.HUMAN and conversation.person != person.id:
        return _taken(connection, conversation)
    asleep = select(handoffs.c.snoozed_until).where(open_case_of(*key))
    if connection.execute(asleep).scalar() != until:
        record(connection, conversation, now, "snoozed", person.id, name=person.name, until=until)
        stir(connection, conversation, now, snoozed_until=until, idle_since=None)
        announce(connection, "conversation", conversation.id)
    return Moved(conversation)


def keep(connection: Connection, key: tuple[str, str], person: Person, now: float) -> Moved:
    """An idle conversation stays with its person."""
    conversation = existing(connection, key)
    if conversation.owner is not Owner.HUMAN:
        raise UsageError("No person has this conversation any more: claim it to write to the customer.")
    idle = select(handoffs.c.idle_since).where(open_case_of(*key))
    if connection.execute(idle).scalar() is not None:
        record(connection, conversation, now, "kept", person.id, name=person.name)
        stir(connection, conversation, now, active_at=now, idle_since=None)
        announce(connection, "conversation", conversation.id)
    return Moved(conversation)


def return_idle(
    connection: Connection, key: tuple[str, str], idle_since: float, replies: tuple[Reply, ...], now: float
) -> bool:
    """Give a conversation back to the bot that nobody wanted to keep; False if somebody did meanwhile."""
    conversation = existing(connection, key)
    still = select(handoffs.c.id).where(open_case_of(*key), handoffs.c.idle_since == idle_since)
    if conversation.owner is not Owner.HUMAN or connection.execute(still).one_or_none() is None:
        return False
    record(connection, conversation, now, "returned", "idle")
    _change_owner(connection, conversation, Owner.BOT, Person(""), replies, now)
    return True


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


def _taken(connection: Connection, conversation: Conversation) -> Moved:
    return Moved(conversation, Obstacle.TAKEN, _holder(connection, conversation))


def _holder(connection: Connection, conversation: Conversation) -> str:
    """What to call the person who has the conversation."""
    name = connection.execute(
        select(handoffs.c.person_name).where(open_case_of(conversation.company, conversation.id))
    ).scalar()
    return name or conversation.person or ""
