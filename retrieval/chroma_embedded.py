"""Chroma inside this process, which owns its folder by a lock.

Each generation of the index has a folder of its own; the file `current` names the one in use. A new one is made beside
it by a child process and then named instead, so that a crash at any moment leaves one of the two whole.

When a generation is closed in good order, the file `sealed` holds a digest of each of its files: bytes that have
changed since are noticed before Chroma opens them, as a damaged file may end the whole process. After a crash there is
no seal, and a child process tries the generation out first.
"""

import contextlib
import hashlib
import io
import json
import logging
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.chroma import GRAPH, ChromaIndex
from retrieval.chroma_child import open_client
from retrieval.errors import IndexBroken, IndexUnavailable
from retrieval.vectors import Build, Place, Vector, VectorIndex

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

log = logging.getLogger(__name__)

WRITE_BATCH = 16
"""Vectors handed to Chroma at a time. It keeps Python's lock meanwhile: 200 stop the event loop for 50 ms or more."""
PROBE_SECONDS = 300
"""What Chroma had not yet put into its graph when it was killed is put there first, at 2.5 ms a vector."""
_ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn whatever a damaged index makes Chroma raise into `IndexBroken`. A panic in Rust is no `Exception`."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise IndexBroken(f"The vector index is broken: {error}") from error


class EmbeddedIndexes:
    """Opened when first needed: after a crash that takes a while."""

    kind = "Chroma, embedded"
    shared = False
    exact = False

    def __init__(self, folder: Path, lock: io.IOBase) -> None:
        self._folder = folder
        self._lock = lock
        self._opening = threading.Lock()
        self._client: ClientAPI | None = None
        self._replaced: list[ClientAPI] = []
        self._indexes: dict[str, ChromaIndex] = {}

    def open(self, place: Place) -> VectorIndex:
        with self._opening:
            client = self._client = self._client or self._open_current()
            if place.name not in self._indexes:
                with _explained():
                    collection = client.get_or_create_collection(
                        place.name, embedding_function=None, configuration=GRAPH
                    )
                self._indexes[place.name] = ChromaIndex(collection, collection, _explained, WRITE_BATCH)
            return self._indexes[place.name]

    def begin(self) -> Build:
        return EmbeddedBuild(self._folder, self._adopt)

    def prune(self, kept: Collection[Place]) -> None:
        names = {place.name for place in kept}
        with self._opening:
            for client in self._replaced:
                _close(client)
            self._replaced.clear()
            if self._client is None:
                return
            with _explained():
                for collection in self._client.list_collections():
                    if collection.name not in names:
                        self._client.delete_collection(collection.name)
                        self._indexes.pop(collection.name, None)
            self._clear_away()

    def close(self) -> None:
        with self._opening:
            for client in self._replaced:
                _close(client)
            if self._client is not None and _close(self._client):
                _seal(self._folder, _current(self._folder))
            self._client = None
        self._lock.close()

    def _adopt(self, generation: str) -> None:
        """Use this generation from now on. Searches that are under way may go on with the one before."""
        with self._opening:
            _point_to(self._folder, generation)
            if self._client is not None:
                self._replaced.append(self._client)
            self._indexes = {}
            self._client = None
            with _explained():
                self._client = open_client(self._folder / generation)

    def _open_current(self) -> "ClientAPI":
        generation = _current(self._folder)
        if not (generation and (self._folder / generation).is_dir()):
            generation = uuid.uuid4().hex[:12]
            _point_to(self._folder, generation)
        else:
            _examine(self._folder, generation)
        with _explained():
            return open_client(self._folder / generation)

    def _clear_away(self) -> None:
        current = _current(self._folder)
        for old in self._folder.iterdir():
            if old.is_dir() and old.name != current:
                shutil.rmtree(old, ignore_errors=True)


class EmbeddedBuild:
    """Vectors are laid down in files; then a child process makes an index of them."""

    def __init__(self, folder: Path, adopt: Callable[[str], None]) -> None:
        self._folder = folder
        self._adopt = adopt
        self._generation = uuid.uuid4().hex[:12]
        self._spool = folder / f"{self._generation}.spool"
        self._parts = 0
        with _written():
            self._spool.mkdir(parents=True)

    def add(self, place: Place, vectors: Mapping[str, Vector]) -> None:
        if not vectors:
            return
        with _written():
            rows = np.stack(list(vectors.values())).astype(np.float16)
            np.savez(self._spool / f"{place.name}.{self._parts}.npz", keys=np.array(list(vectors)), rows=rows)
        self._parts += 1

    def finish(self, told: Callable[[int], None]) -> None:
        made = self._folder / self._generation
        try:
            with _written():
                made.mkdir()
            _in_child("build", made, self._spool, told=told)
            self._adopt(self._generation)
        finally:
            shutil.rmtree(self._spool, ignore_errors=True)


@contextlib.contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IndexUnavailable(
            f"A vector index can't be written ({error.strerror}): make room or give access."
        ) from error


def _in_child(task: str, *folders: Path, told: Callable[[int], None] = lambda _: None) -> None:
    """Run a task of `retrieval.chroma_child`. Raises `IndexBroken` when that fails or crashes."""
    environment = {"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-m", "retrieval.chroma_child", task, *folders],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    timer = threading.Timer(PROBE_SECONDS, child.kill) if task == "probe" else None
    if timer:
        timer.start()
    try:
        assert child.stdout  # noqa: S101 - for the type checker
        for line in child.stdout:
            told(int(line))
        _, said = child.communicate()
    finally:
        if timer:
            timer.cancel()
        child.kill()
        child.wait()
    if child.returncode != 0:
        reason = (said.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise IndexBroken(f"The vector index can't be used ({task}: {reason}).")


def _examine(folder: Path, generation: str) -> None:
    """Raise `IndexBroken` for files that must not be opened; breaks the seal of the others."""
    seal = folder / "sealed"
    try:
        sealed = json.loads(seal.read_text())
    except (OSError, ValueError):
        sealed = None
    if sealed is None:
        log.warning("The vector index in %s was not closed in good order: it is tried out first", folder)
        _in_child("probe", folder / generation)
    elif sealed != {"generation": generation, "files": _digests(folder / generation)}:
        raise IndexBroken("Files of the vector index have changed since it was closed.")
    seal.unlink(missing_ok=True)


def _seal(folder: Path, generation: str) -> None:
    with contextlib.suppress(OSError):
        sealed = {"generation": generation, "files": _digests(folder / generation)}
        (folder / "sealed.new").write_text(json.dumps(sealed))
        (folder / "sealed.new").replace(folder / "sealed")


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[str(path.relative_to(folder))] = hashlib.file_digest(file, "blake2b").hexdigest()
    return found


def _current(folder: Path) -> str:
    """The generation in use; empty if there is none, or its name can't be one."""
    try:
        named = (folder / "current").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
    return named if named.isalnum() else ""


def _point_to(folder: Path, generation: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sealed").unlink(missing_ok=True)
    pointer = folder / f"current.{generation}"
    pointer.write_text(generation)
    pointer.replace(folder / "current")


def _close(client: Any) -> bool:  # `PersistentClient` promises less than it gives
    """Close it; whether that went well. It is a cache, and the lock must go in any case."""
    try:
        with _explained():
            client.close()
    except IndexUnavailable as error:
        log.warning("Closing: %s", error)
        return False
    return True
