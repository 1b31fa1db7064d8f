"""The whole way from a file to a found passage, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llm.embeddings import Embedder
from retrieval import store
from retrieval.passages import Audience
from tests.knowledge import COMPANY, Knowledge, embedded, open_knowledge, record, some_document, statuses, write_records
from tests.ticking import ticking


@pytest.fixture
async def knowledge(database_url: str, tmp_path: Path, embedder: Embedder) -> AsyncIterator[Knowledge]:
    async with open_knowledge(tmp_path / "data", embedder, database_url) as opened:
        yield opened


def some_records(path: Path, count: int) -> Path:
    return write_records(path, *(record(f"d{number}", f"Bicycle number {number} is red.") for number in range(count)))


async def test_documents_are_found(knowledge: Knowledge, tmp_path: Path) -> None:
    await knowledge.ingest(write_records(tmp_path / "r.jsonl", record("a", "电池充满电大约需要五个半小时。")))
    assert await knowledge.found("how long does the battery charge?") == ["电池充满电大约需要五个半小时。"]


async def test_hundreds_of_documents_are_stored(knowledge: Knowledge, tmp_path: Path) -> None:
    reports = await knowledge.ingest(some_records(tmp_path / "r.jsonl", 300))
    assert {status for _, status in statuses(reports)} == {"added"}
    assert len(await knowledge.documents()) == 300


async def test_two_ingestions_at_once_store_each_document_once(knowledge: Knowledge, tmp_path: Path) -> None:
    path = some_records(tmp_path / "r.jsonl", 40)
    await asyncio.gather(knowledge.ingest(path), knowledge.ingest(path))
    assert len(await knowledge.documents()) == 40
    assert await knowledge.database.read(store.count_passages, COMPANY, Audience.PUBLIC) == 40
    assert {status for _, status in statuses(await knowledge.ingest(path))} == {"unchanged"}


async def test_what_becomes_internal_is_hidden(knowledge: Knowledge, tmp_path: Path) -> None:
    path = some_records(tmp_path / "r.jsonl", 3)
    await knowledge.ingest(path)
    await knowledge.search.refresh()
    await knowledge.ingest(path, audience=Audience.INTERNAL)
    assert (await knowledge.search.search(COMPANY, "bicycle")).passages == ()


@pytest.mark.parametrize("query", ["\0", "\ud800", "'; DROP TABLE passage; --"])
async def test_odd_queries_do_no_harm(knowledge: Knowledge, tmp_path: Path, query: str) -> None:
    await knowledge.ingest(some_records(tmp_path / "r.jsonl", 3))
    assert len(await knowledge.found(query)) == 3


async def test_many_passages_never_hold_up_the_event_loop(knowledge: Knowledge) -> None:
    for number in range(4):
        texts = (f"Passage {number} {position} on bicycles." for position in range(500))
        parts = embedded(f"d{number}", *texts, seed=number * 500)
        await knowledge.database.write(store.put_document, some_document(f"d{number}"), parts, knowledge.embedder.name)
    with ticking() as gaps:
        await knowledge.search.refresh()
        await asyncio.sleep(0.02)
    assert max(gaps) < 0.25
