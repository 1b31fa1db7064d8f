"""`/metrics` for Prometheus, at an address of its own: what it tells is for the company, not for its customers."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from bot import metrics
from bot.settings import Settings
from bot.storage.standing import Standing, standings
from llm.errors import AnswerdeskError
from llm.telemetry import duration, meter
from retrieval.database import Database
from retrieval.errors import StoreUnavailable

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""How often the event loop is asked how late it is."""

_conversations = meter.create_gauge("answerdesk.conversations", description="Conversations that are due, or held.")
_oldest_due = meter.create_gauge("answerdesk.conversations.oldest.due", "s", "For how long a conversation is due.")
_handoffs = meter.create_gauge("answerdesk.handoffs", description="Open cases: waiting, claimed or snoozed.")
_oldest_handoff = meter.create_gauge("answerdesk.handoffs.oldest.waiting", "s", "For how long a customer waits.")
_database_up = meter.create_gauge("answerdesk.database.up", description="Whether the database could be read.")
_writing = meter.create_gauge("answerdesk.database.writing", description="Writes that wait, or are under way.")
_lag = duration("answerdesk.event.loop.lag", "How much later than it should the event loop came to something.")


@asynccontextmanager
async def scraped(settings: Settings, database: Database) -> AsyncIterator[None]:
    """Serve metrics at the address in the settings, if there is one. Raises `AnswerdeskError` when it can't be had."""
    address = settings.telemetry.metrics_address
    if address is None:
        yield
        return
    channels = {company.id: ["web", *(["telegram"] if company.telegram.token else [])] for company in settings.served}
    metrics.begin((company, channel) for company, each in channels.items() for channel in each)
    watching = asyncio.create_task(_watch_the_loop(), name="watch the event loop")
    try:
        async with _serving(address, database, list(channels)):
            yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


@asynccontextmanager
async def _serving(address: str, database: Database, companies: Sequence[str]) -> AsyncIterator[None]:
    from aiohttp import web
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    async def told(_request: web.Request) -> web.Response:
        await _look(database, companies)
        body = await asyncio.to_thread(generate_latest)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", told)
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except (OSError, OverflowError) as error:
            raise AnswerdeskError(
                f"Metrics can't be served at {address} ({error}). Give this process another "
                "ANSWERDESK_TELEMETRY_METRICS_ADDRESS."
            ) from None
        yield
    finally:
        await runner.cleanup()


async def _look(database: Database, companies: Sequence[str]) -> None:
    """Bring what is told of the database up to date."""
    _writing.set(database.writing)
    try:
        found = await database.read(standings, companies, time.time())
    except StoreUnavailable as error:
        log.warning("metrics lack what is in the database: %s", error)
        _database_up.set(0)
        return
    _database_up.set(1)
    for company, standing in found.items():
        _tell(company, standing)


def _tell(company: str, standing: Standing) -> None:
    labels = {"company": company}
    _oldest_due.set(standing.oldest_due, labels)
    _oldest_handoff.set(standing.oldest_waiting, labels)
    for state in ("due", "held"):
        _conversations.set(getattr(standing, state), labels | {"state": state})
    for state in ("waiting", "claimed", "snoozed"):
        _handoffs.set(getattr(standing, state), labels | {"state": state})


async def _watch_the_loop() -> None:
    clock = asyncio.get_running_loop().time
    with suppress(asyncio.CancelledError):
        while True:
            due = clock() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            _lag.record(max(0.0, clock() - due))
