"""The vector index: Chroma inside this process, or an exact scan where Chroma can't be had.

An index is a cache of the vectors in SQL, one collection a company and audience. Embedded Chroma must have one owner
process (several writers corrupt it), so the first process to take the lock in its folder owns it. Whoever comes second,
say `answerdesk ask` beside a running server, scans the vectors of SQL instead: exact, and fast enough for one question.

A vector's key names its passage and what that says, so what an index kept of another database, or of a backup, is
never taken for a vector of this one.
"""

import fcntl
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.passages import Audience, Passage

Vector = NDArray[np.float32]


def key_of(serial: int, passage: Passage) -> str:
    """The key of a passage's vector, which is made of its heading and text."""
    said = f"{passage.heading}\n{passage.text}".encode("utf-8", "surrogatepass")
    return f"{serial}.{hashlib.blake2b(said, digest_size=6).hexdigest()}"


def serial_of(key: str) -> int:
    """The serial of the passage that a key names."""
    return int(key.partition(".")[0])


class VectorIndex(Protocol):
    """The vectors of one company and audience, by key. Calls block: use a thread.

    One thread may write while others read. All raise `IndexUnavailable` when the index is broken.
    """

    def held(self) -> set[str]:
        """What the index holds."""
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


class VectorIndexes(Protocol):
    """Where indexes come from."""

    kind: str
    """In plain words, for `answerdesk doctor`."""

    def open(self, company: str, audience: Audience) -> VectorIndex:
        """The index of a company and audience, made if there is none. Raises `IndexUnavailable`."""
        ...

    def start_anew(self) -> None:
        """Leave all indexes behind, which are broken, for empty ones."""
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
    from retrieval.chroma import ChromaIndexes

    try:
        return ChromaIndexes(folder, model, lock)
    except BaseException:
        lock.close()
        raise


class ScanIndex:
    """All vectors in one matrix; the nearest are found by multiplying with all of them."""

    def __init__(self) -> None:
        # Replaced as a whole, never changed: a search goes on with what it began with.
        self._held: tuple[list[str], NDArray[np.float32]] | None = None

    def held(self) -> set[str]:
        return set(self._held[0]) if self._held else set()

    def add(self, vectors: Mapping[str, Vector]) -> None:
        self.remove(list(vectors))
        if not vectors:
            return
        keys, rows = list(vectors), np.stack(list(vectors.values()))
        self._held = (self._held[0] + keys, np.concatenate([self._held[1], rows])) if self._held else (keys, rows)

    def remove(self, keys: Sequence[str]) -> None:
        if not self._held:
            return
        gone = set(keys)
        kept = [row for row, key in enumerate(self._held[0]) if key not in gone]
        if len(kept) < len(self._held[0]):
            self._held = ([self._held[0][row] for row in kept], self._held[1][kept]) if kept else None

    def nearest(self, vector: Vector, count: int) -> list[str]:
        if (held := self._held) is None:
            return []
        keys, matrix = held
        return [keys[row] for row in np.argsort(-(matrix @ vector), kind="stable")[:count]]


class ScanIndexes:
    """An exact scan for each company and audience."""

    kind = "exact scan (another process owns the Chroma index)"

    def __init__(self) -> None:
        self._indexes: dict[tuple[str, Audience], ScanIndex] = {}

    def open(self, company: str, audience: Audience) -> VectorIndex:
        return self._indexes.setdefault((company, audience), ScanIndex())

    def start_anew(self) -> None:
        self._indexes.clear()

    def close(self) -> None:
        """Nothing to let go of."""
