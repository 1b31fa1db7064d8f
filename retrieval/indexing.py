"""What is searched, kept up to date with SQL: keyword indexes, vector indexes, and the embedding model that serves.

Nothing here makes a question wait. A new version of the knowledge is searched by keywords at once; the vectors follow
(`retrieval.dense`). When the settings name another embedding model, the one before serves until all passages have
vectors of the new one. If it can't be loaded any more, keywords find passages meanwhile.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm.embeddings import Embedder
from llm.errors import ModelError
from retrieval import moving, scales, store
from retrieval.background import in_background
from retrieval.confidence import Scale
from retrieval.crossing import Bridge, Mixture
from retrieval.database import Database
from retrieval.dense import Dense, DenseIndexes, Keys
from retrieval.embedders import Embedders
from retrieval.embedding import embed
from retrieval.keywords import KeywordIndex
from retrieval.passages import Audience, Passage
from retrieval.vectors import Place, Vector, VectorIndexes, key_of

log = logging.getLogger(__name__)

BATCH = 2_000
"""Passages read from SQL at a time."""
EMBED_TOGETHER = 32
"""Passages embedded in the background at a time: a question waits for no more, and what is done stays done."""
SAMPLE = 200
"""Passages of a language that its mean is taken of."""
TELL_SECONDS, SAY_SECONDS = 0.5, 10.0
"""Between two signs of how far the work has come, and two lines in the log."""

Key = tuple[str, Audience]
Told = Callable[[str, int, int], None]
"""Hears of a company how many of how many passages have their new vectors."""


@dataclass(frozen=True, slots=True)
class Base:
    """What is searched for one company and audience, as of one version of its knowledge."""

    version: int
    embedder: Embedder
    """Questions are embedded by the model that the vectors are of."""
    place: Place
    keys: Keys
    """Of all passages, with or without a vector."""
    dense: Dense
    keywords: KeywordIndex
    mixture: Mixture
    bridge: Bridge
    partial: bool = False
    """Whether only some passages have vectors yet: keywords find them."""

    @property
    def key(self) -> Key:
        """Whose it is."""
        return self.place.company, self.place.audience


class Indexing:
    """Keeps the bases of every company. One per process."""

    def __init__(self, database: Database, embedders: Embedders, indexes: VectorIndexes) -> None:
        self.bases: dict[Key, Base] = {}
        self.scales: dict[tuple[str, str], Scale] = {}
        """How confidences are scaled, by company and model."""
        self.dense = DenseIndexes(database, indexes)
        self._database = database
        self._embedders = embedders
        self._bridges: dict[str, Bridge] = {}
        self._coming: dict[Place, Keys] = {}
        self._reading, self._lining, self._moving = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()

    async def open(self) -> None:
        """Have what can be had at once: keyword indexes, and the vectors that fit into memory."""
        await self.read()
        await self.dense.hold(self._wanted())

    async def refresh(self, *, move: bool) -> None:
        """Bring everything up to what SQL holds, and let the model of the settings serve; cheap when all is so."""
        await self.read()
        await self.line_up()
        if self._coming:
            await self.read()
        if move:
            await self.move()

    async def follow(self, seconds: float) -> None:
        """Do the same for ever, each in its own time: other processes may add documents."""
        async with contextlib.AsyncExitStack() as stack:
            for work, name in ((self.line_up, "line the vectors up"), (self.move, "move to another model")):
                task = asyncio.create_task(_repeatedly(work, seconds), name=name)
                stack.callback(task.cancel)
            await _repeatedly(self.read, seconds)

    async def read(self) -> None:
        """Build keyword indexes of what has changed. The vectors are those of before, until `line_up`."""
        async with self._reading:
            for key, standing in (await self._database.read(moving.standings)).items():
                held = self.bases.get(key)
                embedder = await self._embedders.named(self._database, standing.model)
                partial = embedder is None
                embedder = embedder or self._embedders.wanted
                now = (standing.version, embedder.name, partial)
                if held and (held.version, held.embedder.name, held.partial) == now:
                    continue
                if held and not partial and not self._is_ready(key, held, embedder.name):
                    continue
                self.bases[key] = await self._read(key, standing.version, embedder, partial=partial)
            await self._read_scales()

    def _is_ready(self, key: Key, held: Base, model: str) -> bool:
        """Whether the vectors of this model can be searched; until `line_up` has seen to it, the one before serves."""
        place = Place(*key, model)
        if held.place == place or self.dense.is_ready(place):
            self._coming.pop(place, None)
            return True
        self._coming[place] = held.keys
        return False

    async def _read_scales(self) -> None:
        models = {base.embedder.name for base in self.bases.values()}
        fitted = {model: await self._database.read(scales.of_model, model) for model in models}
        self.scales = {(company, model): scale for model, of in fitted.items() for company, scale in of.items()}

    async def line_up(self) -> None:
        """Bring the vectors in line with what was read, and mend what is broken."""
        async with self._lining:
            for (company, audience), base in list(self.bases.items()):
                if not base.partial:
                    await self._embed_missing(company, audience, base.embedder)
            await self.dense.line_up(self._wanted())

    def _wanted(self) -> dict[Place, Keys]:
        return {base.place: base.keys for base in self.bases.values() if not base.partial} | self._coming

    async def move(self, told: Told = lambda *_: None) -> None:
        """Give all passages vectors of the model that the settings name; then let it serve. Goes on where it was."""
        wanted = self._embedders.wanted
        async with self._moving:
            standings = await self._database.read(moving.standings)
            companies = {company for (company, _), standing in standings.items() if standing.model != wanted.name}
            for company in sorted(companies):
                telling = _Telling(company, wanted.name, told)
                while not await self._database.write(moving.serve_by, company, wanted.name):
                    for audience in Audience:
                        await self._embed_missing(company, audience, wanted, telling)
                telling.end(*await self._database.read(moving.embedded, company, wanted.name))
        if companies:
            await self.refresh(move=False)

    async def _embed_missing(
        self, company: str, audience: Audience, embedder: Embedder, telling: "_Telling | None" = None
    ) -> None:
        """Embed what lacks a vector of this model, from anywhere on: several processes share the work so."""
        last = max(self._serials((company, audience)), default=0)
        after = random.randrange(last + 1)  # noqa: S311 - no secret
        while True:
            part = await self._database.read(moving.unembedded, company, audience, embedder.name, after, EMBED_TOGETHER)
            if part:
                await self._embed(company, embedder, part)
                after = max(part)
                if telling and telling.is_due():
                    telling.say(*await self._database.read(moving.embedded, company, embedder.name))
            elif after:
                after = 0  # those before the place where this began
            else:
                return

    def _serials(self, key: Key) -> Sequence[int]:
        base = self.bases.get(key)
        return list(base.keys.values())[-1:] if base else ()

    async def embed(self, base: Base, part: Mapping[int, Passage]) -> Mapping[int, Vector]:
        """Embed passages at once, and keep their vectors; none where the model can't."""
        try:
            made = await asyncio.to_thread(embed, base.embedder, list(part.values()))
        except ModelError as error:
            log.warning("What was found is not all read: %s", error)
            return {}
        return await self._keep(base.place.company, base.embedder, part, made)

    async def _embed(self, company: str, embedder: Embedder, part: Mapping[int, Passage]) -> None:
        made = await in_background(embed, embedder, list(part.values()))
        await self._keep(company, embedder, part, made)

    async def _keep(
        self, company: str, embedder: Embedder, part: Mapping[int, Passage], made: Iterable[Vector]
    ) -> Mapping[int, Vector]:
        fresh: dict[int, Vector] = dict(zip(part, made, strict=True))
        await self._database.write(store.put_vectors, company, embedder.name, fresh)
        return fresh

    async def _read(self, key: Key, version: int, embedder: Embedder, *, partial: bool) -> Base:
        rows = await self._rows(key)
        keys = await asyncio.to_thread(lambda: {key_of(serial, passage): serial for serial, passage in rows.items()})
        held = self.bases.get(key)
        keywords = await asyncio.to_thread(KeywordIndex, rows, held.keywords if held else None)
        place = Place(*key, embedder.name)
        mixture = await self._mixture(rows, embedder.name)
        dense = Dense() if partial else self.dense.of(place)
        bridge = self._bridges.setdefault(embedder.name, Bridge(embedder))
        return Base(version, embedder, place, keys, dense, keywords, mixture, bridge, partial)

    async def _mixture(self, rows: Mapping[int, Passage], model: str) -> Mixture:
        """The languages that these passages are in, from some of each."""
        by_language: dict[str, list[int]] = {}
        for serial, passage in rows.items():
            by_language.setdefault(passage.language, []).append(serial)
        if len(by_language) < 2:
            return Mixture()
        some = {each: serials[:: -(-len(serials) // SAMPLE)] for each, serials in by_language.items()}
        made = await self._database.read(
            store.vectors_of, model, [serial for serials in some.values() for serial in serials]
        )
        vectors = {each: [made[serial] for serial in serials if serial in made] for each, serials in some.items()}
        return Mixture.of(vectors, {each: len(serials) for each, serials in by_language.items()})

    async def _rows(self, key: Key) -> dict[int, Passage]:
        """All passages, some at a time: on PostgreSQL they pass through the event loop."""
        rows: dict[int, Passage] = {}
        while part := await self._database.read(store.numbered_passages, *key, max(rows, default=0), BATCH):
            rows |= part
        return rows


class _Telling:
    """Says how far the move of a company to another model has come."""

    def __init__(self, company: str, model: str, told: Told) -> None:
        self._company, self._model, self._told = company, model, told
        self._said_at = self._told_at = 0.0

    def is_due(self) -> bool:
        return time.monotonic() - self._told_at > TELL_SECONDS

    def say(self, done: int, of: int) -> None:
        self._told_at = time.monotonic()
        self._told(self._company, done, of)
        if time.monotonic() - self._said_at > SAY_SECONDS:
            self._said_at = time.monotonic()
            log.warning("Embedding the passages of %s with %s: %d of %d", self._company, self._model, done, of)

    def end(self, done: int, of: int) -> None:
        self._told(self._company, done, of)
        log.warning("%s is served by %s from now on", self._company, self._model)


async def _repeatedly(work: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
    """Do it for ever. What takes long is done less often: questions want the processor, too."""
    while True:
        began = time.monotonic()
        try:
            await work()
        except ModelError as error:
            log.warning("The search indexes wait for the embedding model: %s", error)
        except Exception:  # the old indexes go on serving; the next round tries again
            log.exception("The search indexes could not be brought up to date")
        await asyncio.sleep(max(seconds, 2 * (time.monotonic() - began)))
