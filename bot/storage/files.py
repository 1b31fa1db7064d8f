"""Storage operations of the files that we keep ourselves: those that staff send, and those of web visitors."""

import secrets
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from bot.domain import Author, Chat
from bot.ports import Attachment
from bot.storage.tables import files

_c = files.c


def keep(
    connection: Connection, chat: Chat, author: Author, name: str, media_type: str, content: bytes, now: float
) -> Attachment:
    """Keep a file of one chat; its `ref` is its id, which can't be guessed. A customer's is not sent yet."""
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
            sent=author is not Author.CUSTOMER,
        )
    )
    return Attachment(id, name, media_type, len(content))


def keep_within(
    connection: Connection, chat: Chat, most: int, name: str, media_type: str, content: bytes, now: float
) -> Attachment | None:
    """Keep a customer's file, unless all files of that chat's customer come to more than `most` bytes then."""
    held = select(func.coalesce(func.sum(_c.size), 0)).where(_of_customer(chat))
    if connection.execute(held).scalar_one() + len(content) > most:
        return None
    return keep(connection, chat, Author.CUSTOMER, name, media_type, content, now)


def mark_sent(connection: Connection, chat: Chat, ids: Sequence[str]) -> None:
    """A message of the chat's customer has these files, where they are kept here."""
    connection.execute(update(files).where(_of_customer(chat), _c.id.in_(ids)).values(sent=True))


def some_unsent(connection: Connection, company: str, before: float) -> bool:
    """Whether customers of the company have left files unsent since then."""
    return connection.execute(select(_c.id).where(_unsent(company, before)).limit(1)).one_or_none() is not None


def forget_unsent(connection: Connection, company: str, before: float) -> int:
    """Remove the files that customers have left unsent since then; returns how many."""
    return connection.execute(delete(files).where(_unsent(company, before))).rowcount


def _unsent(company: str, before: float) -> ColumnElement[bool]:
    return and_(_c.company == company, ~_c.sent, _c.at < before)


def of_customer(connection: Connection, chat: Chat, ids: Sequence[str]) -> Sequence[Attachment]:
    """Those of these files that the chat's customer sent, in the order given."""
    query = select(_c.id, _c.name, _c.media_type, _c.size).where(_of_customer(chat), _c.id.in_(ids))
    found = {row.id: Attachment(row.id, row.name, row.media_type, row.size) for row in connection.execute(query)}
    return [found[id] for id in dict.fromkeys(ids) if id in found]  # noqa: A001 - the column's name


def _of_customer(chat: Chat) -> ColumnElement[bool]:
    sender = (_c.company == chat.company, _c.channel == chat.channel, _c.address == chat.address)
    return and_(*sender, _c.author == Author.CUSTOMER)


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
