"""Find the passages that answer a question: dense beside keyword search, fused, with a calibrated confidence."""

import asyncio
import logging
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from retrieval import store
from retrieval.confidence import confidence, signals_of
from retrieval.database import Database
from retrieval.embedding import embed
from retrieval.keywords import KeywordIndex
from retrieval.language import detect_language
from retrieval.passages import Audience, Found, Passage, Scored
from retrieval.settings import RetrievalSettings
from retrieval.vectors import VectorIndex, VectorIndexes

log = logging.getLogger(__name__)

KEYWORD_WEIGHT = 0.05
"""What a full keyword match adds to a cosine. Measured: docs/retrieval.md."""
BATCH = 2_000
"""Vectors moved from SQL into an index at a time."""

Key = tuple[str, Audience]


@dataclass(frozen=True, slots=True)
class _Base:
    """What is searched for one company and audience, as of one version of its knowledge."""

    version: int
    vectors: VectorIndex
    keywords: KeywordIndex


@dataclass(slots=True)
class Search:
    """Searches the knowledge of every company. One per process; safe to use from many tasks."""

    database: Database
    embedder: Embedder
    indexes: VectorIndexes
    settings: RetrievalSettings
    _bases: dict[Key, _Base] = field(default_factory=dict)
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def refresh(self) -> None:
        """Bring the indexes up to what SQL holds; cheap when nothing has changed."""
        async with self._refreshing:
            versions = await self.database.read(store.knowledge_versions)
            for key, version in versions.items():
                held = self._bases.get(key)
                if held is None or held.version != version:
                    self._bases[key] = await self._build(key, version)

    async def follow(self, seconds: float = 1.0) -> None:
        """Refresh whenever the knowledge has changed, for ever: other processes may add documents."""
        while True:
            try:
                await self.refresh()
            except Exception:  # the old indexes go on serving; the next round tries again
                log.exception("The search indexes could not be brought up to date")
            await asyncio.sleep(seconds)

    async def search(self, company: str, query: str, audience: Audience = Audience.PUBLIC, count: int = 10) -> Found:
        """The `count` best passages for a query.

        Internal askers search public and internal documents; everybody else never gets a handle to the internal ones.
        """
        audiences = (Audience.PUBLIC, Audience.INTERNAL) if audience is Audience.INTERNAL else (Audience.PUBLIC,)
        bases = [(each, self._bases[company, each]) for each in audiences if (company, each) in self._bases]
        if not bases or not query.strip():
            return Found(query, (), 0.0)
        vector = (await asyncio.to_thread(self.embedder.embed_queries, [query]))[0]
        ranked: list[Scored] = []
        for each, base in bases:
            ranked.extend(await self._search_base(company, each, base, query, vector, count))
        ranked.sort(key=lambda scored: -scored.score)
        signals = signals_of(ranked, detect_language(query))
        return Found(query, tuple(ranked[:count]), confidence(signals), signals)

    async def _search_base(
        self, company: str, audience: Audience, base: _Base, query: str, vector: NDArray[np.float32], count: int
    ) -> list[Scored]:
        wanted = max(self.settings.candidates, count)

        def candidates() -> tuple[NDArray[np.float32], list[int]]:
            scores = base.keywords.scores(query)
            near = base.vectors.nearest(vector, wanted)
            return scores, list(dict.fromkeys([*near, *base.keywords.best(scores, wanted)]))

        scores, serials = await asyncio.to_thread(candidates)
        vectors, passages = await self.database.read(store.candidates, company, audience, self.embedder.name, serials)
        scored = [
            _fuse(passage, float(vectors[serial] @ vector), base.keywords.score_of(scores, serial))
            for serial, passage in passages.items()
            if serial in vectors
        ]
        return sorted(scored, key=lambda each: -each.score)

    async def _build(self, key: Key, version: int) -> _Base:
        """Bring the vector index in line with SQL and build the keyword index anew."""
        rows = await self.database.read(store.numbered_passages, *key)
        vectors = await asyncio.to_thread(self.indexes.open, *key)
        stale, new = await asyncio.to_thread(_difference, vectors, rows)
        await asyncio.to_thread(vectors.remove, stale)
        for start in range(0, len(new), BATCH):
            part = new[start : start + BATCH]
            await asyncio.to_thread(vectors.add, await self._vectors(rows, part))
        keywords = await asyncio.to_thread(
            KeywordIndex, list(rows), [f"{passage.heading}\n{passage.text}" for passage in rows.values()]
        )
        return _Base(version, vectors, keywords)

    async def _vectors(self, rows: dict[int, Passage], serials: list[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors of these passages; those that another embedding model made are made anew by this one."""
        held = await self.database.read(store.vectors_of, self.embedder.name, serials)
        missing = [serial for serial in serials if serial not in held]
        if missing:
            log.info("Embedding %d passages with %s", len(missing), self.embedder.name)
            made = await asyncio.to_thread(embed, self.embedder, [rows[serial] for serial in missing])
            fresh = dict(zip(missing, made, strict=True))
            await self.database.write(store.put_vectors, self.embedder.name, fresh)
            held |= fresh
        return held


def _fuse(passage: Passage, cosine: float, keyword: float) -> Scored:
    return Scored(passage, score=cosine + KEYWORD_WEIGHT * keyword, cosine=cosine, keyword=keyword)


def _difference(index: VectorIndex, rows: dict[int, Passage]) -> tuple[list[int], list[int]]:
    """What the index holds too much, and what it lacks."""
    held = index.serials()
    return sorted(held - rows.keys()), sorted(rows.keys() - held)
