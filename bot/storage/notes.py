"""Storage operations of notes, and of what was done already under a key of the staff's tool."""

from sqlalchemy import Connection, insert, select

from bot.conversation import Conversation
from bot.storage.casework import stir
from bot.storage.rows import locked, record
from bot.storage.tables import deeds, notes
from llm.errors import UsageError
from retrieval.database import announce


def existing(connection: Connection, key: tuple[str, str]) -> Conversation:
    """A conversation of a company, locked until the transaction ends. Raises `UsageError` if there is none."""
    conversation = locked(connection, *key)
    if conversation is None:
        raise UsageError(f"There is no conversation {key[1]} in {key[0]}.")
    return conversation


def done_already(connection: Connection, conversation: Conversation, key: str) -> bool:
    """Whether something was done under this key before. The conversation must be locked."""
    if not key:
        return False
    found = select(deeds.c.at).where(
        deeds.c.company == conversation.company, deeds.c.conversation == conversation.id, deeds.c.key == key
    )
    return connection.execute(found).one_or_none() is not None


def mark_done(connection: Connection, conversation: Conversation, key: str, now: float) -> None:
    """Remember that it was done."""
    if key:
        values = {"company": conversation.company, "conversation": conversation.id, "key": key, "at": now}
        connection.execute(insert(deeds).values(values))


def write_note(
    connection: Connection, key: tuple[str, str], person: str, name: str, words: str, once: str, now: float
) -> None:
    """Keep what staff write for staff; nothing when that was done under the key `once` before."""
    conversation = existing(connection, key)
    if done_already(connection, conversation, once):
        return
    mark_done(connection, conversation, once, now)
    values = {"company": conversation.company, "conversation": conversation.id, "at": now, "person": person}
    connection.execute(insert(notes).values(**values, name=name, text=words, key=once))
    stir(connection, conversation, now, active_at=now, idle_since=None)
    announce(connection, "conversation", conversation.id)


def record_taught(
    connection: Connection, key: tuple[str, str], person: str, name: str, question: str, document: str, now: float
) -> None:
    """Put on record that somebody approved an answer that was given in a conversation."""
    conversation = existing(connection, key)
    record(connection, conversation, now, "taught", person, name=name, question=question, document=document)
    announce(connection, "conversation", conversation.id)
