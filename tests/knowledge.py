"""Documents, their indexes and their search, over a folder: real SQL, real Chroma, the real embedding model."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from retrieval import store
from retrieval.database import Database
from retrieval.ingest import Ingestion, Report
from retrieval.parsing import parse_file
from retrieval.passages import Audience, Document, ParsedDocument, Passage
from retrieval.search import Search
from retrieval.settings import RetrievalSettings
from retrieval.vectors import VectorIndexes, open_indexes
from tests.stores import opened, sqlite_url

COMPANY = "acme"


@dataclass
class Witness:
    """The embedding model, and what it was given to embed."""

    model: Embedder
    passages: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def dimensions(self) -> int:
        return self.model.dimensions

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.model.embed_queries(texts)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.passages.extend(texts)
        return self.model.embed_passages(texts)

    def count_tokens(self, text: str) -> int:
        return self.model.count_tokens(text)


@dataclass
class Knowledge:
    """What `bot.bootstrap` wires, less the parts that talk; with what was parsed and embedded."""

    database: Database
    embedder: Witness
    indexes: VectorIndexes
    search: Search
    parsed: list[str] = field(default_factory=list)
    """Names of the files that were parsed, in order."""

    async def parse(self, path: Path) -> Sequence[ParsedDocument]:
        self.parsed.append(path.name)
        return await asyncio.to_thread(parse_file, path)

    def ingestion(self, company: str = COMPANY, audience: Audience = Audience.PUBLIC, max_mb: int = 50) -> Ingestion:
        return Ingestion(self.database, self.embedder, self.parse, company, audience, max_mb)

    async def ingest(
        self, *paths: Path, company: str = COMPANY, audience: Audience = Audience.PUBLIC, max_mb: int = 50
    ) -> list[Report]:
        return [report async for report in self.ingestion(company, audience, max_mb).run(paths)]

    async def documents(self, company: str = COMPANY, audience: Audience | None = None) -> list[Document]:
        return await self.database.read(store.list_documents, company, audience)

    async def texts(self, document: str, company: str = COMPANY, audience: Audience = Audience.PUBLIC) -> list[str]:
        found = await self.database.read(store.passages_of_document, company, audience, document)
        return [passage.text for passage in found]

    async def found(
        self, query: str, company: str = COMPANY, audience: Audience = Audience.PUBLIC, count: int = 10
    ) -> list[str]:
        """The texts that a search finds, best first, once the indexes are up to date."""
        await self.search.refresh()
        result = await self.search.search(company, query, audience, count)
        return [scored.passage.text for scored in result.passages]


@contextlib.asynccontextmanager
async def open_knowledge(
    folder: Path, embedder: Embedder, url: str = "", index: RetrievalSettings | None = None
) -> AsyncIterator[Knowledge]:
    """Open, or make, what is kept in the folder; in another database, or at a Chroma server, where these are given."""
    witness = Witness(embedder)
    async with opened(url or sqlite_url(folder)) as database:
        indexes = await asyncio.to_thread(open_indexes, folder / "vectors", index)
        search = Search(database, witness, indexes, RetrievalSettings())
        try:
            yield Knowledge(database, witness, indexes, search)
        finally:
            await asyncio.to_thread(indexes.close)


def statuses(reports: Iterable[Report]) -> list[tuple[str | None, str]]:
    """Each document with what became of it."""
    return [(report.id, report.status.value) for report in reports]


def write_records(path: Path, *records: dict[str, Any]) -> Path:
    """A JSON-lines file."""
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def record(id: str, text: str, **more: Any) -> dict[str, Any]:  # noqa: A002
    """A line of a JSON-lines file."""
    return {"id": id, "text": text, **more}


def some_passage(document: str, position: int = 0, text: str = "Some text.", question: str = "") -> Passage:
    """A passage of a document."""
    return Passage(f"{document}#{position}", document, position, document.title(), text, question, language="en")


def some_document(id: str, company: str = COMPANY, audience: Audience = Audience.PUBLIC, text: str = "") -> Document:  # noqa: A002
    """A document of a source of its own."""
    return Document(id, company, audience, f"/files/{id}", id.title(), "en", "", text, 1, 0.0)


def some_vector(seed: int, dimensions: int = 384) -> NDArray[np.float32]:
    """A unit vector, the same for the same seed."""
    vector = np.random.default_rng(seed).normal(size=dimensions).astype(np.float32)
    unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
    return unit


def embedded(document: str, *texts: str, seed: int = 0) -> list[store.Embedded]:
    """Passages with made-up vectors."""
    return [
        store.Embedded(some_passage(document, position, text), some_vector(seed + position))
        for position, text in enumerate(texts)
    ]
