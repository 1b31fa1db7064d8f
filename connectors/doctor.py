"""What may be wrong with an installation, and what to do about it."""

import asyncio
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx

from bot.bootstrap import open_storage
from bot.settings import Company, Settings
from llm.chat import check_chat_model
from llm.embeddings import Embedder, load_embedder
from llm.errors import AnswerdeskError
from retrieval import moving, scales, store
from retrieval.database import Database
from retrieval.dense import unfound
from retrieval.errors import IndexUnavailable
from retrieval.parsing import SUFFIXES, ParserProcess
from retrieval.vectors import Place, VectorIndexes, open_indexes

LITTLE_SPACE = 1_000_000_000
NO_SPACE = 200_000_000
"""Bytes: less than the prepared embedding model and a few documents need."""
RECENTLY = 30.0
"""Seconds: what a running server noted before that is over."""
_WAIT = "Wait: answers go on meanwhile."
_AGAIN = (
    "A running server tries again by itself, and answers from keywords meanwhile where it has to. "
    "If it stays so, look at its log, at retrieval.chroma_url, and at the disk."
)


class Health(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do."""

    name: str
    status: Health
    message: str
    next: str = ""


async def examine(load: Callable[[], Settings]) -> AsyncIterator[Check]:
    """Check one thing after another; what needs settings is left out when those are wrong."""
    try:
        settings = load()
    except AnswerdeskError as error:
        yield Check("settings", Health.FAILED, str(error), "Correct it, then run answerdesk doctor again.")
        return
    names = ", ".join(f"{company.id} ({company.name})" for company in settings.served)
    yield Check("settings", Health.OK, f"Company {names}" if len(settings.served) == 1 else f"Companies {names}")
    folder = _data_folder(settings.data_dir)
    yield folder
    if folder.status is Health.FAILED:
        return
    checks: dict[str, Callable[[Settings], Awaitable[Check]]] = {
        "database": _database,
        "embedding model": _embedding,
        "vector index": _index,
        "parsers": _parsers,
        "language model": _language_model,
        "web address": _address,
    }
    if any(company.telegram.token for company in settings.served):
        checks["telegram"] = _telegram
    if any(company.slack.token for company in settings.served):
        checks["slack"] = _slack
    for name, check in checks.items():
        try:
            yield await check(settings)
        except AnswerdeskError as error:
            yield Check(name, Health.FAILED, str(error))
        except Exception as error:
            yield Check(
                name, Health.FAILED, f"{type(error).__name__}: {error}", "This is unexpected: please report it."
            )


def _data_folder(folder: Path) -> Check:
    name = "data folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check(
            name,
            Health.FAILED,
            f"{folder} can't be written to ({error.strerror}).",
            "Give access, or choose another folder with --data-dir.",
        )
    free = shutil.disk_usage(folder).free
    status = Health.FAILED if free < NO_SPACE else Health.WARNING if free < LITTLE_SPACE else Health.OK
    todo = "" if status is Health.OK else "Make room, or choose another folder with --data-dir."
    return Check(name, status, f"{folder}, {free / 1e9:.1f} GB free", todo)


async def _database(settings: Settings) -> Check:
    async with open_storage(settings) as database:
        held = [(each, await database.read(store.list_documents, each.id)) for each in settings.served]
    counts = [
        f"{len(documents)} documents, {sum(each.passages for each in documents)} passages of {company.id}"
        for company, documents in held
    ]
    message = f"{database.url} holds {'; '.join(counts)}"
    missing = [ingest_command(settings, company) for company, documents in held if not documents]
    if not missing:
        return Check("database", Health.OK, message)
    return Check("database", Health.WARNING, message, f"Take documents in: {', '.join(missing)}")


def ingest_command(settings: Settings, company: Company) -> str:
    """What takes documents of a company in."""
    return f"answerdesk ingest FOLDER{'' if company == settings.served[0] else f' --company {company.id}'}"


async def _embedding(settings: Settings) -> Check:
    embedder = await asyncio.to_thread(load_embedder, settings.embedding, settings.models)
    start = time.perf_counter()
    near, far = await asyncio.to_thread(_cosines, embedder)
    spent = (time.perf_counter() - start) * 1000
    message = f"{embedder.name}, three texts in {spent:.0f} ms"
    embedder.close()
    if near > far:
        return await _moving(settings, embedder.name, message)
    return Check(
        "embedding model",
        Health.FAILED,
        f"{message}: it finds unrelated texts nearer than related ones",
        f"Remove {settings.models}; it is prepared anew at the next start. Or choose another model.",
    )


async def _moving(settings: Settings, model: str, message: str) -> Check:
    """How far the move to this model is, and whether its confidences are calibrated."""
    name, registered = "embedding model", settings.embedding.registered()
    async with open_storage(settings) as database:
        fitted = await database.read(scales.of_model, model)
        for company in settings.served:
            if move := await database.read(moving.move_of, company.id, registered):
                said = (
                    f"{message}; {move[1]} of {move[2]} passages of {company.id} have its vectors, another one serves"
                )
                return Check(
                    name, Health.WARNING, said, "A running server goes on with that; so does: answerdesk reindex"
                )
    uncalibrated = [company.id for company in settings.served if company.id not in fitted]
    if settings.embedding.model != "packaged" and uncalibrated:
        said = f"{message}; confidences are measured for the packaged model, not for this one"
        return Check(name, Health.WARNING, said, f"answerdesk calibrate QUESTIONS --company {uncalibrated[0]}")
    return Check(name, Health.OK, message)


def _cosines(embedder: Embedder) -> tuple[float, float]:
    question = embedder.embed_queries(["How do I send an item back?"])[0]
    related, unrelated = embedder.embed_passages(
        ["You can return goods within 30 days.", "The museum opens at nine on Sundays."]
    )
    return float(question @ related), float(question @ unrelated)


async def _index(settings: Settings) -> Check:
    name = "vector index"
    async with open_storage(settings) as database:
        noted = await database.read(moving.work_noted, time.time() - RECENTLY)
        with closing(await asyncio.to_thread(open_indexes, settings.data_dir / "vectors", settings.retrieval)) as found:
            if trouble := next((each.trouble for each in noted if not each.doing), ""):
                return Check(name, Health.FAILED, f"{found.kind}: {trouble}", _AGAIN)
            if work := next((each for each in noted if each.doing), None):
                return Check(name, Health.WARNING, f"{found.kind}: {work.doing}, {work.done} of {work.of}", _WAIT)
            try:
                lost = await _lost(database, found)
            except IndexUnavailable as error:
                return Check(name, Health.FAILED, str(error), _AGAIN)
    if lost:
        return Check(name, Health.FAILED, f"{found.kind}: {lost}", _AGAIN)
    return Check(name, Health.OK, found.kind)


async def _lost(database: Database, indexes: VectorIndexes) -> str:
    """What an index holds and doesn't find; empty if it is well."""
    for (company, audience), standing in (await database.read(moving.standings)).items():
        if standing.model and not indexes.exact:
            index = await asyncio.to_thread(indexes.open, Place(company, audience, standing.model))
            if lost := await unfound(database, index, standing.model):
                return f"a stored passage doesn't find itself ({company}, {audience}, number {lost[0]})"
    return ""


async def _telegram(settings: Settings) -> Check:
    from connectors.telegram.connector import open_telegram

    names = []
    async with open_storage(settings) as database:
        for company in settings.served:
            if company.telegram.token:
                async with open_telegram(company.telegram, company.id, database) as bot:
                    names.append(f"@{await bot.name()} of {company.id}")
    return Check("telegram", Health.OK, f"Telegram knows {', '.join(names)}")


async def _parsers(settings: Settings) -> Check:
    parser = ParserProcess(settings.retrieval.parse_seconds, settings.retrieval.parse_memory_mb)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in (("a.md", "# Delivery\n\nTwo days."), ("b.html", "<h1>Delivery</h1><p>Two days.</p>")):
                file = Path(folder) / name
                file.write_text(content)
                await parser.parse(file)
    finally:
        await parser.close()
    return Check("parsers", Health.OK, f"{len(set(SUFFIXES.values()))} formats, in a process of their own")


async def _language_model(settings: Settings) -> Check:
    return Check("language model", Health.OK, await check_chat_model(settings.llm))


async def _slack(settings: Settings) -> Check:
    from connectors.slack.checking import check_slack

    said = [await check_slack(company.slack) for company in settings.served if company.slack.token]
    return Check("slack", Health.OK, "; ".join(said))


async def _address(settings: Settings) -> Check:
    web = settings.web
    try:
        with socket.create_server((web.host, web.port)):
            return Check("web address", Health.OK, f"{web.host}:{web.port} is free")
    except OSError as error:
        taken = f"{web.host}:{web.port} can't be had ({error.strerror})"
    try:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            answers = (await client.get(f"http://{web.host}:{web.port}/healthz")).json() == {"status": "ok"}
    except (httpx.HTTPError, ValueError):
        answers = False
    if answers:
        return Check("web address", Health.OK, f"A server answers at http://{web.host}:{web.port}")
    return Check("web address", Health.WARNING, taken, "Choose another with --port or ANSWERDESK_WEB_PORT.")
