"""What is left when taking documents in breaks off, or is done twice at once."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from retrieval import store
from retrieval.database import Database, Listener
from retrieval.database.common import Operation, P, T
from retrieval.ingest import Status
from retrieval.passages import Audience
from tests.ingesting import write
from tests.knowledge import COMPANY, Knowledge, record, statuses, write_records

PUBLIC, INTERNAL = Audience.PUBLIC, Audience.INTERNAL


class Crash(Exception):
    """The machine lost its power."""


@dataclass
class Crashing:
    """A database that lives through so many documents."""

    database: Database
    documents: int
    dialect = "sqlite"
    url = ""

    async def read(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.database.read(operation, *args, **kwargs)

    async def write(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.documents == 0:
            raise Crash
        self.documents -= 1
        return await self.database.write(operation, *args, **kwargs)

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        return self.database.listen(topic, listener)

    async def close(self) -> None:
        await self.database.close()


class TestBrokenOff:
    async def test_a_run_is_completed_by_the_next(self, knowledge: Knowledge, files: Path) -> None:
        for number in range(4):
            write_records(files / f"{number}.jsonl", *(record(f"{number}-{n}", f"{number} {n}.") for n in range(90)))
        async with aclosing(knowledge.ingestion().run([files])) as run:
            async for _ in run:
                break
        before = len(await knowledge.documents())
        assert 0 < before < 360
        reports = await knowledge.ingest(files)
        assert {report.status for report in reports} <= {Status.ADDED, Status.UNCHANGED}
        assert len(await knowledge.documents()) == 360

    @pytest.mark.parametrize("written", [0, 1, 5, 9])
    async def test_between_documents_of_one_file_is_completed(
        self, knowledge: Knowledge, files: Path, written: int
    ) -> None:
        path = write_records(files / "r.jsonl", *(record(f"d{n}", f"Text {n}.") for n in range(9)))
        crashing = replace(knowledge.ingestion(), database=Crashing(knowledge.database, written))
        with pytest.raises(Crash):
            await anext(crashing.run([path]))
        assert len(await knowledge.documents()) == written
        assert [report.status.value for report in await knowledge.ingest(path)] == ["unchanged"] * written + [
            "added"
        ] * (9 - written)

    async def test_an_update_is_completed_by_the_next(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("a", "First."), record("b", "Second."))
        await knowledge.ingest(path)
        write_records(path, record("a", "First, changed."), record("c", "Third."))
        crashing = replace(knowledge.ingestion(), database=Crashing(knowledge.database, 1))
        with pytest.raises(Crash):
            await anext(crashing.run([path]))
        assert sorted(statuses(await knowledge.ingest(path))) == [("a", "unchanged"), ("b", "removed"), ("c", "added")]

    async def test_and_the_file_restored_leaves_nothing_of_the_change(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("a", "First."))
        await knowledge.ingest(path)
        (document,) = await knowledge.documents()
        added = replace(document, id="b")
        await knowledge.database.write(store.put_document, added, [], knowledge.embedder.name)
        assert sorted(statuses(await knowledge.ingest(path))) == [("a", "unchanged"), ("b", "removed")]


class TestTwoAtOnce:
    async def test_end_with_each_document_once(self, knowledge: Knowledge, files: Path) -> None:
        for number in range(6):
            write(files / f"{number}.md", f"# Number {number}\n\nText {number}.")
        await asyncio.gather(knowledge.ingest(files), knowledge.ingest(files))
        assert [document.passages for document in await knowledge.documents()] == [1] * 6
        assert await knowledge.database.read(store.count_passages, COMPANY, PUBLIC) == 6

    async def test_of_two_audiences_end_with_internal(self, knowledge: Knowledge, files: Path) -> None:
        for number in range(6):
            write(files / f"{number}.md", f"# Number {number}\n\nText {number}.")
        await asyncio.gather(knowledge.ingest(files), knowledge.ingest(files, audience=INTERNAL))
        assert await knowledge.documents(audience=PUBLIC) == []
        assert len(await knowledge.documents(audience=INTERNAL)) == 6

    async def test_of_two_companies_do_not_meet(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("a", "The same words."))
        await asyncio.gather(knowledge.ingest(path), knowledge.ingest(path, company="other"))
        assert [await knowledge.texts("a", company) for company in (COMPANY, "other")] == [["The same words."]] * 2
