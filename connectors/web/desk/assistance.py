"""The assistant beside staff: it answers them from public and internal documents, searches those, and suggests."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from bot.domain import Draft
from bot.handoffs.consulting import Advice, Unanswered
from connectors.web.desk.desk import Desk, TheDesk
from connectors.web.desk.entrance import Acting, Watcher
from connectors.web.desk.problems import Problem
from connectors.web.desk.routes import find_case
from connectors.web.desk.shown import shown_case, shown_citations
from connectors.web.library import AROUND, web_address
from connectors.web.markup import markup
from retrieval import store
from retrieval.errors import StoreUnavailable
from retrieval.passages import Audience, Passage

LONGEST_QUESTION = 2000

router = APIRouter(prefix="/desk")


class Asked(BaseModel):
    """What staff want to know."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION)]


class Hint(BaseModel):
    """What the next suggestion should heed."""

    model_config = ConfigDict(extra="forbid")

    hint: Annotated[str, Field(max_length=500)] = ""


@router.post("/conversations/{conversation}/suggest")
async def suggest(conversation: str, body: Hint, desk: TheDesk, _acting: Acting) -> dict[str, Any]:
    """What the assistant would say now; it becomes the case's suggestion."""
    await find_case(desk, conversation)
    await desk.consulting.suggest(desk.company, conversation, body.hint.strip())
    return {"case": shown_case(await find_case(desk, conversation))}


@router.post("/search")
async def search(body: Asked, desk: TheDesk, _acting: Acting) -> dict[str, Any]:
    """The passages that are likeliest to answer this, internal ones marked."""
    found = await desk.consulting.search(desk.company, body.text)
    return {"passages": [{**_passage(each.passage), "internal": each.internal} for each in found]}


@router.post("/ask")
async def ask(body: Asked, desk: TheDesk, _acting: Acting) -> StreamingResponse:
    """An answer as it is made: a JSON document a line, drafts first."""
    return StreamingResponse(_answer(desk, body.text), media_type="application/x-ndjson")


async def _answer(desk: Desk, text: str) -> AsyncIterator[str]:
    try:
        async with aclosing(desk.consulting.ask(desk.company, text)) as steps:
            async for step in steps:
                yield json.dumps(_draft(step) if isinstance(step, Draft) else _advice(step)) + "\n"
    except (Unanswered, StoreUnavailable) as error:
        yield json.dumps({"error": "unanswered", "message": str(error)}) + "\n"


def _draft(draft: Draft) -> dict[str, Any]:
    return {"text": draft.text, "blocks": markup(draft.text, range(1, 100)), "done": False}


def _advice(advice: Advice) -> dict[str, Any]:
    answer = advice.answer
    return {
        "text": answer.text,
        "blocks": markup(answer.text, {each.number for each in answer.citations}),
        "outcome": answer.outcome.value,
        "citations": shown_citations(answer.citations, advice.internal),
        "suggestions": list(answer.suggestions),
        "done": True,
    }


@router.get("/passages/{document:path}/{position}")
async def passage(document: str, position: int, desk: TheDesk, _watcher: Watcher) -> dict[str, Any]:
    """A cited passage with its neighbours, whoever may see the document."""
    for audience in (Audience.PUBLIC, Audience.INTERNAL):
        places = range(max(0, position - AROUND), position + AROUND + 1)
        near = [
            await desk.database.read(store.passage, desk.company, audience, f"{document}#{place}") for place in places
        ]
        cited = next((each for each in near if each and each.position == position), None)
        if cited:
            others = [each for each in near if each]
            return {
                **_passage(cited),
                "internal": audience is Audience.INTERNAL,
                "before": [_passage(each) for each in others if each.position < position],
                "after": [_passage(each) for each in others if each.position > position],
            }
    raise Problem(404, "not_found", "This passage has changed since it was cited.")


def _passage(passage: Passage) -> dict[str, Any]:
    return {
        "passage": passage.id,
        "document": passage.document,
        "position": passage.position,
        "title": passage.title,
        "question": passage.question,
        "text": passage.text,
        "place": str(passage.location),
        "url": web_address(passage.url),
        "language": passage.language,
    }
