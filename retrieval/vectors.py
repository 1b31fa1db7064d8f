"""The vector index: Chroma inside this process or on a server, or an exact scan where neither can be had.

An index is a cache of the vectors in SQL, one collection a company, audience and embedding model. Embedded Chroma must
have one owner process (several writers corrupt it), so the first process to take the lock in its folder owns it.
Whoever comes second, say `answerdesk ask` beside a running server, scans the vectors of SQL instead.

A vector's key names its passage and what that says, so what an index kept of another database, or of a backup, is
never taken for a vector of this one.
"""

import fcntl
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.passages import Audience, Passage
from retrieval.settings import RetrievalSettings

Vector = NDArray[np.float32]


class Place(NamedTuple):
    """Whose vectors, made by which embedding model: vectors of two models never meet in one collection."""

    company: str
    audience: Audience
    model: str

    @property
    def name(self) -> str:
        """Of the collection."""
        made_by = hashlib.sha256(self.model.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        return f"{self.company}.{self.audience.value}.{made_by}"


def key_of(serial: int, passage: Passage) -> str:
    """The key of a passage's vector, which is made of its heading and text."""
    said = f"{passage.heading}\n{passage.text}".encode("utf-8", "surrogatepass")
    return f"{serial}.{hashlib.blake2b(said, digest_size=6).hexdigest()}"


def serial_of(key: str) -> int:
    """The serial of the passage that a key names."""
    return int(key.partition(".")[0])


class VectorIndex(Protocol):
    """The vectors of one place, by key. Calls block: use a thread.

    One thread may write while others read. All raise `IndexUnavailable`, and `IndexBroken` when only a new one helps.
    """

    @property
    def built(self) -> int:
        """How many vectors it was made of in one go; what is added later is found a little less surely."""
        ...

    def held(self) -> AbstractSet[str]:
        """The keys that the index holds."""
        ...

    def add(self, vectors: Mapping[str, Vector]) -> None:
        """Add vectors, each of unit length, in place of those that it holds under their keys."""
        ...

    def remove(self, keys: Sequence[str]) -> None:
        """Remove vectors; those it doesn't hold are passed over."""
        ...

    def nearest(self, vector: Vector, count: int) -> list[str]:
        """Up to `count` keys by falling cosine."""
        ...


class Build(Protocol):
    """New indexes, made beside those that there are. Calls block, and raise `IndexUnavailable`."""

    def add(self, place: Place, vectors: Mapping[str, Vector]) -> None:
        """Say what is to be in an index."""
        ...

    def finish(self, told: Callable[[int], None]) -> None:
        """Make them and put them in place of the old ones; `told` hears how many vectors are in.

        Where that fails or is cut off, the old ones are still there.
        """
        ...


class VectorIndexes(Protocol):
    """Where indexes come from."""

    kind: str
    """In plain words, for `answerdesk doctor`."""
    shared: bool
    """Whether other processes use the same: one of them at a time writes then."""
    exact: bool
    """Whether they are scans in this process's memory, which nothing can break."""

    def open(self, place: Place) -> VectorIndex:
        """The index of a place, made if there is none. Raises `IndexUnavailable`, `IndexBroken`."""
        ...

    def begin(self) -> Build:
        """Begin new indexes beside these."""
        ...

    def prune(self, kept: Collection[Place]) -> None:
        """Forget the indexes of all other places, and those that new ones took the place of."""
        ...

    def close(self) -> None:
        """Let go of files, connections and locks."""
        ...


def open_indexes(folder: Path, settings: RetrievalSettings | None = None) -> VectorIndexes:
    """Chroma at the server that the settings name; else in `folder`, or an exact scan if another process has that."""
    if settings and settings.chroma_url:
        from retrieval.chroma_server import ServerIndexes

        return ServerIndexes(settings)
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "owner.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return ScanIndexes()
    from retrieval.chroma_embedded import EmbeddedIndexes

    return EmbeddedIndexes(folder, lock)


class ScanIndex:
    """All vectors in one matrix; the nearest are found by multiplying with all of them."""

    def __init__(self) -> None:
        # Replaced as a whole, never changed: a search goes on with what it began with.
        self._held: tuple[list[str], NDArray[np.float32]] = ([], np.empty((0, 0), np.float32))

    @property
    def built(self) -> int:
        return len(self._held[0])

    def held(self) -> AbstractSet[str]:
        return set(self._held[0])

    def add(self, vectors: Mapping[str, Vector]) -> None:
        self.remove(list(vectors))
        if not vectors:
            return
        keys, rows = self._held
        new = np.stack(list(vectors.values()))
        self._held = (keys + list(vectors), np.concatenate([rows, new]) if keys else new)

    def remove(self, keys: Sequence[str]) -> None:
        gone = set(keys)
        held, rows = self._held
        kept = [row for row, key in enumerate(held) if key not in gone]
        if len(kept) < len(held):
            self._held = ([held[row] for row in kept], rows[kept])

    def nearest(self, vector: Vector, count: int) -> list[str]:
        keys, rows = self._held
        if not keys:
            return []
        cosines = rows @ vector
        best = np.argpartition(-cosines, count)[:count] if count < len(keys) else np.arange(len(keys))
        return [keys[row] for row in best[np.argsort(-cosines[best], kind="stable")]]


class ScanIndexes:
    """An exact scan for each place."""

    kind = "exact scan (another process owns the Chroma index)"
    shared = False
    exact = True

    def __init__(self) -> None:
        self._indexes: dict[Place, ScanIndex] = {}

    def open(self, place: Place) -> VectorIndex:
        return self._indexes.setdefault(place, ScanIndex())

    def begin(self) -> Build:
        return ScanBuild(self._indexes)

    def prune(self, kept: Collection[Place]) -> None:
        for place in self._indexes.keys() - set(kept):
            del self._indexes[place]

    def close(self) -> None:
        """Nothing to let go of."""


class ScanBuild:
    """New scans, in place of the old ones once they are finished."""

    def __init__(self, indexes: dict[Place, ScanIndex]) -> None:
        self._old = indexes
        self._new: dict[Place, ScanIndex] = {}

    def add(self, place: Place, vectors: Mapping[str, Vector]) -> None:
        self._new.setdefault(place, ScanIndex()).add(vectors)

    def finish(self, told: Callable[[int], None]) -> None:
        self._old |= self._new
        told(sum(len(each.held()) for each in self._new.values()))
