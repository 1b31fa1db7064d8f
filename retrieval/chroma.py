"""The vector index on Chroma inside this process."""

import contextlib
import hashlib
import io
import logging
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import IndexUnavailable
from retrieval.passages import Audience
from retrieval.vectors import ScanIndex, Vector, VectorIndex

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api import ClientAPI

log = logging.getLogger(__name__)

SYNC_THRESHOLD = 20_000
"""Writes between two saves of Chroma's graph. With its default of 1000, a kill during writes wedged it for good."""
WRITE_BATCH = 200
"""Vectors handed to Chroma at a time. It holds Python's lock while it reads them: 2,000 stop the event loop 0.4 s."""
EXACT_UP_TO = 20_000
"""Vectors of a collection that are searched exactly: 5 ms, 30 MB. Chroma's graph loses whole clusters of what is alike:
of 4,451 passages in five languages, one question in five found none of its ten nearest."""
SAMPLE = 20
"""Vectors that are looked for at start, to see whether the index still works."""
SEARCH_EF = 200
"""How wide Chroma's graph search looks; at least the number of neighbours asked for."""


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn whatever a damaged index makes Chroma raise into `IndexUnavailable`. A panic in Rust is no `Exception`."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise IndexUnavailable(f"The vector index is broken: {error}") from error


class ChromaIndex:
    """One Chroma collection; while it is small, with its vectors in memory, which are searched exactly."""

    def __init__(self, collection: "Collection") -> None:
        self._collection = collection
        self._exact: ScanIndex | None = ScanIndex()
        with _explained():
            if collection.count() > EXACT_UP_TO:
                self._exact = None
                return
            held = collection.get(include=["embeddings"])
            self._exact.add(dict(zip(held["ids"], np.asarray(held["embeddings"], dtype=np.float32), strict=True)))

    def held(self) -> set[str]:
        with _explained():
            return set(self._collection.get(include=[])["ids"])

    def add(self, vectors: Mapping[str, Vector]) -> None:
        keys = list(vectors)
        for start in range(0, len(keys), WRITE_BATCH):
            part = keys[start : start + WRITE_BATCH]
            rows: Any = [vectors[key] for key in part]
            with _explained():
                # Chroma loads its graph at the first query. What is written before that is put into the graph later
                # and by a slower way, 2.5 ms a vector, which would keep all searches waiting.
                self._collection.query(query_embeddings=rows[:1], n_results=1, include=[])
                self._collection.upsert(ids=part, embeddings=rows)
            self._add_exact({key: vectors[key] for key in part})

    def _add_exact(self, vectors: Mapping[str, Vector]) -> None:
        if self._exact is not None:
            self._exact.add(vectors)
            if len(self._exact.held()) > EXACT_UP_TO:
                self._exact = None

    def remove(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), WRITE_BATCH):
            with _explained():
                self._collection.delete(ids=list(keys[start : start + WRITE_BATCH]))
        if self._exact is not None:
            self._exact.remove(keys)

    def nearest(self, vector: Vector, count: int) -> list[str]:
        if (exact := self._exact) is not None:
            return exact.nearest(vector, count)
        query: Any = [vector]
        with _explained():
            count = min(count, self._collection.count())
            if count == 0:
                return []
            return self._collection.query(query_embeddings=query, n_results=count, include=[])["ids"][0]


class ChromaIndexes:
    """Chroma inside this process, which owns its folder by a lock.

    Each generation of the index has a folder of its own, named by the file `current`: a broken one is left for an
    empty one, which is filled from SQL.
    """

    kind = "Chroma, embedded"

    def __init__(self, folder: Path, model: str, lock: io.IOBase) -> None:
        self._folder = folder
        self._lock = lock
        # A change of model changes the name: vectors of two models never meet in one collection.
        self._suffix = hashlib.sha256(model.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        self._client = self._open_current() or self._open_new()
        self._indexes: dict[str, ChromaIndex] = {}

    def open(self, company: str, audience: Audience) -> VectorIndex:
        name = f"{company}.{audience.value}.{self._suffix}"
        if name not in self._indexes:
            self._indexes[name] = ChromaIndex(self._collection(name))
        return self._indexes[name]

    def _collection(self, name: str) -> "Collection":
        index: Any = {
            "space": "cosine",
            "sync_threshold": SYNC_THRESHOLD,
            "batch_size": 100,
            "ef_search": SEARCH_EF,
        }
        with _explained():
            return self._client.get_or_create_collection(name, embedding_function=None, configuration={"hnsw": index})

    def start_anew(self) -> None:
        with contextlib.suppress(IndexUnavailable):
            self._close_client()
        self._client = self._open_new()
        self._indexes = {}

    def close(self) -> None:
        with contextlib.suppress(IndexUnavailable):  # a cache, and its lock must go in any case
            self._close_client()
        self._lock.close()

    def _close_client(self) -> None:
        client: Any = self._client  # `PersistentClient` promises less than it gives
        with _explained():
            client.close()

    def _open_current(self) -> "ClientAPI | None":
        """The client of the current generation, after it has answered a query from each of its collections.

        A damaged file may end the whole process. The file `opening` then stays behind and tells the next one.
        """
        opening = self._folder / "opening"
        try:
            current = (self._folder / "current").read_text()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        if opening.exists():
            log.error("Opening the vector index in %s ended the program; it is built anew", self._folder)
            return None
        opening.touch()
        try:
            with _explained():
                client = _client(self._folder / current)
                _try_out(client)
        except IndexUnavailable as error:
            log.error("The vector index in %s is built anew from the database: %s", self._folder, error)
            return None
        opening.unlink()
        return client

    def _open_new(self) -> "ClientAPI":
        generation = uuid.uuid4().hex[:12]
        client = _client(self._folder / generation)
        pointer = self._folder / f"current.{generation}"
        pointer.write_text(generation)
        pointer.replace(self._folder / "current")
        (self._folder / "opening").unlink(missing_ok=True)
        for old in self._folder.iterdir():
            if old.is_dir() and old.name != generation:
                shutil.rmtree(old, ignore_errors=True)
        return client


def _try_out(client: "ClientAPI") -> None:
    for collection in client.list_collections():
        sample = collection.get(limit=SAMPLE, include=["embeddings"])["embeddings"]
        if sample is not None and len(sample):
            collection.query(query_embeddings=np.asarray(sample), n_results=len(sample), include=[])


def _client(folder: Path) -> "ClientAPI":
    import chromadb  # here, not above: it takes most of a second, and `answerdesk --help` needs none of it
    from chromadb.config import Settings

    settings: Any = Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(str(folder), settings=settings)
