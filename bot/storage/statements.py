"""The statements that each message of a customer needs, built once: building one takes ten times as long as running it.

`here`, `there` and `new` begin the names of what they take: which conversation, which of its messages, what it becomes.
"""

from functools import cache
from typing import Any

from sqlalchemy import Boolean, Float, Integer, String, and_, bindparam, case, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.conversation import Conversation, Status
from bot.storage.tables import conversations, events, messages

_c, _m = conversations.c, messages.c

_HERE = and_(_c.company == bindparam("here_company"), _c.id == bindparam("here_id"))
_MINE = and_(_HERE, _c.lease == bindparam("here_lease"))
_ITS_MESSAGES = and_(_m.company == bindparam("here_company"), _m.conversation == bindparam("here_id"))
_THERE = and_(_ITS_MESSAGES, _m.seq == bindparam("there_seq"))
_LINES = tuple_(_c.company, _c.channel).in_(bindparam("lines", expanding=True))
_KEYS = tuple_(_c.company, _c.id).in_(bindparam("keys", expanding=True))
_NOW = bindparam("now", type_=Float)
_UNTIL = bindparam("until", type_=Float)
_QUIET = bindparam("quiet", type_=Float)


def here(conversation: Conversation) -> dict[str, Any]:
    """What picks a conversation, and the lease that it was read with."""
    return {"here_company": conversation.company, "here_id": conversation.id, "here_lease": conversation.lease}


RECORD = insert(events)
PUT = insert(messages)

DUE = select(_c.company, _c.id).where(_c.due <= _NOW, _LINES).order_by(_c.due)
DUE = DUE.limit(bindparam("most", type_=Integer)).with_for_update(skip_locked=True)
NEXT_DUE = select(func.min(_c.due)).where(_c.due > _NOW, _LINES)

# A lease that nobody gave back: its worker died, over this very message perhaps.
_DIED = and_(_c.lease.is_not(None), _c.asked > _c.done)
LEASE = update(conversations).where(_KEYS).returning(conversations)
LEASE = LEASE.values(lease=bindparam("new_lease"), due=_UNTIL, deaths=case((_DIED, _c.deaths + 1), else_=_c.deaths))

MINE = select(conversations).where(_MINE)
MESSAGES = select(messages).where(_ITS_MESSAGES, _m.seq > bindparam("after", type_=Integer)).order_by(_m.seq)
QUEUED = select(_c.queued).where(_HERE)
OUTBOX = select(messages).where(_ITS_MESSAGES, _m.status == Status.OUTBOX).order_by(_m.seq)

BEGIN_SEND = update(conversations).where(_MINE).values(sending=bindparam("there_seq")).returning(conversations)
HOLD = update(conversations).where(_MINE).values(sending=None)
STATUS = select(_m.status).where(_THERE)
UNMARK = update(conversations).where(_HERE, _c.sending == bindparam("there_seq")).values(sending=None)

# What is only put off must not bring back what a person's claim has withdrawn meanwhile.
_NEW_STATUS = bindparam("new_status", type_=String)
_OPEN = or_(_m.status == Status.OUTBOX, and_(_m.status == Status.WITHDRAWN, _NEW_STATUS != Status.OUTBOX))
SETTLE = update(messages).where(_THERE, _OPEN)
SETTLE = SETTLE.values(status=_NEW_STATUS, attempts=bindparam("new_attempts"), refs=bindparam("new_refs"))

_SETTLED = bindparam("new_settled", type_=Integer)
_BURST_ENDS = case((_c.burst_at + _QUIET > _UNTIL, _c.burst_at + _QUIET), else_=_UNTIL)
RELEASE = update(conversations).where(_MINE).returning(_c.due)
RELEASE = RELEASE.values(
    lease=None,
    sending=None,
    settled=case((_c.settled > _SETTLED, _c.settled), else_=_SETTLED),
    due=case((_c.queued > _SETTLED, _UNTIL), (_c.asked > _c.done, _BURST_ENDS), else_=None),
    failures=case((bindparam("failed", type_=Boolean), _c.failures + 1), else_=0),
)

_UPTO = bindparam("upto", type_=Integer)
_COUNT = bindparam("count", type_=Integer)
_SINCE = bindparam("new_since", type_=Integer)
_LANGUAGE = func.nullif(bindparam("new_language", type_=String), "")
CONCLUDE = update(conversations).returning(conversations)
CONCLUDE = CONCLUDE.where(
    _MINE, _c.owner == bindparam("here_owner"), or_(bindparam("even_if_more", type_=Boolean), _c.asked == _UPTO)
)
CONCLUDE = CONCLUDE.values(
    last=_c.last + _COUNT,
    done=case((_c.done > _UPTO, _c.done), else_=_UPTO),
    owner=bindparam("new_owner"),
    language=func.coalesce(_LANGUAGE, _c.language),
    burst_at=case((_c.asked > _UPTO, _NOW), else_=_c.burst_at),
    failures=0,
    deaths=0,
    since=func.coalesce(_SINCE, _c.since),
    person=case((_SINCE.is_(None), _c.person), else_=None),
    queued=case((_COUNT > 0, _c.last + _COUNT), else_=_c.queued),
    # It goes out at once: a person who claims now waits for the moment that takes. See `handoffs.move`.
    sending=case((and_(_COUNT > 0, _c.queued == _c.settled), _c.last + 1), else_=_c.sending),
)

_LONGEST = bindparam("longest", type_=Float)
_ASKED_DUE = case(
    (_c.asked <= _c.done, _NOW + _QUIET),
    (_c.burst_at + _LONGEST < _NOW + _QUIET, _c.burst_at + _LONGEST),
    else_=_NOW + _QUIET,
)
ASK = update(conversations).where(_HERE)
ASK = ASK.values(
    asked=bindparam("new_asked"),
    burst_at=case((_c.asked <= _c.done, _NOW), else_=_c.burst_at),
    due=case((_c.due > _ASKED_DUE, _c.due), else_=_ASKED_DUE),
    gone=None,
    customer=func.coalesce(func.nullif(bindparam("new_customer", type_=String), ""), _c.customer),
)


def conflict_insert(dialect: str) -> Any:
    """The dialect's INSERT: both have ON CONFLICT, the common one doesn't."""
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


@cache
def next_message(dialect: str) -> Any:
    """One message more in a chat's conversation, which begins with it if there is none."""
    statement = conflict_insert(dialect)(conversations).on_conflict_do_update(
        index_elements=["company", "channel", "address"], set_={"last": _c.last + 1}
    )
    return statement.returning(conversations)


@cache
def arrive(dialect: str) -> Any:
    """Store a message, unless its event is stored already."""
    statement = conflict_insert(dialect)(messages)
    return statement.on_conflict_do_nothing(index_elements=["company", "channel", "event"]).returning(_m.seq)
