"""The vector index fails, and answers go on; it is made anew, of what SQL holds."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from llm.embeddings import Embedder
from retrieval import moving
from retrieval.passages import Audience, Found
from retrieval.vectors import Place
from tests.chroma_server import ChromaServer
from tests.knowledge import COMPANY, Knowledge, open_knowledge, record, write_records

RECORDS = [
    record("E-07", "The motor is hotter than 110 °C and has switched off its help.", title="E-07 Motor too hot"),
    record("E-09", "The battery is colder than -10 °C. Take it into a warm room.", title="E-09 Battery too cold"),
    record("cargo", "The cargo bike carries 200 kg.", title="Cargo"),
    record("price", "A spare battery costs 489 euros.", title="Spare battery"),
]
MEANT = "wie viel Last kann ich damit transportieren"
"""Finds the cargo bike by its meaning; no word of it stands there."""


@pytest.fixture(autouse=True)
def _large_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four passages are taken for many: the index is searched, not memory; and it is tried again at once."""
    monkeypatch.setattr("retrieval.dense.EXACT_UP_TO", 0)
    monkeypatch.setattr("retrieval.dense.RETRY_SECONDS", 0.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChromaServer]:
    server = ChromaServer(tmp_path / "server")
    server.start()
    yield server
    server.stop()


@contextlib.asynccontextmanager
async def shop(folder: Path, embedder: Embedder, server: ChromaServer | None = None) -> AsyncIterator[Knowledge]:
    async with open_knowledge(folder, embedder, index=server.settings(chroma_timeout=5) if server else None) as opened:
        await opened.ingest(write_records(folder.parent / "shop.jsonl", *RECORDS))
        await opened.search.refresh()
        yield opened


async def found(knowledge: Knowledge, query: str) -> Found:
    return await knowledge.search.search(COMPANY, query)


async def first(knowledge: Knowledge, query: str) -> str:
    return (await found(knowledge, query)).passages[0].passage.document


async def by_meaning(knowledge: Knowledge) -> bool:
    """Whether more is found than has the words."""
    return [each.passage.document for each in (await found(knowledge, MEANT)).passages][:1] == ["cargo"]


def lose_collections(knowledge: Knowledge) -> None:
    client = knowledge.indexes._client  # type: ignore[attr-defined]
    for collection in client.list_collections():
        client.delete_collection(collection.name)


async def trouble(knowledge: Knowledge) -> str:
    return "".join(each.trouble for each in await knowledge.database.read(moving.work_noted, time.time() - 60))


class TestEmbedded:
    async def test_it_finds_by_meaning(self, tmp_path: Path, embedder: Embedder) -> None:
        async with shop(tmp_path / "data", embedder) as knowledge:
            assert await by_meaning(knowledge)

    async def test_without_its_index_a_search_finds_by_keywords(self, tmp_path: Path, embedder: Embedder) -> None:
        async with shop(tmp_path / "data", embedder) as knowledge:
            await asyncio.to_thread(lose_collections, knowledge)
            assert await first(knowledge, "E-07") == "E-07"
            assert not await by_meaning(knowledge)

    async def test_a_lost_index_is_made_anew(self, tmp_path: Path, embedder: Embedder) -> None:
        async with shop(tmp_path / "data", embedder) as knowledge:
            await asyncio.to_thread(lose_collections, knowledge)
            await found(knowledge, MEANT)
            await knowledge.search.refresh()
            assert await by_meaning(knowledge)

    async def test_one_that_is_lost_when_it_is_written_is_made_anew(self, tmp_path: Path, embedder: Embedder) -> None:
        async with shop(tmp_path / "data", embedder) as knowledge:
            await asyncio.to_thread(lose_collections, knowledge)
            await knowledge.ingest(write_records(tmp_path / "more.jsonl", record("lamp", "A lamp costs 20 euros.")))
            assert (await knowledge.found("what is the price of a lamp"))[0] == "A lamp costs 20 euros."
            assert await by_meaning(knowledge)

    async def test_vectors_that_are_wrong_are_noticed_when_it_is_opened(
        self, tmp_path: Path, embedder: Embedder
    ) -> None:
        async with shop(tmp_path / "data", embedder) as knowledge:
            index = knowledge.indexes.open(Place(COMPANY, Audience.PUBLIC, embedder.name))
            keys = sorted(index.held())
            turned = embedder.embed_queries(["Who", "has", "seen", "them?"])
            await asyncio.to_thread(index.add, dict(zip(keys, turned, strict=True)))
        async with open_knowledge(tmp_path / "data", embedder) as knowledge:
            await knowledge.search.refresh()
            assert await by_meaning(knowledge)

    async def test_while_a_new_one_is_made_the_old_one_serves(self, tmp_path: Path, embedder: Embedder) -> None:
        async with shop(tmp_path / "data", embedder) as knowledge:
            more = [record(f"n{number}", f"Lamp number {number}.") for number in range(20)]
            await knowledge.ingest(write_records(tmp_path / "more.jsonl", *more))
            refreshing = asyncio.create_task(knowledge.search.refresh())  # from 4 to 24 vectors: it is outgrown
            asked = []
            while not refreshing.done():
                asked.append(await by_meaning(knowledge))
            assert all(asked)
            assert await by_meaning(knowledge)


class TestAServer:
    async def test_it_finds_by_meaning(self, tmp_path: Path, embedder: Embedder, server: ChromaServer) -> None:
        async with shop(tmp_path / "data", embedder, server) as knowledge:
            assert await by_meaning(knowledge)

    async def test_while_it_is_down_keywords_find(
        self, tmp_path: Path, embedder: Embedder, server: ChromaServer
    ) -> None:
        async with shop(tmp_path / "data", embedder, server) as knowledge:
            server.stop()
            assert await first(knowledge, "E-07") == "E-07"
            assert not await by_meaning(knowledge)

    async def test_once_it_is_back_it_finds_by_meaning(
        self, tmp_path: Path, embedder: Embedder, server: ChromaServer
    ) -> None:
        async with shop(tmp_path / "data", embedder, server) as knowledge:
            server.stop()
            await found(knowledge, MEANT)
            await knowledge.search.refresh()
            assert "doesn't answer" in await trouble(knowledge)
            server.start()
            await knowledge.search.refresh()
            assert await by_meaning(knowledge)
            assert await trouble(knowledge) == ""

    async def test_one_that_was_emptied_is_filled_again(
        self, tmp_path: Path, embedder: Embedder, server: ChromaServer
    ) -> None:
        async with shop(tmp_path / "data", embedder, server) as knowledge:
            await asyncio.to_thread(knowledge.indexes.prune, [])
            await found(knowledge, MEANT)
            await knowledge.search.refresh()
            assert await by_meaning(knowledge)

    async def test_one_that_hangs_keeps_nobody_waiting(
        self, tmp_path: Path, embedder: Embedder, server: ChromaServer
    ) -> None:
        settings = server.settings(chroma_timeout=0.5)
        async with open_knowledge(tmp_path / "data", embedder, index=settings) as knowledge:
            await knowledge.ingest(write_records(tmp_path / "shop.jsonl", *RECORDS))
            await knowledge.search.refresh()
            server.freeze()
            try:
                assert await first(knowledge, "E-07") == "E-07"
                await knowledge.search.open()
                assert await first(knowledge, "E-09") == "E-09"
            finally:
                server.thaw()

    async def test_one_that_is_down_at_the_start_is_done_without(self, tmp_path: Path, embedder: Embedder) -> None:
        server = ChromaServer(tmp_path / "server")
        async with shop(tmp_path / "data", embedder, server) as knowledge:
            assert await first(knowledge, "E-07") == "E-07"
            server.start()
            await knowledge.search.refresh()
            assert await by_meaning(knowledge)
        server.stop()

    async def test_what_one_process_adds_another_finds(
        self, tmp_path: Path, embedder: Embedder, server: ChromaServer
    ) -> None:
        async with (
            shop(tmp_path / "data", embedder, server) as writer,
            open_knowledge(tmp_path / "data", embedder, index=server.settings(chroma_timeout=5)) as reader,
        ):
            await reader.search.refresh()
            assert await by_meaning(reader)
            await reader.ingest(write_records(tmp_path / "more.jsonl", record("lamp", "A lamp costs 20 euros.")))
            await writer.search.refresh()
            assert "A lamp costs 20 euros." in await reader.found("Leuchte")

    async def test_a_reader_follows_to_the_collection_that_takes_the_place_of_the_one_it_knew(
        self, tmp_path: Path, embedder: Embedder, server: ChromaServer
    ) -> None:
        async with (
            shop(tmp_path / "data", embedder, server) as writer,
            open_knowledge(tmp_path / "data", embedder, index=server.settings(chroma_timeout=5)) as reader,
        ):
            await reader.search.refresh()
            more = [record(f"n{number}", f"Lamp number {number}.") for number in range(20)]
            await writer.ingest(write_records(tmp_path / "more.jsonl", *more))
            await writer.search.refresh()  # from 4 to 24 vectors: it is made anew
            await found(reader, MEANT)
            await reader.search.refresh()
            assert await by_meaning(reader)
