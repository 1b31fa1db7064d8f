"""The storage operation of the clock that no worker stops: a customer who has waited too long gets a person."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, select, tuple_, update

from bot.conversation import Change, Conversation, Message, Status
from bot.domain import Owner
from bot.ports import SILENT
from bot.storage import work
from bot.storage.rows import to_conversation
from bot.storage.tables import conversations, messages

_c, _m = conversations.c, messages.c
AT_ONCE = 50
"""Conversations of one transaction."""
Park = Callable[[Conversation, Sequence[Message]], Change]


def some(connection: Connection, companies: Sequence[str], since: float, before: float) -> bool:
    """Whether there is a conversation for `hand_over`."""
    return connection.execute(_overdue(companies, since, before).limit(1)).one_or_none() is not None


def hand_over(
    connection: Connection,
    companies: Sequence[str],
    since: float,
    before: float,
    lease: str,
    now: float,
    park: Park,
) -> int:
    """Give the companies' conversations to people that the bot has left unanswered; returns how many.

    They are those whose oldest open question came between `since` and `before`. Who had the lease loses it, and can
    store nothing more, unless a message is on its way: it is kept until that has arrived, or the lease runs out.
    """
    rows = _overdue(companies, since, before).limit(AT_ONCE).with_for_update(skip_locked=True, of=conversations)
    keys = [tuple(row) for row in connection.execute(rows)]
    if not keys:
        return 0
    on_its_way = and_(_c.sending.is_not(None), _c.due > now)
    take = update(conversations).where(tuple_(_c.company, _c.id).in_(keys)).returning(conversations)
    take = take.values(lease=case((on_its_way, _c.lease), else_=lease))
    for taken in map(to_conversation, connection.execute(take).all()):
        conversation, said = work.burst(connection, taken, 0)
        after = work.conclude(connection, conversation, park(conversation, said), now)
        if after.lease == lease:
            work.release(connection, after, after.settled, now)
    return len(keys)


def _overdue(companies: Sequence[str], since: float, before: float) -> Select[Any]:
    asked = select(func.min(_m.at)).where(_m.company == _c.company, _m.conversation == _c.id)
    asked = asked.where(_m.seq > _c.done, _m.seq <= _c.asked, _m.status == Status.RECEIVED, _m.kind.not_in(SILENT))
    bots = and_(_c.company.in_(companies), _c.owner.in_((Owner.BOT, Owner.CLOSED)))
    waits = and_(_c.due.is_not(None), _c.asked > _c.done, asked.correlate(conversations).scalar_subquery() <= before)
    still = asked.correlate(conversations).scalar_subquery() >= since
    return select(_c.company, _c.id).where(bots, waits, still)
