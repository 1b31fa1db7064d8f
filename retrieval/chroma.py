"""One Chroma collection as a vector index, wherever Chroma runs."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING, Any

from retrieval.vectors import Vector

if TYPE_CHECKING:
    import chromadb

SYNC_THRESHOLD = 20_000
"""Writes between two saves of Chroma's graph. With its default of 1000, a kill during writes wedged it for good."""
GRAPH: Any = {
    "hnsw": {
        "space": "cosine",
        "sync_threshold": SYNC_THRESHOLD,
        "batch_size": 100,
        "max_neighbors": 48,
        "ef_construction": 300,
        "ef_search": 300,
    }
}
"""With Chroma's defaults (16 neighbours), whole clusters of passages that are alike can't be reached: one question in
thirty found none of its ten nearest among 50,000 (benchmarks/vectors.py)."""
BUILT = "built"
"""In a collection's metadata: how many vectors it was made of in one go, in no order."""
READ_BATCH, REMOVED_TOGETHER = 5_000, 200

Explained = Callable[[], AbstractContextManager[None]]


class ChromaIndex:
    """A collection, by a handle that reads and one that writes; `explained` turns what Chroma raises into our errors.

    `batch` vectors are handed over at a time: embedded Chroma keeps Python's lock while it takes them.
    """

    def __init__(
        self, reading: "chromadb.Collection", writing: "chromadb.Collection", explained: Explained, batch: int
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._explained = explained
        self._batch = batch
        self._held: set[str] | None = None

    @property
    def built(self) -> int:
        return int((self._writing.metadata or {}).get(BUILT, 0))

    def held(self) -> AbstractSet[str]:
        """What it holds, as far as this process, which alone writes, knows."""
        if self._held is None:
            with self._explained():
                count = self._writing.count()
                pages = (
                    self._writing.get(include=[], limit=READ_BATCH, offset=start)["ids"]
                    for start in range(0, count, READ_BATCH)
                )
                self._held = {key for page in pages for key in page}
        return self._held

    def add(self, vectors: Mapping[str, Vector]) -> None:
        if not vectors:
            return
        first: Any = [next(iter(vectors.values()))]
        with self._explained():
            # Chroma loads its graph at the first query. What is written before that is put into the graph later and
            # by a slower way, 2.5 ms a vector, which would keep all searches waiting.
            self._writing.query(query_embeddings=first, n_results=1, include=[])
            for part in _batches(vectors, self._batch):
                rows: Any = [vectors[key] for key in part]
                self._writing.upsert(ids=part, embeddings=rows)
                if self._held is not None:
                    self._held.update(part)

    def remove(self, keys: Sequence[str]) -> None:
        for part in _batches(keys, REMOVED_TOGETHER):
            with self._explained():
                self._writing.delete(ids=part)
            if self._held is not None:
                self._held.difference_update(part)

    def nearest(self, vector: Vector, count: int) -> list[str]:
        query: Any = [vector]
        with self._explained():
            return self._reading.query(query_embeddings=query, n_results=count, include=[])["ids"][0]


def _batches(keys: Collection[str], size: int) -> Iterator[list[str]]:
    left = iter(keys)
    while part := list(islice(left, size)):
        yield part
