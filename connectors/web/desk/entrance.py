"""Signing in and out: forms without any script, so that every password manager fills them in."""

import hmac
import secrets
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from bot.staff.accounts import Purpose, Session, SignInRefused
from bot.staff.passwords import SHORTEST
from connectors.web.desk.desk import TheDesk
from connectors.web.desk.problems import Problem
from connectors.web.library import PageMaker
from connectors.web.pages import base_of
from connectors.web.visitors import require_own_page, require_own_site
from llm.errors import UsageError

COOKIE = "answerdesk_staff"
FORM_COOKIE = "answerdesk_staff_form"
COOKIE_SECONDS = 30 * 24 * 3600  # how long the session lives is for the server to say
LANGUAGE = "en"
LARGEST_FORM = 4096

router = APIRouter(prefix="/desk")


async def _session(request: Request, desk: TheDesk, *, active: bool = True) -> Session:
    session = await desk.accounts.session(desk.company, request.cookies.get(COOKIE, ""), active=active)
    if session is None:
        raise Problem(401, "signed_out", "You have been signed out. Sign in again; what you wrote here is kept.")
    return session


async def _member(request: Request, desk: TheDesk) -> Session:
    return await _session(request, desk)


async def _watcher(request: Request, desk: TheDesk) -> Session:
    return await _session(request, desk, active=False)


Member = Annotated[Session, Depends(_member)]
"""Whoever is signed in, and at work."""
Watcher = Annotated[Session, Depends(_watcher)]
"""Whoever is signed in. An open page asks by itself every few seconds: that is no sign of work."""


def _acting(request: Request, session: Member) -> Session:
    """Whoever is signed in, and it was our own page that sent this."""
    require_own_page(request)
    _require_token(request.headers.get("x-csrf-token", ""), session.csrf)
    return session


Acting = Annotated[Session, Depends(_acting)]


@router.get("/sign-in")
async def sign_in_page(request: Request, desk: TheDesk, pages: PageMaker) -> Response:
    """The form, or how to make the first account."""
    if await desk.accounts.session(desk.company, request.cookies.get(COOKIE, ""), active=False):
        return RedirectResponse(_address(request), 303)
    return await _sign_in_form(request, desk, pages)


@router.post("/sign-in", dependencies=[Depends(require_own_site)], max_body_size=LARGEST_FORM)
async def sign_in(request: Request, desk: TheDesk, pages: PageMaker) -> Response:
    """Name and password for a session."""
    form = await _form(request)
    where = request.client.host if request.client else ""
    try:
        secret = await desk.accounts.sign_in(desk.company, form.get("name", ""), form.get("password", ""), where)
    except SignInRefused as error:
        return await _sign_in_form(request, desk, pages, str(error), form.get("name", ""), 403)
    return _let_in(request, secret)


@router.post("/sign-out", dependencies=[Depends(require_own_site)], max_body_size=LARGEST_FORM)
async def sign_out(request: Request, desk: TheDesk) -> Response:
    """End the session, on the server too."""
    secret = request.cookies.get(COOKIE, "")
    session = await desk.accounts.session(desk.company, secret)
    if session:
        _require_token(_fields(await request.body()).get("csrf", ""), session.csrf)
        await desk.accounts.sign_out(desk.company, secret)
    response = RedirectResponse(f"{_address(request)}/sign-in", 303)
    response.delete_cookie(COOKIE, path=_address(request))
    return response


@router.get("/welcome/{secret}")
async def welcome_page(secret: str, request: Request, desk: TheDesk, pages: PageMaker) -> Response:
    """What an invitation leads to. It is used up by the button only: programs that preview links press none."""
    return await _welcome_form(secret, request, desk, pages)


@router.post("/welcome/{secret}", dependencies=[Depends(require_own_site)], max_body_size=LARGEST_FORM)
async def welcome(secret: str, request: Request, desk: TheDesk, pages: PageMaker) -> Response:
    """Take the invitation: choose a password where it asks for one, and be signed in."""
    form = await _form(request)
    try:
        return _let_in(request, await desk.accounts.accept(desk.company, secret, form.get("password", "")))
    except (SignInRefused, UsageError) as error:
        return await _welcome_form(secret, request, desk, pages, str(error), 403)


async def _sign_in_form(
    request: Request, desk: TheDesk, pages: PageMaker, problem: str = "", name: str = "", status: int = 200
) -> Response:
    first = not await desk.accounts.everybody(desk.company)
    company = f" --company {desk.company}" if base_of(request) else ""
    token = _form_token(request)
    values = {"problem": problem, "account": name, "first": first, "option": company, "token": token}
    return _with_token(request, pages.render(request, "desk/sign_in.html", LANGUAGE, status, **values), token)


async def _welcome_form(
    secret: str, request: Request, desk: TheDesk, pages: PageMaker, problem: str = "", status: int = 200
) -> Response:
    invited = await desk.accounts.invited(desk.company, secret)
    if invited is None and await desk.accounts.session(desk.company, request.cookies.get(COOKIE, "")):
        return RedirectResponse(_address(request), 303)  # the link was used, by this browser
    token = _form_token(request)
    values = {
        "staff": invited and invited[0],
        "chooses": invited is not None and invited[1] is Purpose.PASSWORD,
        "shortest": SHORTEST,
        "problem": problem,
        "token": token,
    }
    status = status if invited else 410
    return _with_token(request, pages.render(request, "desk/welcome.html", LANGUAGE, status, **values), token)


def _let_in(request: Request, secret: str) -> Response:
    response = RedirectResponse(_address(request), 303)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=COOKIE_SECONDS,
        path=_address(request),  # each company's staff are its own
        httponly=True,
        samesite="lax",  # a link in a mail or in Slack leads to the open desk
        secure=request.url.scheme == "https",
    )
    response.delete_cookie(FORM_COOKIE, path=_address(request))
    return response


def _form_token(request: Request) -> str:
    """What a form brings back: nobody is signed in yet, so a cookie of its own has to match it."""
    kept = request.cookies.get(FORM_COOKIE, "")
    return kept if len(kept) == 43 and kept.isascii() else secrets.token_urlsafe(32)


def _with_token(request: Request, response: Response, token: str) -> Response:
    path, secure = _address(request), request.url.scheme == "https"
    response.set_cookie(FORM_COOKIE, token, path=path, httponly=True, samesite="lax", secure=secure)
    return response


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form that we served to this browser."""
    fields = _fields(await request.body())
    _require_token(fields.get("csrf", ""), request.cookies.get(FORM_COOKIE, ""))
    return fields


def _fields(body: bytes) -> dict[str, str]:
    """None where there are more of them than any form of ours has."""
    try:
        fields = parse_qs(body.decode(errors="replace"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _require_token(given: str, expected: str) -> None:
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Problem(403, "refused", "This page is out of date. Load it again, then try once more.")


def _address(request: Request) -> str:
    return f"{base_of(request)}/desk"
