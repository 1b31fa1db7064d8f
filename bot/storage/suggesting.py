"""Storage operations of suggestions: what is asked in a conversation, and what the bot would say."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from bot.conversation import Conversation, Message
from bot.domain import Suggestion
from bot.storage.casework import from_suggestion, open_case_of, recent, stir
from bot.storage.conversations import get
from bot.storage.tables import handoffs
from llm.errors import UsageError
from retrieval.database import announce

_c = handoffs.c


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


def wanted(connection: Connection, companies: Sequence[str], now: float, limit: int) -> Sequence[tuple[str, str]]:
    """Open cases (company and conversation) that nothing was suggested for yet, the oldest first."""
    query = select(_c.company, _c.conversation).where(_c.company.in_(companies), _c.closed_at.is_(None))
    rows = connection.execute(query.where(_c.suggest_due <= now).order_by(_c.suggest_due).limit(limit))
    return [(row.company, row.conversation) for row in rows]


def put_off(connection: Connection, company: str, conversation: str, due: float | None) -> None:
    """Suggest something for the open case at another time, or not at all."""
    statement = update(handoffs).where(open_case_of(company, conversation))
    connection.execute(statement.values(suggest_due=due))
