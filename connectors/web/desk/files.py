"""The files of a conversation: those that customers sent, and those that staff sent."""

from urllib.parse import quote

from fastapi import APIRouter, Response

from bot.errors import FileUnavailable
from bot.storage import files as store
from connectors.web.desk.desk import TheDesk
from connectors.web.desk.entrance import Watcher
from connectors.web.desk.problems import Problem
from connectors.web.desk.routes import find_case

SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What a browser shows; all else it saves, and opens nowhere near the desk."""

router = APIRouter(prefix="/desk/conversations/{conversation}")


@router.get("/files/{entry}/{number}")
async def file(conversation: str, entry: str, number: int, desk: TheDesk, _watcher: Watcher) -> Response:
    """The file at a place among those of an entry of the timeline."""
    case = await find_case(desk, conversation)
    timeline = await desk.cases.timeline(desk.company, conversation)
    found = next((each for each in timeline if each.id == entry), None)
    attachments = (*found.attachments, *found.files) if found else ()
    if not 0 <= number < len(attachments):
        raise Problem(404, "not_found", "This file isn't there any more.")
    attachment = attachments[number]
    content = await desk.database.read(store.content, desk.company, attachment.ref, case.conversation.chat)
    if content is None:
        try:
            content = await desk.fetch(case.conversation.chat, attachment.ref, desk.largest_file)
        except FileUnavailable as error:
            raise Problem(502, "unavailable", str(error)) from error
    shown = attachment.media_type in SHOWN
    headers = {
        "content-disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(attachment.name)}",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=attachment.media_type if shown else "application/octet-stream", headers=headers)
