"""The files of a chat, for its own visitor: those that staff sent, and those that the visitor sent."""

import re
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from connectors.web.chat import Connector
from connectors.web.errors import Refused
from connectors.web.limits import TheLimits, counted
from connectors.web.visitors import Address, require_own_site

router = APIRouter()

MB = 1024 * 1024
LARGEST_UPLOAD = 1024 * MB
"""What no setting lets through; how much is taken is `web.max_file_mb`."""
LONGEST_NAME = 255
_MEDIA_TYPE = re.compile(r"[a-z0-9][\w.+-]{0,126}/[a-z0-9][\w.+-]{0,126}", re.ASCII)


@router.post(
    "/chat/files",
    status_code=201,
    dependencies=[Depends(require_own_site), Depends(counted)],
    max_body_size=LARGEST_UPLOAD,
)
async def upload(
    request: Request,
    address: Address,
    connector: Connector,
    limits: TheLimits,
    name: Annotated[str, Query(max_length=1000)] = "",
) -> dict[str, Any]:
    """Take a file, the body of the request; a message that names its id sends it."""
    largest = int(limits.settings.max_file_mb * MB)
    content = await _within(request, largest)
    if content is None:
        raise Refused(413, "file_too_large", limit=f"{limits.settings.max_file_mb:g}")
    if not content:
        raise Refused(422, "file_empty")
    most = int(limits.settings.visitor_files_mb * MB)
    kept = await connector.keep(address, _file_name(name), _media_type(request), content, most)
    if kept is None:
        raise Refused(413, "files_too_many", limit=f"{limits.settings.visitor_files_mb:g}")
    return {"id": kept.ref, "name": kept.name, "size": kept.size}


async def _within(request: Request, largest: int) -> bytes | None:
    """The body; None as soon as it is too large."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > largest:
            return None
    return bytes(content)


def _file_name(given: str) -> str:
    """The last part of it, without what is no character of a name."""
    name = "".join(sign for sign in given.replace("\\", "/").rpartition("/")[2] if sign.isprintable()).strip(" .")
    return name[:LONGEST_NAME] or "file"


def _media_type(request: Request) -> str:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return given if _MEDIA_TYPE.fullmatch(given) else "application/octet-stream"


@router.get("/chat/files/{file}")
async def file(file: str, address: Address, connector: Connector) -> Response:
    """Save a file. Nobody but the visitor of its chat gets it, whoever knows the address."""
    found = await connector.file(address, file)
    if found is None:
        raise HTTPException(404, "not_found")
    attachment, content = found
    # Never shown in the page: what a member of the staff passes on may have come from anywhere.
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(attachment.name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type="application/octet-stream", headers=headers)
