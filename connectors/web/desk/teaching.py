"""Answers that staff approved: saved from a conversation, changed, removed."""

import time
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from bot.answers.teaching import LONGEST_ANSWER, LONGEST_QUESTION, Lesson, known_answers, lesson_of, remove
from bot.storage import notes
from connectors.web.desk.desk import TheDesk
from connectors.web.desk.entrance import Acting, Watcher
from connectors.web.desk.problems import Problem
from connectors.web.desk.routes import find_case
from retrieval.passages import Audience

router = APIRouter(prefix="/desk")


class Teach(BaseModel):
    """An answer; `sure` keeps it whatever speaks against it, `replaces` names the one it takes the place of."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    question: Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION)]
    answer: Annotated[str, Field(min_length=1, max_length=LONGEST_ANSWER)]
    audience: Audience = Audience.PUBLIC
    replaces: Annotated[str, Field(max_length=255)] = ""
    sure: bool = False
    conversation: Annotated[str, Field(max_length=32)] = ""


class Removal(BaseModel):
    """Which answer is taken back."""

    model_config = ConfigDict(extra="forbid")

    document: Annotated[str, Field(max_length=255)]


@router.get("/taught")
async def taught(desk: TheDesk, _watcher: Watcher) -> dict[str, Any]:
    """The approved answers, newest first."""
    return {"answers": [asdict(each) for each in await known_answers(desk.database, desk.company)]}


@router.get("/conversations/{conversation}/lesson/{seq}")
async def lesson(conversation: str, seq: int, desk: TheDesk, _watcher: Watcher) -> dict[str, Any]:
    """What would be saved of a reply, to be looked at and changed first."""
    await find_case(desk, conversation)
    found = await lesson_of(desk.database, desk.company, conversation, seq)
    if found is None:
        raise Problem(404, "not_found", "There is no reply at this place.")
    return {"question": found.question, "answer": found.answer}


@router.post("/taught")
async def teach(body: Teach, desk: TheDesk, acting: Acting) -> dict[str, Any]:
    """Keep an answer, or say what speaks against it."""
    customer = (await find_case(desk, body.conversation)).conversation.customer if body.conversation else ""
    given = Lesson(body.question, body.answer, body.audience, customer, body.replaces, body.sure)
    came = await desk.consulting.teach(desk.company, given)
    if came.document and body.conversation:
        staff, about = acting.staff, (desk.company, body.conversation)
        noted = (staff.id, staff.name, body.question.strip(), came.document, time.time())
        await desk.database.write(notes.record_taught, about, *noted)
    return asdict(came)


@router.post("/taught/remove")
async def take_back(body: Removal, desk: TheDesk, _acting: Acting) -> dict[str, Any]:
    """Remove an approved answer."""
    await remove(desk.database, desk.company, body.document)
    return {}
