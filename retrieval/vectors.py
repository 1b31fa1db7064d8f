"""The vector index: Chroma inside this process, or an exact scan where Chroma can't be had.

An index is a cache of the vectors in SQL, one collection a company and audience. Embedded Chroma must have one owner
process (several writers corrupt it), so the first process to take the lock in its folder owns it. Whoever comes second,
say `answerdesk ask` beside a running server, scans the vectors of SQL instead: exact, and fast enough for one question.
"""

import fcntl
import hashlib
import io
import logging
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.passages import Audience

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api import ClientAPI

log = logging.getLogger(__name__)

Vector = NDArray[np.float32]

SYNC_THRESHOLD = 20_000
"""Writes between two saves of Chroma's graph. With its default of 1000, a kill during writes wedged it for good."""
WRITE_BATCH = 2_000
SEARCH_EF = 200
"""How wide Chroma's graph search looks; at least the number of neighbours asked for."""


class VectorIndex(Protocol):
    """The vectors of one company and audience, by passage serial. Calls block: use a thread."""

    def serials(self) -> set[int]:
        """What the index holds."""
        ...

    def add(self, vectors: Mapping[int, Vector]) -> None:
        """Add vectors, each of unit length."""
        ...

    def remove(self, serials: Sequence[int]) -> None:
        """Remove vectors; those it doesn't hold are passed over."""
        ...

    def nearest(self, vector: Vector, count: int) -> list[int]:
        """Up to `count` serials by falling cosine."""
        ...


class VectorIndexes(Protocol):
    """Where indexes come from."""

    kind: str
    """In plain words, for `answerdesk doctor`."""

    def open(self, company: str, audience: Audience) -> VectorIndex:
        """The index of a company and audience, made if there is none."""
        ...

    def close(self) -> None:
        """Let go of files and locks."""
        ...


def open_indexes(folder: Path, model: str) -> VectorIndexes:
    """Open Chroma in `folder`, or an exact scan if another process has it. A broken Chroma is left for an empty one."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "owner.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return ScanIndexes()
    try:
        return ChromaIndexes(folder, model, lock)
    except BaseException:
        lock.close()
        raise


class ScanIndex:
    """All vectors in one matrix; the nearest are found by multiplying with all of them."""

    def __init__(self) -> None:
        self._vectors: dict[int, Vector] = {}
        self._matrix: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None

    def serials(self) -> set[int]:
        return set(self._vectors)

    def add(self, vectors: Mapping[int, Vector]) -> None:
        self._vectors.update(vectors)
        self._matrix = None

    def remove(self, serials: Sequence[int]) -> None:
        for serial in serials:
            self._vectors.pop(serial, None)
        self._matrix = None

    def nearest(self, vector: Vector, count: int) -> list[int]:
        if not self._vectors:
            return []
        if self._matrix is None:
            self._matrix = np.fromiter(self._vectors, np.int64), np.stack(list(self._vectors.values()))
        serials, matrix = self._matrix
        cosines = matrix @ vector
        return [int(serial) for serial in serials[np.argsort(-cosines, kind="stable")[:count]]]


class ScanIndexes:
    """An exact scan for each company and audience."""

    kind = "exact scan (another process owns the Chroma index)"

    def open(self, company: str, audience: Audience) -> VectorIndex:  # noqa: ARG002
        return ScanIndex()

    def close(self) -> None:
        """Nothing to let go of."""


class ChromaIndex:
    """One Chroma collection."""

    def __init__(self, collection: "Collection") -> None:
        self._collection = collection

    def serials(self) -> set[int]:
        return {int(identity) for identity in self._collection.get(include=[])["ids"]}

    def add(self, vectors: Mapping[int, Vector]) -> None:
        serials = list(vectors)
        for start in range(0, len(serials), WRITE_BATCH):
            part = serials[start : start + WRITE_BATCH]
            rows: Any = [vectors[serial] for serial in part]
            self._collection.upsert(ids=[str(serial) for serial in part], embeddings=rows)

    def remove(self, serials: Sequence[int]) -> None:
        for start in range(0, len(serials), WRITE_BATCH):
            self._collection.delete(ids=[str(serial) for serial in serials[start : start + WRITE_BATCH]])

    def nearest(self, vector: Vector, count: int) -> list[int]:
        count = min(count, self._collection.count())
        if count == 0:
            return []
        query: Any = [vector]
        found = self._collection.query(query_embeddings=query, n_results=count, include=[])
        return [int(identity) for identity in found["ids"][0]]


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
        self._suffix = hashlib.sha256(model.encode()).hexdigest()[:8]
        self._client = self._open_current() or self._start_anew()

    def open(self, company: str, audience: Audience) -> VectorIndex:
        return ChromaIndex(
            self._client.get_or_create_collection(
                f"{company}.{audience.value}.{self._suffix}",
                embedding_function=None,
                configuration={
                    "hnsw": {
                        "space": "cosine",
                        "sync_threshold": SYNC_THRESHOLD,
                        "batch_size": 100,
                        "ef_search": SEARCH_EF,
                    }
                },
            )
        )

    def close(self) -> None:
        client: Any = self._client  # `PersistentClient` promises less than it gives
        client.close()
        self._lock.close()

    def _open_current(self) -> "ClientAPI | None":
        """The client of the current generation, after it has answered a query from each of its collections."""
        try:
            client = _client(self._folder / (self._folder / "current").read_text())
            for collection in client.list_collections():
                sample = collection.get(limit=1, include=["embeddings"])["embeddings"]
                if sample is not None and len(sample):
                    collection.query(query_embeddings=[np.asarray(sample[0])], n_results=1, include=[])
        except FileNotFoundError:
            return None
        except Exception:  # whatever a damaged file makes Chroma raise
            log.exception("The vector index in %s is broken; it is built anew from the database", self._folder)
            return None
        return client

    def _start_anew(self) -> "ClientAPI":
        generation = uuid.uuid4().hex[:12]
        client = _client(self._folder / generation)
        pointer = self._folder / f"current.{generation}"
        pointer.write_text(generation)
        pointer.replace(self._folder / "current")
        for old in self._folder.iterdir():
            if old.is_dir() and old.name != generation:
                shutil.rmtree(old, ignore_errors=True)
        return client


def _client(folder: Path) -> "ClientAPI":
    import chromadb  # here, not above: it takes most of a second, and `answerdesk --help` needs none of it
    from chromadb.config import Settings

    settings: Any = Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(str(folder), settings=settings)
