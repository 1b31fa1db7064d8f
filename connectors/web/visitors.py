"""Who is asking: the visitor's cookie, and the checks that a request comes from our own page."""

import hashlib
import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Cookie, Depends, HTTPException, Request, Response

from connectors.web.pages import base_of
from connectors.web.texts import choose_language

COOKIE = "answerdesk_visitor"
LANGUAGE_COOKIE = "answerdesk_language"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
COOKIE_SECONDS = 180 * 24 * 3600
_TOKEN_LENGTHS = range(40, 65)


def known_visitor(request: Request) -> str | None:
    """The visitor's secret, if the request brings one that could be ours."""
    token = request.cookies.get(COOKIE, "")
    return token if len(token) in _TOKEN_LENGTHS and token.isascii() else None


def greet(request: Request, response: Response) -> None:
    """Give the visitor a secret of 256 bits, or keep the one they have for another half year."""
    token = known_visitor(request) or secrets.token_urlsafe(32)
    remember(request, response, COOKIE, token, path=f"{base_of(request)}/chat")  # each company's visitors are its own


def remember(request: Request, response: Response, name: str, value: str, *, path: str, readable: bool = False) -> None:
    """Keep a cookie for half a year; `readable` by the page's own scripts.

    In a frame on another site, browsers keep only what is partitioned: apart for each site that shows the frame
    (https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies). Our own requests name
    their origin, so the looser `SameSite` opens nothing; see `require_own_site`.
    """
    secure = request.url.scheme == "https"
    framed = "frame" in request.query_params and (secure or request.url.hostname in LOOPBACK)
    response.set_cookie(
        name,
        value,
        max_age=COOKIE_SECONDS,
        path=path,
        httponly=not readable,
        samesite="none" if framed else "lax",
        secure=secure or framed,
    )
    if framed:  # which the standard library knows from Python 3.14 on
        key, given = response.raw_headers.pop()
        response.raw_headers.append((key, given + b"; Partitioned"))


def _address(request: Request) -> str:
    """Where the visitor's conversation is: a digest, so that nobody who reads the database can pose as the visitor."""
    token = known_visitor(request)
    if token is None:
        raise HTTPException(403, "refused")
    return hashlib.sha256(token.encode()).hexdigest()[:40]


def _language(request: Request, chosen: Annotated[str, Cookie(alias=LANGUAGE_COOKIE)] = "") -> str:
    return choose_language(chosen, request.headers.get("accept-language", ""))


def require_own_site(request: Request) -> None:
    """Refuse what another site makes a browser send.

    Browsers say on secure addresses whose page it is; on others, the origin has to be the host that was asked.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is None and origin is not None:
        site = "same-origin" if urlsplit(origin).netloc == request.headers.get("host") else "cross-site"
    if site not in (None, "same-origin"):
        raise HTTPException(403, "refused")


def require_own_page(request: Request) -> None:
    """Refuse what another site makes a browser send, a form instead of JSON included."""
    require_own_site(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "refused")


Address = Annotated[str, Depends(_address)]
Language = Annotated[str, Depends(_language)]
