"""The desk's page, what it shows, and what is told to it."""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from bot.answers.explaining import explain
from bot.handoffs.cases import Case, Entry
from connectors.web.desk.desk import Desk, TheDesk
from connectors.web.desk.entrance import COOKIE, LANGUAGE, Member, Watcher
from connectors.web.desk.problems import Problem
from connectors.web.desk.shown import shown_case, shown_entry
from connectors.web.desk.telling import FIRST, MOST, Told
from connectors.web.library import PageMaker
from retrieval.errors import StoreUnavailable

LIMIT = 4000
"""Characters of a reply, as of a customer's message."""
RETRY_MS = 2000
CLOSED = 100
"""Cases that are listed after they were closed."""

log = logging.getLogger(__name__)
router = APIRouter(prefix="/desk")


@router.get("")
async def page(request: Request, desk: TheDesk, member: Member, pages: PageMaker) -> Response:
    """The desk. What is in it comes over `events`."""
    me = {"id": member.staff.id, "name": member.staff.name}
    return pages.render(
        request, "desk/desk.html", LANGUAGE, me=me, csrf=member.csrf, limit=LIMIT, largest_file=desk.largest_file
    )


@router.get("/events", response_class=EventSourceResponse)
async def events(
    request: Request,
    desk: TheDesk,
    watcher: Watcher,
    after: Annotated[str, Query(max_length=64)] = "",
    most: Annotated[int, Query(ge=1, le=MOST)] = FIRST,
    last_event_id: Annotated[str, Header(max_length=64)] = "",
) -> AsyncIterator[ServerSentEvent]:
    """What changes in the queue, and which conversations to look at, for as long as the session lasts.

    `most` is how many cases of each section the page shows.
    """
    told = Told(last_event_id or after, watcher.staff.id, most)
    secret = request.cookies.get(COOKIE, "")

    async def signed_in() -> bool:
        return await desk.accounts.session(desk.company, secret, active=False) is not None

    try:
        async with aclosing(desk.board.events(told, signed_in)) as events:
            async for name, data, cursor in events:
                yield ServerSentEvent(data=data, event=name, id=cursor or None, retry=RETRY_MS)
    except StoreUnavailable as error:
        log.warning("A desk's events end, it will come back: %s", error)


@router.get("/closed")
async def closed(desk: TheDesk, _watcher: Watcher) -> dict[str, Any]:
    """What was closed last."""
    return {"cases": [shown_case(each, brief=True) for each in await desk.cases.closed(desk.company, CLOSED)]}


@router.get("/conversations/{conversation}")
async def conversation(
    conversation: str, desk: TheDesk, _watcher: Watcher, if_none_match: Annotated[str, Header()] = ""
) -> Response:
    """A case with its whole timeline; 304 as long as nothing about it changed."""
    case = await find_case(desk, conversation)
    desk.board.opened(conversation)
    timeline = await desk.cases.timeline(desk.company, conversation)
    # In a thread: thousands of messages take a second, in which nobody else would be served.
    tag, content = await asyncio.to_thread(_told, case, timeline, if_none_match)
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if content is None:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


@router.get("/conversations/{conversation}/why/{seq}")
async def why(conversation: str, seq: int, desk: TheDesk, _watcher: Watcher) -> dict[str, Any]:
    """How an answer of the assistant came about."""
    explained = await explain(desk.database, desk.company, conversation, seq)
    if explained is None:
        raise Problem(404, "not_found", "Nothing was recorded of how this message came about.")
    return dict(explained)


def _told(case: Case, timeline: Sequence[Entry], known: str) -> tuple[str, bytes | None]:
    """The tag of what there is, and that as JSON; None where it is known under that tag, and needn't be drawn."""
    facts = hashlib.sha256(repr((shown_case(case), timeline)).encode("utf-8", "backslashreplace"))
    tag = f'"{facts.hexdigest()[:20]}"'
    if known == tag:
        return tag, None
    told = {"case": shown_case(case), "entries": [shown_entry(each) for each in timeline]}
    return tag, json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


async def find_case(desk: Desk, conversation: str) -> Case:
    """The case of a conversation of this company. Raises `Problem`."""
    case = await desk.cases.get(desk.company, conversation)
    if case is None:
        raise Problem(404, "not_found", "There is no such conversation here. It may have been deleted.")
    return case
