"""Builds the working parts from settings, and takes them down again: the one place that knows how they fit."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from threadpoolctl import ThreadpoolController

from bot.answers.answering import Answerer, Answering
from bot.answers.extracting import Extracting
from bot.domain import Question
from bot.metrics import spending
from bot.settings import Settings
from bot.storage.migrate import migrate
from llm.chat import ChatModel, Listener, load_chat_model
from llm.embeddings import Embedder, load_embedder
from llm.reranking import load_reranker
from llm.settings import EmbeddingSettings
from retrieval import store
from retrieval.database import Database, open_database
from retrieval.embedders import Embedders
from retrieval.ingest import Ingestion
from retrieval.parsing import ParserProcess
from retrieval.passages import Audience, Passage
from retrieval.search import Search
from retrieval.vectors import VectorIndexes, open_indexes

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that answers questions and takes in documents."""

    settings: Settings
    database: Database
    embedder: Embedder
    indexes: VectorIndexes
    search: Search
    answering: Answering
    parser: ParserProcess

    def ingestion(self, company: str, audience: Audience) -> Ingestion:
        """What takes documents into one company's knowledge, for one audience."""
        return Ingestion(
            self.database, self.embedder, self.parser.parse, company, audience, self.settings.retrieval.max_file_mb
        )


@contextlib.asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Database]:
    """The database, its tables up to date. Raises `StoreUnavailable` and `SettingsError`."""
    database = await open_database(settings.database_url)
    try:
        await migrate(database)
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def open_parts(settings: Settings, progress: Progress | None = None) -> AsyncIterator[Parts]:
    """All parts, wired. `progress` hears of the embedding model's conversion, which the first start does."""
    _multiply_on_one_thread()
    async with open_storage(settings) as database, contextlib.AsyncExitStack() as opened:
        indexes = await asyncio.to_thread(open_indexes, settings.data_dir / "vectors", settings.retrieval)
        opened.push_async_callback(asyncio.to_thread, indexes.close)
        embedding = embedding_beside(settings.embedding, indexes)
        embedder = await asyncio.to_thread(load_embedder, embedding, settings.models, progress)
        embedders = Embedders(embedder, embedding.registered(), lambda given: _load_again(settings, given))
        opened.callback(embedders.close)
        await embedders.register(database)
        listen = _spending(settings) if settings.llm.endpoints else None
        model = await asyncio.to_thread(load_chat_model, settings.llm, listen)  # its first import takes seconds
        if model:
            opened.push_async_callback(model.close)
        reranker = await asyncio.to_thread(load_reranker, settings.reranking)
        if reranker:
            opened.push_async_callback(asyncio.to_thread, reranker.close)
        parser = ParserProcess(settings.retrieval.parse_seconds, settings.retrieval.parse_memory_mb)
        opened.push_async_callback(parser.close)
        search = Search(
            database, embedder, indexes, settings.retrieval, reranker, settings.reranking.passages, embedders
        )
        answerers = _answerers(settings, database, embedder, model)
        languages = {company.id: company.language for company in settings.served}
        answering = Answering(search, answerers, settings.answering, languages, model)
        yield Parts(settings, database, embedder, indexes, search, answering, parser)


def embedding_beside(settings: EmbeddingSettings, indexes: VectorIndexes) -> EmbeddingSettings:
    """Leave half of the cores to a service that owns the indexes: it answers customers meanwhile."""
    if settings.threads or not indexes.exact:
        return settings
    return settings.model_copy(update={"threads": max(1, (os.cpu_count() or 1) // 2)})


def _multiply_on_one_thread() -> None:
    """Keep NumPy's OpenBLAS from dealing each product to all cores.

    10,000 cosines take 0.2 ms. Threads that wait for one another take 4 ms for them on a busy machine, and the cores
    from everybody else.
    """
    ThreadpoolController().select(internal_api="openblas").limit(limits=1)


def _spending(settings: Settings) -> Listener:
    """What counts tokens, for the company whose prompts the endpoint caches under their salt."""
    from bot.answers.prompt import cache_salt  # here, not above, as below

    questions = [Question(company.id, "", audience) for company in settings.served for audience in Audience]
    return spending(settings.llm, {cache_salt(each): each.company for each in questions})


def _load_again(settings: Settings, registered: str) -> Embedder:
    """An embedding model that served before the settings named another one."""
    return load_embedder(settings.embedding.of_registered(registered), settings.models)


def _answerers(
    settings: Settings, database: Database, embedder: Embedder, model: ChatModel | None
) -> tuple[Answerer, ...]:
    extracting = Extracting(embedder, settings.answering.answers_from)
    if model is None:
        return (extracting,)

    async def version(company: str, audience: Audience) -> int:
        return await database.read(store.knowledge_version, company, audience)

    async def passages(company: str, audience: Audience, ids: Sequence[str]) -> Mapping[str, Passage]:
        return await database.read(store.passages_by_id, company, audience, ids)

    from bot.answers.generated import Generating  # here, not above: it weighs 60 MB, and extracting needs none of it

    # A model may say that the passages don't answer, so it is asked where extracting would not dare.
    voices = {company.id: company.voice for company in settings.served}
    generating = Generating(model, voices, version, passages, embedder=embedder, needs=settings.answering.clarify_above)
    return generating, extracting
