"""How much is to be done: what metrics tell of the database, for each company."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, select

from bot.domain import Owner
from bot.storage.tables import conversations, handoffs

_c, _h = conversations.c, handoffs.c


@dataclass(frozen=True, slots=True)
class Standing:
    """A company's conversations and cases as they stand. Ages are in seconds, 0 where there is none."""

    due: int = 0
    """Conversations that a worker should have by now."""
    oldest_due: float = 0.0
    """For how long the first of them has been due."""
    held: int = 0
    """Conversations that a worker has."""
    waiting: int = 0
    """Cases that nobody has claimed."""
    oldest_waiting: float = 0.0
    claimed: int = 0
    snoozed: int = 0


def standings(connection: Connection, companies: Collection[str], now: float) -> Mapping[str, Standing]:
    """How these companies stand."""
    found = {company: Standing() for company in companies}
    for company, due, oldest, held in connection.execute(_work(companies, now)):
        found[company] = replace(found[company], due=due, oldest_due=_age(oldest, now), held=held)
    for company, waiting, oldest, claimed, snoozed in connection.execute(_cases(companies)):
        found[company] = replace(
            found[company], waiting=waiting, oldest_waiting=_age(oldest, now), claimed=claimed, snoozed=snoozed
        )
    return found


def _work(companies: Collection[str], now: float) -> Select[Any]:
    waits = _c.due <= now  # a lease that ran out as well: its worker is gone
    query = select(
        _c.company,
        func.count(case((waits, 1))),
        func.min(case((waits, _c.due))),
        func.count(case((and_(_c.due > now, _c.lease.is_not(None)), 1))),
    )
    return query.where(_c.due.is_not(None), _c.company.in_(companies)).group_by(_c.company)


def _cases(companies: Collection[str]) -> Select[Any]:
    snoozed = _h.snoozed_until.is_not(None)
    waits = and_(~snoozed, _c.owner == Owner.WAITING)
    query = select(
        _h.company,
        func.count(case((waits, 1))),
        func.min(case((waits, _h.opened_at))),
        func.count(case((and_(~snoozed, _c.owner == Owner.HUMAN), 1))),
        func.count(case((snoozed, 1))),
    )
    query = query.select_from(handoffs.join(conversations, and_(_c.company == _h.company, _c.id == _h.conversation)))
    return query.where(_h.closed_at.is_(None), _h.company.in_(companies)).group_by(_h.company)


def _age(since: float | None, now: float) -> float:
    return 0.0 if since is None else max(0.0, now - since)
