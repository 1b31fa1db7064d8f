"""The composition root: builds the channels, the worker and the web server around the parts, and runs them."""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

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
from llm.errors import AnswerdeskError
from retrieval import store
from retrieval.database import Database
from retrieval.ingest import Report
from retrieval.passages import Audience

log = logging.getLogger(__name__)

DRAIN_SECONDS = 10.0
"""How long answers that are being made may take to finish when the service stops."""
EXAMPLES = Path(__file__).parents[1] / "examples"
SAMPLE = {Audience.PUBLIC: EXAMPLES / "halden-bikes", Audience.INTERNAL: EXAMPLES / "halden-bikes-internal"}
"""The sample company's documents, by who may see them."""
SAMPLE_NAME = "Halden Bikes"

IngestProgress = Callable[[str, int, int], None]


async def serve(parts: Parts, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve the web chat and answer what is asked there, until SIGINT or SIGTERM; what was begun is finished then.

    `listener` is bound already; `ready` is called when the chat can be opened.
    """
    database, company, pace = parts.database, parts.settings.company, Pace()
    await database.write(conversations.add_company, company.id, company.name, time.time())
    await parts.search.refresh()
    await asyncio.to_thread(parts.embedder.embed_queries, [company.name])  # the first run is slow: not for a customer
    web, intake = WebConnector(database, company.id), Intake(database, pace)
    async with _telegram(parts.settings, database) as (telegram, routers):
        connectors: dict[str, Connector] = {each.channel: each for each in (web, *telegram)}
        turns = Turns(database, parts.answering.answer, connectors, pace)
        worker = Worker(database, turns.work, list(connectors), pace)
        server = _WebServer(create_app(WebDependencies(database, company.id, company.name, web, routers)), ready)
        for each in connectors.values():
            await each.start(intake)
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(parts.search.follow(), name="follow the documents")
            tasks.create_task(worker.run(), name="worker")
            tasks.create_task(server.serve([listener]), name="web server")
            with _stop_signals() as stopping:
                await stopping.wait()
                log.info("Stopping: what was begun is finished first, for up to %.0f s", DRAIN_SECONDS)
                await asyncio.gather(*(each.stop() for each in connectors.values()))
                await worker.stop(DRAIN_SECONDS)
                web.close()
                server.should_exit = True
                following.cancel()


@asynccontextmanager
async def _telegram(
    settings: Settings, database: Database
) -> AsyncIterator[tuple[Sequence[Connector], Sequence[APIRouter]]]:
    """The Telegram bot, if there is a token: importing what it takes costs two seconds and 140 MB."""
    if settings.telegram.token is None:
        yield (), ()
        return
    from connectors.telegram.connector import open_telegram
    from connectors.telegram.webhook import webhook_router

    async with open_telegram(settings.telegram, settings.company.id, database) as connector:
        yield (connector,), (webhook_router(connector),) if settings.telegram.mode == "webhook" else ()


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
