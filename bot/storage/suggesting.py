"""Storage operations of suggestions: what is asked in a conversation, and what the bot would say."""

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.conversation import Conversation, Message
from bot.domain import Suggestion
from bot.storage.casework import from_suggestion, recent, stir
from bot.storage.conversations import get
from llm.errors import UsageError
from retrieval.database import announce


def open_messages(connection: Connection, company: str, conversation: str) -> tuple[Conversation, Sequence[Message]]:
    """A conversation and its last messages. Raises `UsageError` where there is none."""
    found = get(connection, company, conversation)
    if found is None:
        raise UsageError(f"There is no conversation {conversation} in {company}.")
    return found, recent(connection, found)


def keep(connection: Connection, company: str, conversation: str, suggestion: Suggestion, now: float) -> None:
    """Keep what the bot would say with the open case; nothing where there is none."""
    found = get(connection, company, conversation)
    if found is not None:
        stir(connection, found, now, suggestion=from_suggestion(suggestion, now), suggest_due=None)
        announce(connection, "conversation", conversation)
