"""A change of the embedding model: the one before serves until all passages have vectors of the new one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from llm.embeddings import Embedder
from llm.errors import ModelUnavailable
from retrieval import moving
from retrieval.embedders import Embedders
from tests.knowledge import COMPANY, Knowledge, open_knowledge, record, write_records

RECORDS = [record(f"n{number}", f"Lamp number {number} costs {number} euros.") for number in range(40)]
CARGO = record("cargo", "The cargo bike carries 200 kg.")
MEANT = "Wie viel Gewicht trägt das Lastenrad?"


class Turned:
    """The same model with its axes turned round: its vectors mean nothing to those of the first one."""

    name = "another model"

    def __init__(self, model: Embedder, name: str = "another model", allowed: int = 10_000) -> None:
        self.name = name
        self.dimensions = model.dimensions
        self.count_tokens = model.count_tokens
        self.passages: list[str] = []
        self._model = model
        self._allowed = allowed

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not self._allowed:
            raise ModelUnavailable("told to fail")
        return self._model.embed_queries(texts)[:, ::-1].copy()

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(self.passages) + len(texts) > self._allowed:
            raise ModelUnavailable("told to fail")
        self.passages.extend(texts)
        return self._model.embed_passages(texts)[:, ::-1].copy()

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.indexing.EMBED_TOGETHER", 8)


@pytest.fixture
async def folder(tmp_path: Path, embedder: Embedder) -> Path:
    """Documents served by the packaged model, which is registered."""
    async with open_knowledge(tmp_path / "data", embedder) as knowledge:
        await Embedders(knowledge.embedder, "the packaged one").register(knowledge.database)
        await knowledge.ingest(write_records(tmp_path / "lamps.jsonl", *RECORDS, CARGO))
        await knowledge.search.refresh()
    return tmp_path / "data"


@contextlib.asynccontextmanager
async def moved_to(folder: Path, model: Turned, before: Embedder | None) -> AsyncIterator[Knowledge]:
    """The same documents, when the settings name another model; the one before can be loaded or not."""
    async with open_knowledge(folder, model) as knowledge:

        def load(settings: str) -> Embedder:
            if before is None or settings != "the packaged one":
                raise ModelUnavailable("gone")
            return before

        embedders = Embedders(knowledge.embedder, "another one", load)
        await embedders.register(knowledge.database)
        yield replace(knowledge, search=replace(knowledge.search, embedders=embedders))


async def progress(knowledge: Knowledge) -> tuple[int, int] | None:
    move = await knowledge.database.read(moving.move_of, COMPANY, "another one")
    return move[1:] if move else None


async def found(knowledge: Knowledge, query: str) -> list[str]:
    result = await knowledge.search.search(COMPANY, query)
    return [each.passage.document for each in result.passages]


async def test_the_model_before_serves_at_first(folder: Path, embedder: Embedder) -> None:
    async with moved_to(folder, Turned(embedder), before=embedder) as knowledge:
        await knowledge.search.refresh(move=False)
        assert (await found(knowledge, MEANT))[0] == "cargo"
        assert await progress(knowledge) == (0, 41)


async def test_a_move_that_breaks_off_leaves_the_model_before(folder: Path, embedder: Embedder) -> None:
    model = Turned(embedder, allowed=20)
    async with moved_to(folder, model, before=embedder) as knowledge:
        with pytest.raises(ModelUnavailable):
            await knowledge.search.refresh()
        assert (await found(knowledge, MEANT))[0] == "cargo"
        assert 0 < len(model.passages) <= 20
        assert await progress(knowledge) == (len(model.passages), 41)


async def test_it_goes_on_where_it_was(folder: Path, embedder: Embedder) -> None:
    first, second = Turned(embedder, allowed=20), Turned(embedder)
    async with moved_to(folder, first, before=embedder) as knowledge:
        with pytest.raises(ModelUnavailable):
            await knowledge.search.refresh()
    async with moved_to(folder, second, before=embedder) as knowledge:
        await knowledge.search.refresh()
        assert len(first.passages) + len(second.passages) == 41


async def test_then_the_new_model_serves(folder: Path, embedder: Embedder) -> None:
    async with moved_to(folder, Turned(embedder), before=embedder) as knowledge:
        await knowledge.search.refresh()
        assert (await found(knowledge, MEANT))[0] == "cargo"
        assert await progress(knowledge) is None
    async with moved_to(folder, Turned(embedder), before=None) as knowledge:
        await knowledge.search.open()
        assert (await found(knowledge, MEANT))[0] == "cargo"


async def test_questions_are_answered_all_the_while(folder: Path, embedder: Embedder) -> None:
    async with moved_to(folder, Turned(embedder), before=embedder) as knowledge:
        await knowledge.search.open()
        moving_on = asyncio.create_task(knowledge.search.refresh())
        firsts = set()
        while not moving_on.done():
            firsts.add((await found(knowledge, MEANT))[0])
        assert firsts == {"cargo"}


async def test_progress_is_told(folder: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.indexing.TELL_SECONDS", 0.0)
    told: list[tuple[str, int, int]] = []
    async with moved_to(folder, Turned(embedder), before=embedder) as knowledge:
        await knowledge.search.open()
        await knowledge.search.move(lambda *step: told.append(step))
    assert told == sorted(told)
    assert len(told) > 41 // 8
    assert told[-1] == (COMPANY, 41, 41)


async def test_what_is_taken_in_meanwhile_is_found_by_both(folder: Path, embedder: Embedder, tmp_path: Path) -> None:
    new = write_records(tmp_path / "more.jsonl", record("museum", "The museum opens at nine on Sundays."))
    query = "um wie viel Uhr kann ich die Ausstellung sehen"
    async with moved_to(folder, Turned(embedder), before=embedder) as knowledge:
        await knowledge.search.open()
        await knowledge.ingest(new)  # embedded by the new model alone
        await knowledge.search.refresh(move=False)
        assert "museum" in (await found(knowledge, query))[:2]
        await knowledge.search.refresh()
        assert "museum" in (await found(knowledge, query))[:2]


async def test_keywords_serve_where_the_model_before_is_gone(folder: Path, embedder: Embedder) -> None:
    async with moved_to(folder, Turned(embedder), before=None) as knowledge:
        await knowledge.search.open()
        result = await knowledge.search.search(COMPANY, "What does the cargo bike carry?")
        assert result.passages[0].passage.document == "cargo"
        assert result.confidence > 0.3
        assert await found(knowledge, MEANT) == []
        await knowledge.search.refresh()
        assert (await found(knowledge, MEANT))[0] == "cargo"


async def test_two_processes_share_the_work(folder: Path, embedder: Embedder) -> None:
    one, two = Turned(embedder), Turned(embedder)
    async with (
        moved_to(folder, one, before=embedder) as first,
        moved_to(folder, two, before=embedder) as second,
    ):
        await asyncio.gather(first.search.refresh(), second.search.refresh())
        assert (await found(first, MEANT))[0] == (await found(second, MEANT))[0] == "cargo"


async def test_another_process_follows(folder: Path, embedder: Embedder) -> None:
    async with (
        moved_to(folder, Turned(embedder), before=embedder) as first,
        moved_to(folder, Turned(embedder), before=embedder) as second,
    ):
        await second.search.open()
        await first.search.refresh()
        await second.search.refresh(move=False)
        assert second.search._indexing.bases[next(iter(second.search._indexing.bases))].embedder.name == "another model"
        assert (await found(second, MEANT))[0] == "cargo"


async def test_while_no_model_can_be_asked_words_find(folder: Path, embedder: Embedder) -> None:
    async with moved_to(folder, Turned(embedder, allowed=0), before=None) as knowledge:
        await knowledge.search.open()
        result = await knowledge.search.search(COMPANY, "What does the cargo bike carry?")
        assert result.passages[0].passage.document == "cargo"
        assert 0.3 < result.confidence < 0.67
        assert (await knowledge.search.search(COMPANY, "Who won the chess championship?")).confidence < 0.3
