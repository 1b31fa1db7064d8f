"""What the desk of one company stands on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from bot.domain import Chat
from bot.handoffs.cases import Cases
from bot.handoffs.consulting import Consulting
from bot.handoffs.handoff import Handoffs
from bot.sections import HandoffSettings
from bot.staff.accounts import Accounts
from connectors.web.desk.board import Board
from retrieval.database import Database

Fetch = Callable[[Chat, str, int], Awaitable[bytes]]
"""A customer's file: its chat, its `Attachment.ref`, and the most bytes it may have. Raises `FileUnavailable`."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One company's desk. No route takes a company: there is no way to another one from here."""

    database: Database
    company: str
    accounts: Accounts
    board: Board
    cases: Cases
    handoffs: Handoffs
    consulting: Consulting
    fetch: Fetch
    largest_file: int
    """Bytes: of what staff send, and of what customers sent and staff open."""


def open_desk(
    database: Database, company: str, fetch: Fetch, rules: HandoffSettings, session_hours: float = 12.0
) -> Desk:
    """The desk of a company; its `board` is to be closed before the web server is stopped."""
    return Desk(
        database=database,
        company=company,
        accounts=Accounts(database, session_hours),
        board=Board(database, company),
        cases=Cases(database),
        handoffs=Handoffs(database, rules={company: rules}),
        consulting=Consulting(database),
        fetch=fetch,
        largest_file=int(rules.max_file_mb * 1024 * 1024),
    )


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(_desk)]
