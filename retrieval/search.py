"""Find the passages that answer a question: dense beside keyword search, fused, with a calibrated confidence."""

import asyncio
import logging
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from retrieval import store
from retrieval.confidence import confidence, signals_of
from retrieval.database import Database
from retrieval.embedding import embed
from retrieval.errors import IndexUnavailable
from retrieval.keywords import KeywordIndex
from retrieval.language import detect_language
from retrieval.passages import Audience, Found, Passage, Scored
from retrieval.settings import RetrievalSettings
from retrieval.vectors import Vector, VectorIndex, VectorIndexes, key_of, serial_of

log = logging.getLogger(__name__)

KEYWORD_WEIGHT = 0.05
"""What a full keyword match adds to a cosine. Measured: docs/retrieval.md."""
BATCH = 2_000
"""Passages and vectors read from SQL at a time."""
EMBED_TOGETHER = 256
"""Passages embedded anew at a time: when that is broken off, what is done stays done."""
OUTDATED = -1

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
            try:
                await self._rebuild_outdated()
            except IndexUnavailable as error:
                await self._start_anew(error)

    async def _rebuild_outdated(self) -> None:
        for key, version in (await self.database.read(store.knowledge_versions)).items():
            held = self._bases.get(key)
            if held is None or held.version != version:
                self._bases[key] = await self._build(key, version)

    async def _start_anew(self, error: IndexUnavailable) -> None:
        log.error("The vector index is built anew from the database: %s", error)
        await asyncio.to_thread(self.indexes.start_anew)
        self._bases = {key: replace(base, version=OUTDATED) for key, base in self._bases.items()}
        await self._rebuild_outdated()

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
        if not query.strip():
            return Found(query, (), 0.0)
        audiences = (Audience.PUBLIC, Audience.INTERNAL) if audience is Audience.INTERNAL else (Audience.PUBLIC,)
        vector = (await asyncio.to_thread(self.embedder.embed_queries, [query]))[0]
        ranked: list[Scored] = []
        for each in audiences:
            ranked.extend(await self._search_one((company, each), query, vector, count))
        ranked.sort(key=lambda scored: -scored.score)
        signals = signals_of(ranked, detect_language(query))
        return Found(query, tuple(ranked[:count]), confidence(signals), signals)

    async def _search_one(self, key: Key, query: str, vector: NDArray[np.float32], count: int) -> list[Scored]:
        """What one company and audience has. An index that is broken, or behind SQL, is first brought up."""
        if (base := self._bases.get(key)) is None:
            return []
        try:
            scored, behind = await self._candidates(key, base, query, vector, count)
        except IndexUnavailable as error:
            await self._replace(key, base, error)
        else:
            if not behind:
                return scored
            await self.refresh()
        scored, _ = await self._candidates(key, self._bases[key], query, vector, count)
        return scored

    async def _replace(self, key: Key, broken: _Base, error: IndexUnavailable) -> None:
        async with self._refreshing:
            if self._bases[key] is broken:  # else another search was faster
                await self._start_anew(error)

    async def _candidates(
        self, key: Key, base: _Base, query: str, vector: NDArray[np.float32], count: int
    ) -> tuple[list[Scored], bool]:
        """What comes near the query, and whether passages that the indexes hold are gone from SQL."""
        wanted = max(self.settings.candidates, count)

        def candidates() -> tuple[NDArray[np.float32], list[int]]:
            scores = base.keywords.scores(query)
            near = map(serial_of, base.vectors.nearest(vector, wanted))
            return scores, list(dict.fromkeys([*near, *base.keywords.best(scores, wanted)]))

        scores, serials = await asyncio.to_thread(candidates)
        vectors, passages = await self.database.read(store.candidates, *key, self.embedder.name, serials)
        scored = [
            _fuse(passage, float(vectors[serial] @ vector), base.keywords.score_of(scores, serial))
            for serial, passage in passages.items()
            if serial in vectors
        ]
        return sorted(scored, key=lambda each: -each.score), len(passages) < len(serials)

    async def _build(self, key: Key, version: int) -> _Base:
        """Bring the vector index in line with SQL and build the keyword index anew."""
        rows = await self._rows(key)
        keys = await asyncio.to_thread(lambda: {key_of(serial, passage): serial for serial, passage in rows.items()})
        vectors = await asyncio.to_thread(self.indexes.open, *key)
        held = await asyncio.to_thread(vectors.held)
        await asyncio.to_thread(vectors.remove, sorted(held - keys.keys()))
        new = [each for each in keys if each not in held]
        for start in range(0, len(new), BATCH):
            part = {each: keys[each] for each in new[start : start + BATCH]}
            made = await self._vectors(key[0], rows, list(part.values()))
            await asyncio.to_thread(
                vectors.add, {each: made[serial] for each, serial in part.items() if serial in made}
            )
        keywords = await asyncio.to_thread(
            KeywordIndex, list(rows), [f"{passage.heading}\n{passage.text}" for passage in rows.values()]
        )
        return _Base(version, vectors, keywords)

    async def _rows(self, key: Key) -> dict[int, Passage]:
        """All passages, some at a time: on PostgreSQL they pass through the event loop."""
        rows: dict[int, Passage] = {}
        while part := await self.database.read(store.numbered_passages, *key, max(rows, default=0), BATCH):
            rows |= part
        return rows

    async def _vectors(self, company: str, rows: dict[int, Passage], serials: list[int]) -> dict[int, Vector]:
        """The vectors of these passages; those that another embedding model made are made anew by this one."""
        held = await self.database.read(store.vectors_of, self.embedder.name, serials)
        missing = [serial for serial in serials if serial not in held]
        for start in range(0, len(missing), EMBED_TOGETHER):
            part = missing[start : start + EMBED_TOGETHER]
            log.info("Embedding %d of %d passages with %s", len(part), len(missing), self.embedder.name)
            made = await asyncio.to_thread(embed, self.embedder, [rows[serial] for serial in part])
            fresh = dict(zip(part, made, strict=True))
            await self.database.write(store.put_vectors, company, self.embedder.name, fresh)
            held |= fresh
        return held


def _fuse(passage: Passage, cosine: float, keyword: float) -> Scored:
    return Scored(passage, score=cosine + KEYWORD_WEIGHT * keyword, cosine=cosine, keyword=keyword)
