"""Find the passages that answer a question: dense beside keyword search, fused, with a calibrated confidence."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from llm.errors import ModelError
from llm.reranking import Reranker
from llm.telemetry import duration, span
from retrieval import store
from retrieval.asking import Asked, ask
from retrieval.confidence import Scale, confidence, signals_of
from retrieval.database import Database
from retrieval.embedders import Embedders
from retrieval.errors import IndexUnavailable
from retrieval.fusing import fuse, reorder
from retrieval.indexing import Base, Indexing, Told
from retrieval.language import detect_language
from retrieval.passages import Audience, Found, Passage, Scored
from retrieval.settings import RetrievalSettings
from retrieval.vectors import VectorIndexes, serial_of
from retrieval.wording import by_words, nearest

log = logging.getLogger(__name__)

FEWEST = 20
"""Candidates of each part of a long question."""
AT_ONCE = 8
"""The best by keywords are embedded while a question waits, if they have no vector of the model that serves."""
_seconds = duration("answerdesk.retrieval", "A search of a company's documents.")


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
    embedders: Embedders | None = None
    """Where models that still serve companies come from; without it, there is that one model."""
    _indexing: Indexing = field(init=False)

    def __post_init__(self) -> None:
        self._indexing = Indexing(self.database, self.embedders or Embedders(self.embedder), self.indexes)

    async def open(self) -> None:
        """Have what can be had at once; `follow` does the rest."""
        await self._indexing.open()

    async def refresh(self, *, move: bool = True) -> None:
        """Bring the indexes up to what SQL holds; cheap when nothing has changed.

        With `move`, all passages are embedded by the model of the settings, if another one has served until now.
        """
        await self._indexing.refresh(move=move)

    async def move(self, told: Told = lambda *_: None) -> None:
        """Let the model of the settings serve, once all passages have vectors of it."""
        await self._indexing.move(told)

    async def follow(self, seconds: float = 1.0) -> None:
        """Do all that whenever the knowledge has changed, for ever: other processes may add documents."""
        await self._indexing.follow(seconds)

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
        bases = [base for each in audiences if (base := self._indexing.bases.get((company, each)))]
        if not bases:
            return Found(query, (), 0.0)
        embedder, bridge = bases[0].embedder, bases[0].bridge
        try:
            with span("understand the question"):
                asked = await asyncio.to_thread(ask, query, embedder, [base.keywords for base in bases], context)
        except ModelError as error:
            log.warning("Passages are found by keywords alone: %s", error)
            return await self._by_words(query, bases, count)
        ranked: list[Scored] = []
        for base in bases:
            ranked.extend(await self._search_one(base, asked, count))
        ranked.sort(key=lambda scored: -scored.score)
        ranked = await self._rerank(query, ranked)
        signals = await asyncio.to_thread(signals_of, ranked, asked, bridge)
        scale = self._indexing.scales.get((company, embedder.name), Scale())
        return Found(query, tuple(ranked[:count]), confidence(signals, scale), signals)

    async def _by_words(self, query: str, bases: Sequence[Base], count: int) -> Found:
        """What can be found while the embedding model can't be asked."""
        language = detect_language(query)
        near: dict[int, float] = {}
        passages: dict[int, Passage] = {}
        for base in bases:
            found = await asyncio.to_thread(nearest, base.keywords, query, language, count)
            _, held = await self.database.read(store.candidates, *base.key, base.embedder.name, list(found))
            near, passages = near | found, passages | held
        known = max(base.keywords.known(query, language) for base in bases)
        return by_words(query, near, passages, known, count)

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

    async def _search_one(self, base: Base, asked: Asked, count: int) -> list[Scored]:
        """What one company and audience has. Indexes that are behind SQL are first brought up."""
        scored, behind = await self._candidates(base, asked, count)
        if not behind:
            return scored
        await self._indexing.open()
        now = self._indexing.bases[base.key]
        # The question has been embedded: where another model serves by now, its vectors say nothing about this one.
        return (await self._candidates(now, asked, count))[0] if now.embedder is base.embedder else scored

    async def _candidates(self, base: Base, asked: Asked, count: int) -> tuple[list[Scored], bool]:
        """What comes near the question, and whether passages that the indexes hold are gone from SQL."""
        wanted = max(self.settings.candidates, count)
        try:
            keywords, serials = await asyncio.to_thread(_near, base, asked, wanted)
        except IndexUnavailable as error:
            self._indexing.dense.lost(base.place, error)
            keywords, serials = await asyncio.to_thread(_near, base, asked, wanted)
        with span("read the candidates"):
            vectors, passages = await self.database.read(store.candidates, *base.key, base.embedder.name, serials)
        if unread := [serial for serial in serials if serial in passages and serial not in vectors][:AT_ONCE]:
            vectors |= await self._indexing.embed(base, {serial: passages[serial] for serial in unread})
        held = [serial for serial in passages if serial in vectors]
        if not held:
            return [], len(passages) < len(serials)

        def scored() -> list[Scored]:
            by_part = np.array([[base.keywords.score_of(part, serial) for serial in held] for part in keywords])
            rows, found = np.stack([vectors[serial] for serial in held]), [passages[serial] for serial in held]
            return fuse(asked, found, rows, by_part, base.bridge, base.mixture)

        with span("fuse"):
            return await asyncio.to_thread(scored), len(passages) < len(serials)


def _near(base: Base, asked: Asked, count: int) -> tuple[list[NDArray[np.float32]], list[int]]:
    """The keyword scores of each part of a question, and the serials of what comes near any, dense or by keywords."""
    with span("search by keywords"):
        keywords = [base.keywords.scores(part, asked.language) for part in asked.parts]
    share = max(FEWEST, count // len(asked.parts))
    found: dict[int, None] = {}
    with span("search by meaning"):
        for aim in base.mixture.aims(asked.vectors):
            for vector in aim:
                found |= dict.fromkeys(map(serial_of, base.dense.nearest(vector, share)))
    for scores in keywords:
        found |= dict.fromkeys(base.keywords.best(scores, share))
    return keywords, list(found)
