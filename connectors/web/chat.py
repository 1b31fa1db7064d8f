"""The web chat's page and its HTTP interface: messages and buttons come in, server-sent events go out."""

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from connectors.web.connector import WebConnector
from connectors.web.embedding import embedding
from connectors.web.errors import Refused
from connectors.web.library import Library, PageMaker
from connectors.web.limits import TheLimits, counted, listening
from connectors.web.texts import LANGUAGES
from connectors.web.visitors import LANGUAGE_COOKIE, Address, Language, greet, remember, require_own_page
from retrieval.errors import StoreUnavailable

LIMIT = 4000
"""Characters of a message."""
SUGGESTED = 4
MOST_FILES = 10
"""Of one message."""
RETRY_MS = 2000

log = logging.getLogger(__name__)
router = APIRouter()


def _connector(request: Request) -> WebConnector:
    connector: WebConnector = request.app.state.connector
    return connector


Connector = Annotated[WebConnector, Depends(_connector)]
Identity = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]
FileId = Annotated[str, Field(max_length=64)]


class NewMessage(BaseModel):
    """A message, with an id its sender made: sending it again under the same id is harmless."""

    model_config = ConfigDict(extra="forbid")

    id: Identity
    text: str
    files: Annotated[list[FileId], Field(max_length=MOST_FILES)] = []
    """Those that were sent before; see `connectors.web.attachments`."""


class Action(BaseModel):
    """A button; the judgements are about the message at that place."""

    model_config = ConfigDict(extra="forbid")

    id: Identity
    action: Literal["human", "new", "stop", "helpful", "not_helpful", "language"]
    """`language` answers in the language of the page from now on."""
    message: Annotated[int | None, Field(ge=1)] = None


@router.get("/chat")
async def page(
    request: Request,
    library: Library,
    pages: PageMaker,
    preferred: Language,
    limits: TheLimits,
    chosen: Annotated[str, Query(alias="language")] = "",
) -> Response:
    """The chat page. `?language=zh` chooses the language of the interface for good."""
    language = chosen if chosen in LANGUAGES else preferred
    questions = await library.questions(language, SUGGESTED)
    response = pages.render(
        request,
        "chat.html",
        language,
        questions=questions,
        limit=LIMIT,
        most_files=MOST_FILES,
        largest_mb=limits.settings.max_file_mb,
    )
    greet(request, response)
    if language == chosen:
        remember(request, response, LANGUAGE_COOKIE, language, path="/", readable=True)
    embedding(request).allow(response)
    return response


@router.post("/chat/messages", status_code=202, dependencies=[Depends(require_own_page), Depends(counted)])
async def message(message: NewMessage, address: Address, connector: Connector, language: Language) -> dict[str, bool]:
    """Take a message. The answer 202 means that it is stored."""
    if not message.text.strip() and not message.files:
        raise Refused(422, "empty")
    if len(message.text) > LIMIT:
        raise Refused(413, "too_long", limit=LIMIT, count=len(message.text))
    files = await connector.attached(address, message.files)
    if len(files) < len(message.files):
        raise Refused(422, "file_gone")
    return {"new": await connector.say(address, message.id, message.text, language, files)}


@router.post("/chat/actions", status_code=202, dependencies=[Depends(require_own_page), Depends(counted)])
async def action(action: Action, address: Address, connector: Connector, language: Language) -> dict[str, bool]:
    """Take the press of a button."""
    return {"new": await connector.act(address, action.id, action.action, action.message, language)}


@router.get("/chat/events", response_class=EventSourceResponse, dependencies=[Depends(listening)])
async def events(
    address: Address,
    connector: Connector,
    after: Annotated[str, Query(max_length=64)] = "",
    last_event_id: Annotated[str, Header(max_length=64)] = "",
) -> AsyncIterator[ServerSentEvent]:
    """The conversation as server-sent events: what the page lacks, then what happens, until it goes away."""
    try:
        async with aclosing(connector.events(address, last_event_id or after)) as events:
            async for (name, data), cursor in events:
                yield ServerSentEvent(data=data, event=name, id=cursor or None, retry=RETRY_MS)
    except StoreUnavailable as error:
        log.warning("A page's events end, it will come back: %s", error)
