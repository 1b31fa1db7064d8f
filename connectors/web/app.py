"""The web application: one factory, which is given all it needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.web import attachments, chat, embedding, errors, library
from connectors.web.connector import WebConnector
from connectors.web.desk import actions, assistance, entrance, files, problems, routes, teaching
from connectors.web.desk.desk import Desk
from connectors.web.embedding import Embedding, policy
from connectors.web.library import PublicLibrary
from connectors.web.limits import Limits
from connectors.web.pages import STATIC, Pages, base_of
from retrieval import store
from retrieval.database import Database
from retrieval.passages import Audience

LARGEST_BODY = 64 * 1024
"""Bytes: a message of 4,000 characters fits ten times over."""

UNTRACED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""Addresses hold secrets of links, requests what customers write; and nobody outside says what a trace belongs to."""

HEADERS = {
    "content-security-policy": policy("'none'"),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class WebDependencies:
    """What the web application stands on."""

    database: Database
    company: str
    """The company's id."""
    name: str
    """The company's name, as customers read it."""
    connector: WebConnector
    """Started and stopped by whoever makes it."""
    routers: Sequence[APIRouter] = ()
    """Of other channels: what their services call us by."""
    chat: bool = True
    """Whether customers chat here; else only the routers are served."""
    desk: Desk | None = None
    """Where staff answer, at `/desk`."""
    limits: Limits = field(default_factory=Limits)
    """What visitors may send and keep open."""
    sites: Sequence[str] = ()
    """Origins of pages that may show the chat in a frame."""
    others: Sequence["WebDependencies"] = ()
    """Further companies, each with its own chat at `/COMPANY/chat`."""


def create_app(dependencies: WebDependencies) -> ASGIApp:
    """The application that serves `/chat`, to be run by uvicorn."""
    app = _application(dependencies)
    for other in dependencies.others:
        app.mount(f"/{other.company}", _application(other))
    return _with_headers(app)


def _application(dependencies: WebDependencies) -> FastAPI:
    """All that one company's customers can reach: nothing in it knows of another company."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, max_body_size=LARGEST_BODY, telemetry=UNTRACED)
    pages = Pages(dependencies.name)
    app.state.pages = pages
    app.state.connector = dependencies.connector
    app.state.limits = dependencies.limits
    app.state.embedding = Embedding(dependencies.name, dependencies.sites)
    app.state.library = PublicLibrary(dependencies.database, dependencies.company)
    for router in (chat.router, embedding.router, attachments.router, library.router) if dependencies.chat else ():
        app.include_router(router)
    if dependencies.desk:
        app.state.desk = dependencies.desk
        for each in (entrance, routes, actions, files, assistance, teaching):
            app.include_router(each.router)
        problems.install(app)
    for router in dependencies.routers:
        app.include_router(router)
    app.mount(pages.static, StaticFiles(directory=STATIC))
    errors.install(app)

    @app.get("/")
    async def root(request: Request) -> Response:
        return RedirectResponse(f"{base_of(request)}/chat")

    @app.get("/healthz")
    async def healthz() -> Response:
        await dependencies.database.read(store.knowledge_version, dependencies.company, Audience.PUBLIC)
        return JSONResponse({"status": "ok"})

    return app


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Put the security headers on every response, errors of the framework included, and say what may be kept."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", _caching(scope["path"], message["status"]))
            await send(message)

        await app(scope, receive, send_with_headers if scope["type"] == "http" else send)

    return guarded


def _caching(path: str, status: int) -> str:
    """Static files have their content's digest in their address; all else is somebody's own."""
    kept = path.startswith("/static/") and status in (200, 206, 304)
    return "public, max-age=31536000, immutable" if kept else "no-store"
