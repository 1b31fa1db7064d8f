"""Storage operations of the files that we keep ourselves: those that staff send, and those of web visitors."""

import secrets

from sqlalchemy import Connection, and_, insert, select

from bot.domain import Author, Chat
from bot.ports import Attachment
from bot.storage.tables import files

_c = files.c


def keep(
    connection: Connection, chat: Chat, author: Author, name: str, media_type: str, content: bytes, now: float
) -> Attachment:
    """Keep a file of one chat; its `ref` is its id, which can't be guessed."""
    id = secrets.token_urlsafe(32)  # noqa: A001 - the column's name
    connection.execute(
        insert(files).values(
            company=chat.company,
            id=id,
            channel=chat.channel,
            address=chat.address,
            author=author,
            name=name,
            media_type=media_type,
            size=len(content),
            content=content,
            at=now,
        )
    )
    return Attachment(id, name, media_type, len(content))


def describe(connection: Connection, company: str, id: str) -> Attachment | None:  # noqa: A002 - the column's name
    """A file of a company, without its content."""
    row = connection.execute(
        select(_c.name, _c.media_type, _c.size).where(_c.company == company, _c.id == id)
    ).one_or_none()
    return None if row is None else Attachment(id, row.name, row.media_type, row.size)


def content(connection: Connection, company: str, id: str, chat: Chat | None = None) -> bytes | None:  # noqa: A002
    """The content of a company's file; with a chat, only if it is that chat's."""
    query = select(_c.content).where(_c.company == company, _c.id == id)
    if chat is not None:
        query = query.where(and_(_c.channel == chat.channel, _c.address == chat.address))
    found: bytes | None = connection.execute(query).scalar_one_or_none()
    return found
