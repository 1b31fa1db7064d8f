"""What is done to Chroma's files in a process of its own.

`build` makes an index of many vectors there, at low priority: embedded Chroma keeps Python's lock while it writes, and
would hold all answers up. `probe` opens an index that a crash left behind: a damaged one may end the process.
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.chroma import BUILT, GRAPH

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

WRITE_BATCH = 200
SAMPLE = 200
"""Vectors of each collection that have to find themselves."""
FOUND, NEAR = 0.9, 0.01
"""So large a share of them must find something so near (1 - cosine): themselves, or what says the same."""
DAMAGED = 3
"""The exit code for an index that doesn't find what it holds."""


def open_client(folder: Path) -> "ClientAPI":
    """Chroma on this folder."""
    import chromadb  # here, not above: it takes most of a second, and `answerdesk --help` needs none of it
    from chromadb.config import Settings

    settings: Any = Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(str(folder), settings=settings)


def build(folder: Path, spool: Path) -> None:
    """Make the collections that `spool` holds, a `NAME.N.npz` a part; says on stdout how many vectors are in."""
    client: Any = open_client(folder)
    done = 0
    for name in sorted({part.name.removesuffix("".join(part.suffixes[-2:])) for part in spool.glob("*.npz")}):
        keys, rows = _read(spool, name)
        collection = client.create_collection(
            name, embedding_function=None, configuration=GRAPH, metadata={BUILT: len(keys)}
        )
        collection.query(query_embeddings=rows[:1], n_results=1, include=[])  # see ChromaIndex.add
        for start in range(0, len(keys), WRITE_BATCH):
            some = slice(start, start + WRITE_BATCH)
            collection.upsert(ids=keys[some], embeddings=rows[some].astype(np.float32))
            done += len(keys[some])
            print(done, flush=True)  # noqa: T201 - what the parent reads
    probe_client(client)
    client.close()


def _read(spool: Path, name: str) -> tuple[list[str], NDArray[np.float16]]:
    """All parts of a collection, in no order.

    Put in document by document, what is alike forms islands in the graph that no search reaches: among 25,000 vectors,
    the ten nearest are found by .983, shuffled by 1.000.
    """
    keys: list[str] = []
    rows = []
    for part in spool.glob(f"{name}.*.npz"):
        with np.load(part) as held:
            keys += held["keys"].tolist()
            rows.append(held["rows"])
    order = np.random.default_rng(len(keys)).permutation(len(keys))
    return [keys[row] for row in order], np.concatenate(rows)[order]


def probe(folder: Path) -> None:
    """Ask each collection for what it holds; exits with `DAMAGED` where it doesn't find that."""
    client: Any = open_client(folder)
    probe_client(client)
    client.close()


def probe_client(client: Any) -> None:
    """Let a sample of each collection's vectors look for themselves."""
    for collection in client.list_collections():
        count = collection.count()
        found = asked = 0
        for offset in range(0, count, max(1, count // 10)):
            held = collection.get(limit=SAMPLE // 10, offset=offset, include=["embeddings"])
            rows = np.asarray(held["embeddings"], dtype=np.float32)
            if not len(rows):
                continue
            near = collection.query(query_embeddings=rows, n_results=min(count, 10), include=["distances"])["distances"]
            asked += len(rows)
            found += sum(bool(each) and each[0] < NEAR for each in near)
        if found < FOUND * asked:
            sys.exit(DAMAGED)


def _end_with_parent() -> None:
    """End when the parent is gone: the next one owns these files."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


if __name__ == "__main__":
    os.nice(5)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    task, *folders = sys.argv[1:]
    (build if task == "build" else probe)(*map(Path, folders))
