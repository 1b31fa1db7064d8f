"""Find the passages that answer a question: dense beside keyword search, fused, with a calibrated confidence."""

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from llm.errors import ModelError
from llm.reranking import Reranker
from llm.telemetry import duration, span
from retrieval import store
from retrieval.asking import Asked, ask
from retrieval.confidence import Scale, confidence, signals_of
from retrieval.crossing import Bridge, Mixture
from retrieval.database import Database
from retrieval.embedding import embed
from retrieval.errors import IndexUnavailable
from retrieval.fusing import fuse, reorder
from retrieval.keywords import KeywordIndex
from retrieval.passages import Audience, Found, Passage, Scored
from retrieval.settings import RetrievalSettings
from retrieval.vectors import Vector, VectorIndex, VectorIndexes, key_of, serial_of

log = logging.getLogger(__name__)

BATCH = 2_000
"""Passages and vectors read from SQL at a time."""
EMBED_TOGETHER = 256
"""Passages embedded anew at a time: when that is broken off, what is done stays done."""
FEWEST = 20
"""Candidates of each part of a long question."""
SAMPLE = 200
"""Passages of a language that its mean is taken of."""
OUTDATED = -1
_seconds = duration("answerdesk.retrieval", "A search of a company's documents.")

Key = tuple[str, Audience]


@dataclass(frozen=True, slots=True)
class _Base:
    """What is searched for one company and audience, as of one version of its knowledge."""

    version: int
    vectors: VectorIndex
    keywords: KeywordIndex
    mixture: Mixture


@dataclass(slots=True)
class Search:
    """Searches the knowledge of every company. One per process; safe to use from many tasks."""

    database: Database
    embedder: Embedder
    indexes: VectorIndexes
    settings: RetrievalSettings
    reranker: Reranker | None = None
    reranked: int = 20
    """How many passages the reranker judges."""
    _bases: dict[Key, _Base] = field(default_factory=dict)
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _bridge: Bridge = field(init=False)
    _scales: dict[str, Scale] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._bridge = Bridge(self.embedder)

    async def refresh(self) -> None:
        """Bring the indexes up to what SQL holds; cheap when nothing has changed."""
        async with self._refreshing:
            self._scales = await self.database.read(store.scales, self.embedder.name)
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
        """Refresh whenever the knowledge has changed, for ever: other processes may add documents.

        While many are added to a large knowledge, it takes its time: questions want the processor, too.
        """
        while True:
            began = time.monotonic()
            try:
                await self.refresh()
            except Exception:  # the old indexes go on serving; the next round tries again
                log.exception("The search indexes could not be brought up to date")
            await asyncio.sleep(max(seconds, 2 * (time.monotonic() - began)))

    async def search(
        self, company: str, query: str, audience: Audience = Audience.PUBLIC, count: int = 10, context: str = ""
    ) -> Found:
        """The `count` best passages for a query; `context` is an earlier one that it leans on.

        Internal askers search public and internal documents; everybody else never gets a handle to the internal ones.
        """
        if not query.strip():
            return Found(query, (), 0.0)
        began = time.monotonic()
        with span("retrieve", {"answerdesk.company": company, "answerdesk.audience": audience.value}) as searched:
            found = await self._search(company, query, audience, count, context)
            searched.set_attribute("answerdesk.passages", len(found.passages))
            searched.set_attribute("answerdesk.confidence", found.confidence)
        _seconds.record(time.monotonic() - began, {"company": company})
        return found

    async def _search(self, company: str, query: str, audience: Audience, count: int, context: str) -> Found:
        audiences = (Audience.PUBLIC, Audience.INTERNAL) if audience is Audience.INTERNAL else (Audience.PUBLIC,)
        bases = [base for each in audiences if (base := self._bases.get((company, each)))]
        with span("understand the question"):
            asked = await asyncio.to_thread(ask, query, self.embedder, [base.keywords for base in bases], context)
        ranked: list[Scored] = []
        for each in audiences:
            ranked.extend(await self._search_one((company, each), asked, count))
        ranked.sort(key=lambda scored: -scored.score)
        ranked = await self._rerank(query, ranked)
        signals = signals_of(ranked, asked)
        return Found(query, tuple(ranked[:count]), confidence(signals, self._scales.get(company, Scale())), signals)

    async def _rerank(self, query: str, ranked: list[Scored]) -> list[Scored]:
        """In the order that the reranker gives, if there is one and it is well."""
        if self.reranker is None or len(ranked) < 2:
            return ranked
        texts = [f"{each.passage.heading}\n{each.passage.text}" for each in ranked[: self.reranked]]
        try:
            with span("rerank", {"answerdesk.passages": len(texts)}):
                return reorder(ranked, await asyncio.to_thread(self.reranker.scores, query, texts))
        except ModelError as error:
            log.warning("What was found is not ordered anew: %s", error)
            return ranked

    async def _search_one(self, key: Key, asked: Asked, count: int) -> list[Scored]:
        """What one company and audience has. An index that is broken, or behind SQL, is first brought up."""
        if (base := self._bases.get(key)) is None:
            return []
        try:
            scored, behind = await self._candidates(key, base, asked, count)
        except IndexUnavailable as error:
            await self._replace(key, base, error)
        else:
            if not behind:
                return scored
            await self.refresh()
        scored, _ = await self._candidates(key, self._bases[key], asked, count)
        return scored

    async def _replace(self, key: Key, broken: _Base, error: IndexUnavailable) -> None:
        async with self._refreshing:
            if self._bases[key] is broken:  # else another search was faster
                await self._start_anew(error)

    async def _candidates(self, key: Key, base: _Base, asked: Asked, count: int) -> tuple[list[Scored], bool]:
        """What comes near the question, and whether passages that the indexes hold are gone from SQL."""
        wanted = max(self.settings.candidates, count)
        keywords, serials = await asyncio.to_thread(_near, base, asked, wanted)
        with span("read the candidates"):
            vectors, passages = await self.database.read(store.candidates, *key, self.embedder.name, serials)
        held = [serial for serial in passages if serial in vectors]
        if not held:
            return [], len(passages) < len(serials)

        def scored() -> list[Scored]:
            by_part = np.array([[base.keywords.score_of(part, serial) for serial in held] for part in keywords])
            rows, found = np.stack([vectors[serial] for serial in held]), [passages[serial] for serial in held]
            return fuse(asked, found, rows, by_part, self._bridge, base.mixture)

        with span("fuse"):
            return await asyncio.to_thread(scored), len(passages) < len(serials)

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
        replaced = self._bases.get(key)
        keywords = await asyncio.to_thread(KeywordIndex, rows, replaced.keywords if replaced else None)
        return _Base(version, vectors, keywords, await self._mixture(key[0], rows))

    async def _mixture(self, company: str, rows: dict[int, Passage]) -> Mixture:
        """The languages that these passages are in, from some of each."""
        by_language: dict[str, list[int]] = {}
        for serial, passage in rows.items():
            by_language.setdefault(passage.language, []).append(serial)
        if len(by_language) < 2:
            return Mixture()
        some = {each: serials[:: -(-len(serials) // SAMPLE)] for each, serials in by_language.items()}
        made = await self._vectors(company, rows, [serial for serials in some.values() for serial in serials])
        vectors = {each: [made[serial] for serial in serials if serial in made] for each, serials in some.items()}
        return Mixture.of(vectors, {each: len(serials) for each, serials in by_language.items()})

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


def _near(base: _Base, asked: Asked, count: int) -> tuple[list[NDArray[np.float32]], list[int]]:
    """The keyword scores of each part of a question, and the serials of what comes near any, dense or by keywords."""
    with span("search by keywords"):
        keywords = [base.keywords.scores(part, asked.language) for part in asked.parts]
    share = max(FEWEST, count // len(asked.parts))
    found: dict[int, None] = {}
    with span("search by meaning"):
        for aim in base.mixture.aims(asked.vectors):
            for vector in aim:
                found |= dict.fromkeys(map(serial_of, base.vectors.nearest(vector, share)))
    for scores in keywords:
        found |= dict.fromkeys(base.keywords.best(scores, share))
    return keywords, list(found)
