"""The storage operation that limits stand on which hold over all processes: what a customer has sent lately."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, desc, select, union_all

from bot.domain import Author, Chat
from bot.storage.tables import conversations, files, messages

_BETWEEN = 10
"""For each message of a customer we send fewer than that."""


def sent_lately(connection: Connection, chat: Chat, since: float, most: int) -> Sequence[float]:
    """When the chat's customer sent messages, presses and files since then: the last `most` of them, newest first."""
    c, m, f = conversations.c, messages.c, files.c
    in_chat = and_(c.company == chat.company, c.channel == chat.channel, c.address == chat.address)
    its = and_(m.company == c.company, m.conversation == c.id, m.seq > c.last - most * _BETWEEN)
    said = select(m.at).select_from(conversations.join(messages, its))
    said = said.where(in_chat, m.author == Author.CUSTOMER, m.at > since)
    kept = select(f.at).where(f.company == chat.company, f.channel == chat.channel, f.address == chat.address)
    both = union_all(said, kept.where(f.author == Author.CUSTOMER, f.at > since)).subquery()
    return connection.execute(select(both.c.at).order_by(desc(both.c.at)).limit(most)).scalars().all()
