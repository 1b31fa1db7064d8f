"""The composition root: builds the channels, the worker and the web server around the parts, and runs them."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

import uvicorn
from fastapi import APIRouter

from bot.answers.teaching import Teaching
from bot.bootstrap import Parts
from bot.conversation import Pace
from bot.domain import Line
from bot.handoffs.consulting import Consultant
from bot.handoffs.overdue import Overdue
from bot.handoffs.suggesting import Suggesting
from bot.handoffs.tending import Tending
from bot.intake import Intake
from bot.ports import Connector
from bot.sections import HandoffSettings
from bot.settings import Company, Settings, WebSettings
from bot.storage import conversations
from bot.turn import Turns
from bot.worker import Worker
from connectors.desks import open_desks
from connectors.slacks import open_slacks, with_slack
from connectors.web.app import WebDependencies, create_app
from connectors.web.connector import WebConnector
from connectors.web.desk.board import Board
from connectors.web.desk.desk import Desk
from connectors.web.limits import Limits
from llm.errors import AnswerdeskError, SettingsError, UsageError
from retrieval.database import Database

if TYPE_CHECKING:
    from connectors.telegram.connector import TelegramConnector

log = logging.getLogger(__name__)

DRAIN_SECONDS = 10.0
"""How long answers that are being made may take to finish when the service stops."""


class Role(StrEnum):
    """What one process does of the service."""

    WEB = "web"
    """Serves the web chat, and shows there what any worker says."""
    WORKER = "worker"
    """Answers, and sends the answers to every channel."""
    TELEGRAM = "telegram"
    """Takes in what is written to the Telegram bot."""
    SLACK = "slack"
    """Lets staff work in Slack: takes in what they do there, carries it out, and keeps the threads."""


def chosen_roles(given: str | None, settings: Settings) -> frozenset[Role]:
    """The roles in a list such as `web,worker`, or all that are configured. Raises `UsageError` for any other."""
    if given is None:
        configured = {Role.TELEGRAM: _bots(settings), Role.SLACK: with_slack(settings)}
        return frozenset((Role.WEB, Role.WORKER, *(role for role, found in configured.items() if found)))
    names = [name.strip() for name in given.split(",")]
    unknown = [name for name in names if name not in set(Role)]
    if unknown:
        raise UsageError(f"--roles: there is no role {unknown[0]!r}. Any of {', '.join(Role)}, joined by commas.")
    return frozenset(map(Role, names))


def needs_address(roles: frozenset[Role], settings: Settings) -> bool:
    """Whether somebody calls this process: customers, Telegram, or Slack."""
    telegram = Role.TELEGRAM in roles and any(map(_has_webhook, settings.served))
    slack = Role.SLACK in roles and any(company.slack.mode == "http" for company in with_slack(settings))
    return Role.WEB in roles or telegram or slack


def _bots(settings: Settings) -> Sequence[Company]:
    return [company for company in settings.served if company.telegram.token]


def _has_webhook(company: Company) -> bool:
    return company.telegram.token is not None and company.telegram.mode == "webhook"


async def serve(
    database: Database,
    settings: Settings,
    roles: frozenset[Role],
    ready: Callable[[], None],
    parts: Parts | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Be these parts of the service until SIGINT or SIGTERM; what was begun is finished then.

    A worker needs `parts`. `listener` is bound already, see `needs_address`. `ready` is called once all is under way.
    """
    pace = Pace()
    for company in settings.served:
        await database.write(conversations.add_company, company.id, company.name, time.time())
    webs = {company.id: WebConnector(database, company.id) for company in settings.served}
    async with contextlib.AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(_telegram(settings, roles, database))
        connectors: dict[Line, Connector] = {(company, web.channel): web for company, web in webs.items()}
        connectors |= {(company, bot.channel): bot for company, bot in telegram.items()}
        receiving = [each for each in connectors.values() if each.channel in roles]
        worker = await _worker(parts, connectors, pace) if parts else None
        rules = {company.id: company.handoff for company in settings.served}
        beside = [Overdue(database, rules, pace), *(_for_staff(parts, rules) if parts else ())]
        wanted = Role.SLACK in roles
        slacks = await stack.enter_async_context(open_slacks(settings, database, connectors, wanted=wanted))
        routers = [*slacks.routers(), *(_webhooks(settings, telegram) if Role.TELEGRAM in roles else ())]
        desks = open_desks(settings, database, connectors) if Role.WEB in roles else {}
        sites = _sites(settings, database, webs, roles, routers, desks)
        server = _WebServer(create_app(sites), ready) if listener else None
        for each in receiving:
            await each.start(Intake(database, pace))
        await slacks.start()
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(parts.search.follow(), name="follow the documents") if parts else None
            if worker:
                tasks.create_task(worker.run(), name="worker")
            for service in beside:
                tasks.create_task(service.run(), name=type(service).__name__)
            tasks.create_task(slacks.run(), name="threads of cases")
            if server and listener:
                tasks.create_task(server.serve([listener]), name="web server")
            else:
                ready()
            with _stop_signals() as stopping:
                await stopping.wait()
                log.info("Stopping: what was begun is finished first, for up to %.0f s", DRAIN_SECONDS)
                await slacks.stop(DRAIN_SECONDS)
                for service in beside:
                    service.stop()
                await _stop(receiving, worker, server, [*webs.values(), *(desk.board for desk in desks.values())])
                if following:
                    following.cancel()


async def _stop(
    receiving: Sequence[Connector],
    worker: Worker | None,
    server: "_WebServer | None",
    pages: Iterable[WebConnector | Board],
) -> None:
    """Take nothing more in, finish the answers that are being made, and only then let the open pages go."""
    await asyncio.gather(*(each.stop() for each in receiving))
    if worker:
        await worker.stop(DRAIN_SECONDS)
    for each in pages:
        each.close()
    if server:
        server.should_exit = True


async def _worker(parts: Parts, connectors: Mapping[Line, Connector], pace: Pace) -> Worker:
    """A worker that sends by these, its models warm: the first run is slow, and not for a customer."""
    await parts.search.open()
    await asyncio.to_thread(parts.embedder.embed_queries, [parts.settings.company.name])
    gc.freeze()  # what a service is made of stays: looking through it for garbage would stop everything for 0.1 s
    rules = {company.id: company.handoff for company in parts.settings.served}
    turns = Turns(parts.database, parts.answering.answer, connectors, pace, rules=rules)
    return Worker(parts.database, turns.work, list(connectors), pace)


def _for_staff(parts: Parts, rules: Mapping[str, HandoffSettings]) -> Sequence[Consultant | Tending]:
    """What answers the questions that staff ask at any desk, and looks after their cases."""
    answer = parts.answering.answer
    suggesting = Suggesting(answer, parts.database)
    teaching = Teaching(parts.database, parts.embedder, parts.search.search)
    consultant = Consultant(parts.database, answer, parts.search.search, suggesting, teaching)
    return consultant, Tending(parts.database, suggesting, rules)


def _sites(
    settings: Settings,
    database: Database,
    webs: Mapping[str, WebConnector],
    roles: frozenset[Role],
    routers: Sequence[APIRouter],
    desks: Mapping[str, Desk],
) -> WebDependencies:
    chat = Role.WEB in roles
    first, *others = (
        WebDependencies(
            database,
            each.id,
            each.name,
            webs[each.id],
            chat=chat,
            desk=desks.get(each.id),
            limits=Limits(settings.web),
            sites=each.sites,
        )
        for each in settings.served
    )
    return replace(first, routers=routers, others=others if Role.WEB in roles else ())


@asynccontextmanager
async def _telegram(
    settings: Settings, roles: frozenset[Role], database: Database
) -> AsyncIterator[Mapping[str, "TelegramConnector"]]:
    """The Telegram bots by company, where they are needed: importing what they take costs a second and 60 MB."""
    bots = _bots(settings) if roles & {Role.WORKER, Role.TELEGRAM, Role.SLACK} else ()
    if not bots and Role.TELEGRAM in roles:
        raise SettingsError("There is no Telegram token: give one by ANSWERDESK_TELEGRAM_TOKEN.")
    if not bots:
        yield {}
        return
    from connectors.telegram.connector import open_telegram

    async with contextlib.AsyncExitStack() as stack:
        yield {
            each.id: await stack.enter_async_context(open_telegram(each.telegram, each.id, database)) for each in bots
        }


def _webhooks(settings: Settings, telegram: Mapping[str, "TelegramConnector"]) -> Sequence[APIRouter]:
    from connectors.telegram.webhook import webhook_router

    return [webhook_router(telegram[each.id]) for each in settings.served if _has_webhook(each)]


class _WebServer(uvicorn.Server):
    """Uvicorn as a part of this program: signals are not its business."""

    def __init__(self, app: object, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=3,
            )
        )
        self._ready = ready

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set; the second one breaks the work off."""
    loop, stopping, task = asyncio.get_running_loop(), asyncio.Event(), asyncio.current_task()

    def stop() -> None:
        if stopping.is_set() and task:
            task.cancel()
        stopping.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop)
    try:
        yield stopping
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)


@asynccontextmanager
async def bound(web: WebSettings) -> AsyncIterator[socket.socket]:
    """A socket bound to the web chat's address; it is asked for first, so that nothing is prepared in vain.

    Raises `AnswerdeskError` when the address can't be had.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(web.host, web.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AnswerdeskError(f"There is no address {web.host} to serve on ({error.strerror}). Try --host.") from None
    with contextlib.closing(listener):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(0)
        except PermissionError:
            raise AnswerdeskError(f"Port {web.port} needs root's rights. Choose one above 1023 with --port.") from None
        except OSError as error:
            raise AnswerdeskError(
                f"Port {web.port} of {web.host} can't be had ({error.strerror}). Is Answerdesk running there already? "
                f"Stop that one, or choose another port: --port {web.port + 1}"
            ) from None
        yield listener
