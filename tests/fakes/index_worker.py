"""A process that keeps the vector index of a data folder in line with its database, until it is killed.

`python -m tests.fakes.index_worker FOLDER`: says `up` on stdout once it answers, and `lined up` when all is in line.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.search import Search
from retrieval.settings import RetrievalSettings
from retrieval.vectors import open_indexes
from tests.stores import opened, sqlite_url

MODEL = "a model of numbers"
DIMENSIONS = 16


def vector_of(number: int) -> NDArray[np.float32]:
    """A unit vector, the same for the same number."""
    row = np.random.default_rng(number).normal(size=DIMENSIONS).astype(np.float32)
    unit: NDArray[np.float32] = row / np.linalg.norm(row)
    return unit


class Numbers:
    """Embeds a text that is a number; what it embeds is what the database was filled with."""

    name = MODEL
    dimensions = DIMENSIONS

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([vector_of(int("".join(filter(str.isdigit, text)) or 0)) for text in texts])

    embed_passages = embed_queries

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def close(self) -> None:
        """Nothing to let go of."""


async def main(folder: Path) -> None:
    async with opened(sqlite_url(folder)) as database:
        indexes = await asyncio.to_thread(open_indexes, folder / "vectors")
        search = Search(database, Numbers(), indexes, RetrievalSettings())
        await search.open()
        print("up", flush=True)  # noqa: T201
        while True:
            await search.refresh()
            print("lined up", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
