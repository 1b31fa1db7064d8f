"""The composition root: builds the channels, the worker and the web server around the parts, and runs them."""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import APIRouter

from bot.bootstrap import Parts
from bot.conversation import Pace
from bot.intake import Intake
from bot.ports import Connector
from bot.settings import Settings, StorageSettings, TelegramSettings, WebSettings
from bot.storage import conversations
from bot.turn import Turns
from bot.worker import Worker
from connectors.web.app import WebDependencies, create_app
from connectors.web.connector import WebConnector
from llm.errors import AnswerdeskError, UsageError
from retrieval import store
from retrieval.database import Database
from retrieval.ingest import Report
from retrieval.passages import Audience

if TYPE_CHECKING:
    from connectors.telegram.connector import TelegramConnector

log = logging.getLogger(__name__)

DRAIN_SECONDS = 10.0
"""How long answers that are being made may take to finish when the service stops."""
EXAMPLES = Path(__file__).parents[1] / "examples"
SAMPLE = {Audience.PUBLIC: EXAMPLES / "halden-bikes", Audience.INTERNAL: EXAMPLES / "halden-bikes-internal"}
"""The sample company's documents, by who may see them."""
SAMPLE_NAME = "Halden Bikes"

IngestProgress = Callable[[str, int, int], None]


class Role(StrEnum):
    """What one process does of the service."""

    WEB = "web"
    """Serves the web chat, and shows there what any worker says."""
    WORKER = "worker"
    """Answers, and sends the answers to every channel."""
    TELEGRAM = "telegram"
    """Takes in what is written to the Telegram bot."""


def chosen_roles(given: str | None, settings: Settings) -> frozenset[Role]:
    """The roles in a list such as `web,worker`, or all that are configured. Raises `UsageError` for any other."""
    if given is None:
        return frozenset(Role) if settings.telegram.token else frozenset((Role.WEB, Role.WORKER))
    names = [name.strip() for name in given.split(",")]
    unknown = [name for name in names if name not in set(Role)]
    if unknown:
        raise UsageError(f"--roles: there is no role {unknown[0]!r}. Any of {', '.join(Role)}, joined by commas.")
    return frozenset(map(Role, names))


def needs_address(roles: frozenset[Role], settings: Settings) -> bool:
    """Whether somebody calls this process: customers, or Telegram."""
    return Role.WEB in roles or (Role.TELEGRAM in roles and settings.telegram.mode == "webhook")


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
    company, pace = settings.company, Pace()
    await database.write(conversations.add_company, company.id, company.name, time.time())
    web = WebConnector(database, company.id)
    async with _telegram(settings, roles, database) as telegram:
        connectors: Sequence[Connector] = (web, *telegram)
        receiving = [each for each in connectors if each.channel in roles]
        worker = await _worker(parts, connectors, pace) if parts else None
        routers = _webhooks(telegram) if Role.TELEGRAM in roles and settings.telegram.mode == "webhook" else ()
        site = WebDependencies(database, company.id, company.name, web, routers, chat=Role.WEB in roles)
        server = _WebServer(create_app(site), ready) if listener else None
        for each in receiving:
            await each.start(Intake(database, pace))
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(parts.search.follow(), name="follow the documents") if parts else None
            if worker:
                tasks.create_task(worker.run(), name="worker")
            if server and listener:
                tasks.create_task(server.serve([listener]), name="web server")
            else:
                ready()
            with _stop_signals() as stopping:
                await stopping.wait()
                log.info("Stopping: what was begun is finished first, for up to %.0f s", DRAIN_SECONDS)
                await asyncio.gather(*(each.stop() for each in receiving))
                if worker and following:
                    await worker.stop(DRAIN_SECONDS)
                    following.cancel()
                web.close()
                if server:
                    server.should_exit = True


async def _worker(parts: Parts, connectors: Sequence[Connector], pace: Pace) -> Worker:
    """A worker that sends by these, its models warm: the first run is slow, and not for a customer."""
    await parts.search.refresh()
    await asyncio.to_thread(parts.embedder.embed_queries, [parts.settings.company.name])
    lines = {(parts.settings.company.id, each.channel): each for each in connectors}
    turns = Turns(parts.database, parts.answering.answer, lines, pace)
    return Worker(parts.database, turns.work, list(lines), pace)


@asynccontextmanager
async def _telegram(
    settings: Settings, roles: frozenset[Role], database: Database
) -> AsyncIterator[Sequence["TelegramConnector"]]:
    """The Telegram bot, where there is a token and it is needed: importing what it takes costs a second and 60 MB."""
    needed = Role.TELEGRAM in roles or (Role.WORKER in roles and settings.telegram.token is not None)
    if not needed:
        yield ()
        return
    from connectors.telegram.connector import open_telegram

    async with open_telegram(settings.telegram, settings.company.id, database) as connector:
        yield (connector,)


def _webhooks(telegram: Sequence["TelegramConnector"]) -> Sequence[APIRouter]:
    from connectors.telegram.webhook import webhook_router

    return [webhook_router(each) for each in telegram]


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


def demo_settings(settings: Settings) -> Settings:
    """The same settings for the sample company, whose data stays apart from the user's own.

    Raises `AnswerdeskError` where the sample isn't there.
    """
    if not all(folder.is_dir() for folder in SAMPLE.values()):
        raise AnswerdeskError(
            f"The sample company comes with the source code, and isn't in {EXAMPLES}. Clone the repository and run "
            "`make run` there, or begin with your own documents: answerdesk ingest FOLDER, then answerdesk serve."
        )
    return settings.model_copy(
        update={
            "data_dir": settings.data_dir / "demo",
            "models_dir": settings.models,
            "storage": StorageSettings(),
            "telegram": TelegramSettings(),
            "company": settings.company.model_copy(update={"name": SAMPLE_NAME}),
        }
    )


async def load_sample(parts: Parts, progress: IngestProgress) -> list[Report]:
    """Take in the sample company's documents, and take out those of another checkout; returns what failed."""
    company = parts.settings.company.id
    for document in await parts.database.read(store.list_documents, company):
        if not Path(document.source).is_relative_to(EXAMPLES):
            await parts.database.write(store.remove_document, company, document.id)
    failed: list[Report] = []
    for audience, folder in SAMPLE.items():
        step = f"Loading the sample company's {audience} documents"
        ingestion = parts.ingestion(company, audience)
        async for report in ingestion.run([folder], lambda done, total, _, step=step: progress(step, done, total)):
            failed += [report] if report.error else []
    return failed
