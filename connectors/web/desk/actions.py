"""What staff do at the desk. Each request has a key that its page made: sent twice, it does its work once."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from bot.handoffs.handoff import NewFile
from bot.storable import storable
from connectors.web.desk.desk import Desk, TheDesk
from connectors.web.desk.entrance import Acting
from connectors.web.desk.problems import Problem
from connectors.web.desk.routes import LIMIT, find_case
from connectors.web.desk.shown import shown_case

MOST_FILES = 5
LARGEST_REQUEST = 80 * 1024 * 1024
"""Bytes: five files of the largest size that can be set would not fit, and are refused by their sizes first."""
NAME_CHARACTERS = 120

router = APIRouter(prefix="/desk/conversations/{conversation}")

Key = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]
Words = Annotated[str, Field(max_length=LIMIT * 4)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Claim(_Body):
    """`force` takes a conversation from a colleague."""

    force: bool = False


class Snooze(_Body):
    """Put aside until then: seconds since the epoch."""

    until: Annotated[float, Field(gt=0, lt=1e11)]


class Write(_Body):
    """Words, for the customer or for staff."""

    key: Key
    text: Words


class Upload(_Body):
    """A file."""

    name: Annotated[str, Field(min_length=1, max_length=255)]
    media_type: Annotated[str, Field(max_length=100, pattern=r"^[\w.+-]+/[\w.+-]+$")] = "application/octet-stream"
    content: Base64Bytes


class Send(Write):
    """A reply to the customer."""

    files: Annotated[tuple[Upload, ...], Field(max_length=MOST_FILES)] = ()


class Correct(Write):
    """Other words for the reply at this place."""

    seq: Annotated[int, Field(ge=1, lt=2**31)]


@router.post("/claim")
async def claim(conversation: str, body: Claim, desk: TheDesk, acting: Acting) -> dict[str, Any]:
    """Take the conversation."""
    await find_case(desk, conversation)
    staff = acting.staff
    await desk.handoffs.claim(desk.company, conversation, staff.id, staff.name, force=body.force)
    return await _after(desk, conversation)


@router.post("/return")
async def hand_back(conversation: str, desk: TheDesk, acting: Acting) -> dict[str, Any]:
    """Let the assistant answer again."""
    await find_case(desk, conversation)
    await desk.handoffs.hand_back(desk.company, conversation, acting.staff.id, acting.staff.name)
    return await _after(desk, conversation)


@router.post("/resolve")
async def resolve(conversation: str, desk: TheDesk, acting: Acting) -> dict[str, Any]:
    """Close the conversation, until the customer writes again."""
    await find_case(desk, conversation)
    await desk.handoffs.resolve(desk.company, conversation, acting.staff.id, acting.staff.name)
    return await _after(desk, conversation)


@router.post("/keep")
async def keep(conversation: str, desk: TheDesk, acting: Acting) -> dict[str, Any]:
    """An idle conversation stays with its person."""
    await find_case(desk, conversation)
    await desk.handoffs.keep(desk.company, conversation, acting.staff.id, acting.staff.name)
    return await _after(desk, conversation)


@router.post("/snooze")
async def snooze(conversation: str, body: Snooze, desk: TheDesk, acting: Acting) -> dict[str, Any]:
    """Put the conversation aside until then."""
    await find_case(desk, conversation)
    await desk.handoffs.snooze(desk.company, conversation, acting.staff.id, body.until, acting.staff.name)
    return await _after(desk, conversation)


@router.post("/reply", max_body_size=LARGEST_REQUEST)
async def reply(conversation: str, body: Send, desk: TheDesk, acting: Acting) -> dict[str, Any]:
    """Write to the customer."""
    await find_case(desk, conversation)
    files = _files(desk, body.files)
    words = _words(body.text, needed=not files)
    staff = acting.staff
    await desk.handoffs.reply(desk.company, conversation, staff.id, words, staff.name, body.key, files)
    return await _after(desk, conversation)


@router.post("/correct")
async def correct(conversation: str, body: Correct, desk: TheDesk, acting: Acting) -> dict[str, Any]:
    """Change a reply that was sent."""
    await find_case(desk, conversation)
    words = _words(body.text)
    await desk.handoffs.correct(desk.company, conversation, acting.staff.id, body.seq, words, body.key)
    return await _after(desk, conversation)


@router.post("/note")
async def note(conversation: str, body: Write, desk: TheDesk, acting: Acting) -> dict[str, Any]:
    """Write for staff only."""
    await find_case(desk, conversation)
    words, staff = _words(body.text), acting.staff
    await desk.handoffs.note(desk.company, conversation, staff.id, words, staff.name, body.key)
    return await _after(desk, conversation)


async def _after(desk: Desk, conversation: str) -> dict[str, Any]:
    return {"case": shown_case(await find_case(desk, conversation))}


def _words(text: str, *, needed: bool = True) -> str:
    words = storable(text).strip()
    if needed and not words:
        raise Problem(422, "empty", "Write something first.")
    if len(words) > LIMIT:
        raise Problem(413, "too_long", f"A message can have {LIMIT} characters at most; this one has {len(words)}.")
    return words


def _files(desk: Desk, uploads: Sequence[Upload]) -> tuple[NewFile, ...]:
    for each in uploads:
        if len(each.content) > desk.largest_file:
            megabytes = desk.largest_file / 1024 / 1024
            raise Problem(413, "too_large", f"{each.name} is too large: a file can have {megabytes:g} MB at most.")
        if not each.content:
            raise Problem(422, "empty", f"{each.name} is empty.")
    return tuple(NewFile(_plain(each.name), each.media_type, each.content) for each in uploads)


def _plain(name: str) -> str:
    """A file's name without a path, or anything that would steer a terminal."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable())[-NAME_CHARACTERS:] or "file"
