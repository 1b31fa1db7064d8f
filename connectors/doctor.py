"""What may be wrong with an installation, and what to do about it."""

import asyncio
import os
import shutil
import socket
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, SecretStr

from bot.bootstrap import open_storage
from bot.settings import CONFIG_FILE, PREFIX, Settings, holds
from llm.chat import check_chat_model
from llm.embeddings import Embedder, load_embedder
from llm.errors import AnswerdeskError
from retrieval import store
from retrieval.database import Database
from retrieval.parsing import SUFFIXES, ParserProcess
from retrieval.passages import Audience
from retrieval.vectors import VectorIndex, open_indexes, serial_of

LITTLE_SPACE = 1_000_000_000
NO_SPACE = 200_000_000
"""Bytes: less than the prepared embedding model and a few documents need."""
SAMPLE = 5
"""Passages that are looked for."""
SAME = 0.99
"""A cosine above which two passages say the same: either may be found for the other."""


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
    yield Check("settings", Health.OK, f"Company {settings.company.id} ({settings.company.name})")
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
        held = await database.read(store.list_documents, settings.company.id)
    passages = sum(document.passages for document in held)
    message = f"{database.url} holds {len(held)} documents, {passages} passages of {settings.company.id}"
    if held:
        return Check("database", Health.OK, message)
    return Check("database", Health.WARNING, message, "Take documents in: answerdesk ingest FOLDER")


async def _embedding(settings: Settings) -> Check:
    embedder = await asyncio.to_thread(load_embedder, settings.embedding, settings.models)
    start = time.perf_counter()
    near, far = await asyncio.to_thread(_cosines, embedder)
    spent = (time.perf_counter() - start) * 1000
    message = f"{embedder.name}, three texts in {spent:.0f} ms"
    if near > far:
        return Check("embedding model", Health.OK, message)
    return Check(
        "embedding model",
        Health.FAILED,
        f"{message}: it finds unrelated texts nearer than related ones",
        f"Remove {settings.models}; it is prepared anew at the next start. Or choose another model.",
    )


def _cosines(embedder: Embedder) -> tuple[float, float]:
    question = embedder.embed_queries(["How do I send an item back?"])[0]
    related, unrelated = embedder.embed_passages(
        ["You can return goods within 30 days.", "The museum opens at nine on Sundays."]
    )
    return float(question @ related), float(question @ unrelated)


async def _index(settings: Settings) -> Check:
    embedder = await asyncio.to_thread(load_embedder, settings.embedding, settings.models)
    with closing(await asyncio.to_thread(open_indexes, settings.data_dir / "vectors", embedder.name)) as indexes:
        async with open_storage(settings) as database:
            for audience in Audience:
                index = await asyncio.to_thread(indexes.open, settings.company.id, audience)
                lost = await _not_found(database, index, embedder.name)
                if lost:
                    return Check(
                        "vector index",
                        Health.FAILED,
                        f"{indexes.kind}: a stored passage doesn't find itself ({audience}, number {lost[0]})",
                        f"Stop all servers and remove {settings.data_dir / 'vectors'}: the next start rebuilds it.",
                    )
    return Check("vector index", Health.OK, indexes.kind)


async def _not_found(database: Database, index: VectorIndex, model: str) -> list[int]:
    """Of a few passages that the index holds, those that a search for their own vector doesn't find."""
    held = sorted(map(serial_of, await asyncio.to_thread(index.held)))[:SAMPLE]
    own = await database.read(store.vectors_of, model, held)
    lost = []
    for serial, vector in own.items():
        nearest = [serial_of(key) for key in await asyncio.to_thread(index.nearest, vector, SAMPLE)]
        found = await database.read(store.vectors_of, model, nearest)
        if not any(float(each @ vector) > SAME for each in found.values()):
            lost.append(serial)
    return lost


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


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting, and where its value comes from."""

    name: str
    value: str | int | float | None
    source: str
    description: str


def origins(settings: Settings, config: Path | None, overrides: Mapping[str, Any]) -> list[Origin]:
    """Every setting with its value, secrets masked."""
    path = config or Path(os.environ.get("ANSWERDESK_CONFIG", CONFIG_FILE))
    written = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return [
        Origin(name, _shown(value), _source(name, path, written, overrides), description)
        for name, value, description in _values(settings)
    ]


def _values(settings: BaseModel, section: str = "") -> Iterator[tuple[str, Any, str]]:
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _values(value, f"{section}{name}.")
        elif isinstance(value, Mapping):
            for key, each in value.items():
                yield from _values(each, f"{section}{name}.{key}.")
        else:
            yield f"{section}{name}", value, info.description or ""


def _shown(value: Any) -> str | int | float | None:
    if isinstance(value, SecretStr):
        return "********"
    return value if isinstance(value, int | float | None) else str(value)


def _source(name: str, path: Path, written: Mapping[str, Any], overrides: Mapping[str, Any]) -> str:
    variable = PREFIX + name.replace(".", "_").replace("-", "_").upper()
    if holds(overrides, name):
        return "the command line"
    if os.environ.get(variable):
        return variable
    if os.environ.get(f"{variable}_FILE"):
        return f"{variable}_FILE"
    return str(path) if holds(written, name) else "default"
