"""The chat in a frame of the company's own site: the script that opens it, and who may frame it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from connectors.web.pages import FOLDER, base_of
from connectors.web.texts import LANGUAGES, texts_for

KEPT_SECONDS = 3600
_LABELS = ("widget_open", "widget_close", "widget_title", "widget_unread")
_SCRIPT = FOLDER / "static" / "widget.js"

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Embedding:
    """Which sites may show the chat of a company."""

    company: str
    """Its name, as customers read it."""
    sites: Sequence[str] = ()

    def allow(self, response: Response) -> None:
        """Let those sites frame this page. Beside the policy, browsers ignore `X-Frame-Options`."""
        if self.sites:
            response.headers["content-security-policy"] = policy(" ".join(("'self'", *self.sites)))


def policy(framed_by: str) -> str:
    """The content security policy of our pages; `framed_by` are sources that may frame them."""
    return f"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {framed_by}; object-src 'none'"


def embedding(request: Request) -> Embedding:
    """The company's."""
    found: Embedding = request.app.state.embedding
    return found


@router.get("/chat/widget.js")
async def script(request: Request) -> Response:
    """What a site includes to get a button that opens the chat."""
    company = embedding(request).company
    texts = {code: {key: texts_for(code, company)[key] for key in _LABELS} for code in LANGUAGES}
    given = json.dumps({"base": base_of(request), "texts": texts}, ensure_ascii=True)
    source = _SCRIPT.read_text(encoding="utf-8").replace("GIVEN_BY_THE_SERVER", given, 1)
    headers = {
        "cache-control": f"public, max-age={KEPT_SECONDS}",
        "cross-origin-resource-policy": "cross-origin",
        "access-control-allow-origin": "*",
    }
    return Response(source, media_type="text/javascript; charset=utf-8", headers=headers)
