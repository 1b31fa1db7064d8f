"""Storage operations of whoever names a conversation by the beginning of its id."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from bot.storage.tables import conversations


def begins_with(connection: Connection, company: str, start: str) -> Sequence[str]:
    """The ids of the company's conversations that begin like this; at most a few."""
    query = select(conversations.c.id).where(conversations.c.company == company)
    return (
        connection.execute(query.where(conversations.c.id.startswith(start, autoescape=True)).limit(5)).scalars().all()
    )
