"""Keeps vector indexes in line with SQL, mends those that are broken, and does without those that can't be had.

Up to `EXACT_UP_TO` vectors of a company and audience are also held in memory and searched exactly, so that the state
of Chroma matters to larger collections only. An index that is broken, or lacks many vectors, is made anew beside the
old one, which goes on serving if it can.
"""

import asyncio
import itertools
import logging
import socket
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval import moving, store
from retrieval.database import Database
from retrieval.errors import IndexBroken, IndexUnavailable
from retrieval.vectors import Place, ScanIndex, Vector, VectorIndex, VectorIndexes, serial_of

log = logging.getLogger(__name__)

BATCH = 2_000
"""Vectors read from SQL at a time."""
EXACT_UP_TO = 20_000
"""Vectors that are searched exactly: 5 ms, 30 MB."""
MANY = 2_000
"""Missing vectors from which on an embedded index is made anew, by a process of its own: here they hold answers up."""
OUTGROWN = 1.5
"""A large index that has grown so much is made anew: what is added document by document is found less surely."""
RETRY_SECONDS = 5.0
"""Before an index that can't be used is tried again."""
CLAIM_SECONDS = 30.0
"""For so long one process may write to a shared index without saying so again."""
NOTE_SECONDS = 1.0
SAMPLE = 20
"""Vectors that are looked for when an index is opened."""
SAME = 0.99
"""A cosine above which two passages say the same: either may be found for the other."""

Keys = Mapping[str, int]
"""What a place is to hold: the serial of the passage by the key of its vector."""


@dataclass(slots=True)
class Dense:
    """The vectors of a place, as they are searched."""

    exact: ScanIndex | None = None
    index: VectorIndex | None = None

    def nearest(self, vector: Vector, count: int) -> list[str]:
        """Up to `count` keys by falling cosine; none while there is no index. Blocks. Raises `IndexUnavailable`."""
        index = self.exact or self.index
        return index.nearest(vector, count) if index else []


class DenseIndexes:
    """The vectors of all places. `line_up` writes and must not run twice at a time; the rest may run beside it."""

    def __init__(self, database: Database, indexes: VectorIndexes) -> None:
        self._database = database
        self._indexes = indexes
        self._dense: dict[Place, Dense] = {}
        self._lined: dict[Place, Keys] = {}
        self._holding = asyncio.Lock()
        self._owner = uuid.uuid4().hex
        self._work_place = "server" if indexes.shared else f"embedded at {socket.gethostname()}"
        self._retry_at = 0.0
        self._failures = 0
        self._trouble = ""

    def of(self, place: Place) -> Dense:
        """What is searched; it changes in place."""
        return self._dense.setdefault(place, Dense())

    def is_ready(self, place: Place) -> bool:
        """Whether all of a place's vectors can be searched."""
        dense = self.of(place)
        return dense.exact is not None or (dense.index is not None and (self._indexes.shared or place in self._lined))

    def lost(self, place: Place, error: IndexUnavailable) -> None:
        """Do without an index that failed, until `line_up` has looked after it."""
        log.error("%s Keywords serve meanwhile.", error)
        self.of(place).index = None
        self._retry_at = time.monotonic() + (0 if isinstance(error, IndexBroken) else RETRY_SECONDS)

    async def hold(self, wanted: Mapping[Place, Keys]) -> None:
        """Have those in memory that are searched exactly."""
        async with self._holding:
            for place, keys in wanted.items():
                dense = self.of(place)
                if dense.exact is None and len(keys) > EXACT_UP_TO and not self._indexes.exact:
                    continue
                exact = dense.exact or ScanIndex()
                await self._bring(place, exact, keys)
                dense.exact = exact

    async def line_up(self, wanted: Mapping[Place, Keys]) -> None:
        """Bring all indexes in line with these keys, whose vectors are in SQL; others are forgotten."""
        await self.hold(wanted)
        if self._indexes.exact or time.monotonic() < self._retry_at:
            return
        try:
            writes = not self._indexes.shared or await self._claimed()
            if not writes:
                await self._open_all(wanted)
                return
            try:
                for place, keys in wanted.items():
                    await self._keep(place, keys)
            except IndexBroken as error:
                await self._make_anew(wanted, str(error))
            await asyncio.to_thread(self._indexes.prune, wanted.keys())
            self._failures = 0
            await self._settle("")
        except IndexUnavailable as error:
            self._retry_at = time.monotonic() + RETRY_SECONDS * 2 ** min(self._failures, 5)
            self._failures += 1
            await self._settle(str(error))

    async def _open_all(self, wanted: Mapping[Place, Keys]) -> None:
        """Read what another process keeps."""
        for place in wanted:
            if (dense := self.of(place)).index is None:
                dense.index = await asyncio.to_thread(self._indexes.open, place)

    async def _keep(self, place: Place, keys: Keys) -> None:
        dense = self.of(place)
        if dense.index is not None and self._lined.get(place) is keys:
            return
        index = dense.index or await self._opened(place)
        dense.index = index
        held = await asyncio.to_thread(index.held)
        if not self._indexes.shared and len(keys.keys() - held) > MANY:
            raise IndexBroken(f"{len(keys.keys() - held)} of {len(keys)} vectors are missing from the vector index.")
        if len(keys) > max(EXACT_UP_TO, OUTGROWN * index.built):
            raise IndexBroken(f"The vector index has grown from {index.built} to {len(keys)} vectors.")
        await self._bring(place, index, keys)
        self._served(place, keys)

    def _served(self, place: Place, keys: Keys) -> None:
        """Note that the index holds all: nothing has to be in memory any more where that would be too much."""
        self._lined[place] = keys
        if len(keys) > EXACT_UP_TO:
            self.of(place).exact = None

    async def _opened(self, place: Place) -> VectorIndex:
        index = await asyncio.to_thread(self._indexes.open, place)
        if lost := await unfound(self._database, index, place.model):
            raise IndexBroken(f"A stored passage doesn't find itself (number {lost[0]}).")
        return index

    async def _bring(self, place: Place, index: VectorIndex, keys: Keys) -> None:
        """Add what an index lacks, and remove what it has too much."""
        held = await asyncio.to_thread(index.held)
        stale, missing = held - keys.keys(), keys.keys() - held
        if stale:
            await asyncio.to_thread(index.remove, sorted(stale))
        async for part in self._vectors(place, {key: keys[key] for key in missing}):
            await asyncio.to_thread(index.add, part)
            if self._indexes.shared:
                await self._claimed()

    async def _vectors(self, place: Place, keys: Keys) -> AsyncIterator[dict[str, Vector]]:
        """The vectors of these keys, some at a time, in the order of their serials."""
        ordered = iter(sorted(keys.items(), key=lambda item: item[1]))
        while part := list(itertools.islice(ordered, BATCH)):
            held = await self._database.read(store.vectors_of, place.model, [serial for _, serial in part])
            yield {key: held[serial] for key, serial in part if serial in held}

    async def _make_anew(self, wanted: Mapping[Place, Keys], reason: str) -> None:
        """Make all indexes beside the old ones, of what SQL holds, and put them in their place."""
        total = sum(map(len, wanted.values()))
        log.warning("The vector index is made anew, of %d vectors: %s", total, reason)
        began = time.monotonic()
        await self._note("making the vector index anew", 0, total, reason)
        build = await asyncio.to_thread(self._indexes.begin)
        for place, keys in wanted.items():
            async for part in self._vectors(place, keys):
                await asyncio.to_thread(build.add, place, part)
        done = 0

        def told(count: int) -> None:
            nonlocal done
            done = count

        finishing = asyncio.create_task(asyncio.to_thread(build.finish, told))
        while not (await asyncio.wait([finishing], timeout=NOTE_SECONDS))[0]:
            await self._note("making the vector index anew", done, total, reason)
            log.info("The vector index is made anew: %d of %d", done, total)
            if self._indexes.shared:
                await self._claimed()
        await finishing
        for place, keys in wanted.items():
            self.of(place).index = await asyncio.to_thread(self._indexes.open, place)
            self._served(place, keys)
        log.warning("The vector index is new, after %.0f s", time.monotonic() - began)

    async def _claimed(self) -> bool:
        """Whether this process may write to an index that several share."""
        return await self._database.write(moving.claim, self._work_place, self._owner, time.time(), CLAIM_SECONDS)

    async def _settle(self, trouble: str) -> None:
        """Say how things stand now, where that has changed."""
        if trouble != self._trouble:
            if trouble:
                log.error("%s", trouble)
            await self._note("", 0, 0, trouble)

    async def _note(self, doing: str, done: int, of: int, trouble: str) -> None:
        self._trouble = trouble
        work = moving.Work(self._work_place, doing, done, of, trouble, time.time())
        await self._database.write(moving.note_work, self._owner, work)


async def unfound(database: Database, index: VectorIndex, model: str) -> Sequence[int]:
    """Of a few passages that an index holds, those that a search for their own vector doesn't find."""
    held = sorted(map(serial_of, await asyncio.to_thread(index.held)))
    own = await database.read(store.vectors_of, model, held[:: max(1, len(held) // SAMPLE)][:SAMPLE])
    lost = []
    for serial, vector in own.items():
        nearest = [serial_of(key) for key in await asyncio.to_thread(index.nearest, vector, 5)]
        found = await database.read(store.vectors_of, model, nearest)
        if not found or float(np.max(np.stack(list(found.values())) @ vector)) < SAME:
            lost.append(serial)
    return lost
