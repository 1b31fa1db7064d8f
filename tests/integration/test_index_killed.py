"""A process is killed while it writes 50,000 vectors, and bytes of its files change: nothing is lost."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval import store
from retrieval.database import Database
from retrieval.passages import Audience
from retrieval.search import Search
from retrieval.settings import RetrievalSettings
from retrieval.vectors import Place, open_indexes, serial_of
from tests.fakes.index_worker import MODEL, Numbers, vector_of
from tests.knowledge import COMPANY, some_document, some_passage
from tests.stores import opened, sqlite_url

PASSAGES = 50_000
A_DOCUMENT = 1_000
PLACE = Place(COMPANY, Audience.PUBLIC, MODEL)
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(900)


async def put(database: Database, number: int) -> None:
    """A document of passages whose only text is their number."""
    numbers = range(number * A_DOCUMENT, (number + 1) * A_DOCUMENT)
    name = f"d{number}"
    parts = [
        store.Embedded(some_passage(name, position, f"n{each}"), vector_of(each))
        for position, each in enumerate(numbers)
    ]
    await database.write(store.put_document, some_document(name), parts, MODEL)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    async with opened(sqlite_url(tmp_path)) as database:
        for number in range(PASSAGES // A_DOCUMENT):
            await put(database, number)
    return tmp_path


def start(folder: Path) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.index_worker", folder], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert worker.stdout
    assert worker.stdout.readline() == "up\n"
    return worker


def kill(worker: subprocess.Popen[str]) -> None:
    assert worker.poll() is None, "it ended by itself"
    worker.kill()
    worker.communicate()


def being_made(folder: Path) -> bool:
    """Whether an index is being made beside the one in use."""
    return any(path.suffix == ".spool" for path in (folder / "vectors").glob("*"))


async def all_is_found(folder: Path, dice: random.Random) -> None:
    """The index holds all of SQL and finds what was put in."""
    async with opened(sqlite_url(folder)) as database:
        indexes = await asyncio.to_thread(open_indexes, folder / "vectors")
        search = Search(database, Numbers(), indexes, RetrievalSettings())
        await search.refresh()
        count = await database.read(store.count_passages, COMPANY, Audience.PUBLIC)
        index = await asyncio.to_thread(indexes.open, PLACE)
        assert len(index.held()) == count
        vectors = [vector_of(dice.randrange(count)) for _ in range(100)]
        near = [serial_of((await asyncio.to_thread(index.nearest, each, 1))[0]) for each in vectors]
        rows = await database.read(store.vectors_of, MODEL, near)
        assert sum(rows[serial] @ each > 0.99 for serial, each in zip(near, vectors, strict=True)) >= 98
        await asyncio.to_thread(indexes.close)


def flip(folder: Path, dice: random.Random) -> None:
    """Change bytes in each of the files of the index."""
    for path in sorted((folder / "vectors").rglob("*")):
        if path.is_file() and path.stat().st_size > 200 and path.suffix != ".lock":
            with path.open("r+b") as file:
                for _ in range(50):
                    file.seek(dice.randrange(path.stat().st_size))
                    file.write(bytes([dice.randrange(256)]))


async def test_a_process_is_killed_while_it_writes_and_its_files_are_damaged(folder: Path) -> None:
    dice = random.Random(5)  # noqa: S311 - no secret

    worker = start(folder)
    while not being_made(folder):  # noqa: ASYNC110 - in another process
        await asyncio.sleep(0.01)
    await asyncio.sleep(dice.uniform(0, 4))
    kill(worker)  # while the index is made in one go
    await all_is_found(folder, dice)

    worker = start(folder)
    async with opened(sqlite_url(folder)) as database:
        await put(database, PASSAGES // A_DOCUMENT)
    await asyncio.sleep(dice.uniform(0, 2))
    kill(worker)  # while documents are added to it
    await all_is_found(folder, dice)

    flip(folder, dice)
    await all_is_found(folder, dice)
