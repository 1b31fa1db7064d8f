"""The files of a chat, for its own visitor: those that staff sent, and those that the visitor sent."""

from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Response

from connectors.web.chat import Connector
from connectors.web.visitors import Address

router = APIRouter()


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
