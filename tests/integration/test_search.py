"""Finding passages: in real SQL, real Chroma, with the real embedding model."""

import asyncio
import contextlib
import random
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm.embeddings import Embedder
from retrieval import store
from retrieval.passages import Audience
from retrieval.vectors import Place, ScanIndexes
from tests.knowledge import (
    COMPANY,
    Knowledge,
    open_knowledge,
    record,
    write_records,
)

PUBLIC, INTERNAL = Audience.PUBLIC, Audience.INTERNAL

HOT = "The motor is hotter than 110 °C and has switched off its help."
COLD = "The battery is colder than -10 °C. Take it into a warm room."
PRICE = "A spare battery costs 489 euros."
RETURNS = "您可以在收货后三十天内退货，运费由我们承担。"
CHARGING = "电池充满电大约需要五个半小时。"
HOURS = "Montags bis freitags von 9 bis 19 Uhr."
CARGO = record("cargo", "The cargo bike carries 200 kg.")
RECORDS = [
    record("E-07", f"Error code E-07: {HOT}", title="E-07 Motor too hot", lang="en"),
    record("E-09", f"Error code E-09: {COLD}", title="E-09 Battery too cold", lang="en"),
    record("HB-2418", f"Article HB-2418. {PRICE}", title="Spare battery", lang="en"),
    record("returns", RETURNS, title="怎么退货？", lang="zh"),
    record("charging", CHARGING, title="电池充电要多久？", lang="zh"),
    record("hours", HOURS, title="Wann haben Sie geöffnet?", lang="de"),
]


@pytest.fixture
async def shop(knowledge: Knowledge, tmp_path: Path) -> Knowledge:
    """A company with six documents in three languages."""
    await knowledge.ingest(write_records(tmp_path / "shop.jsonl", *RECORDS))
    await knowledge.search.refresh()
    return knowledge


async def documents(knowledge: Knowledge, query: str, count: int = 10, company: str = COMPANY) -> list[str]:
    found = await knowledge.search.search(company, query, count=count)
    return [scored.passage.document for scored in found.passages]


class TestASearch:
    @pytest.mark.parametrize("query", ["E-07", "e07", "E07?", "E‑07", "my display shows e-07", "显示E-07怎么办"])
    async def test_finds_an_error_code_however_it_is_written(self, shop: Knowledge, query: str) -> None:
        assert (await documents(shop, query))[0] == "E-07"

    @pytest.mark.parametrize("query", ["HB-2418", "hb2418", "how much is hb-2418"])
    async def test_finds_an_article_number(self, shop: Knowledge, query: str) -> None:
        assert (await documents(shop, query))[0] == "HB-2418"

    @pytest.mark.parametrize(
        ("query", "document"),
        [
            ("东西不想要了，怎么退", "returns"),
            ("电池要充几个小时", "charging"),
            ("星期一几点开门", "hours"),
            ("how do I send something back?", "returns"),
            ("why did my motor stop helping on the climb?", "E-07"),
            ("Akku zu kalt", "E-09"),
            ("сколько стоит запасной аккумулятор", "HB-2418"),
        ],
    )
    async def test_finds_the_meaning_across_languages(self, shop: Knowledge, query: str, document: str) -> None:
        assert (await documents(shop, query))[0] == document

    async def test_ranks_by_score(self, shop: Knowledge) -> None:
        scores = [scored.score for scored in (await shop.search.search(COMPANY, "battery")).passages]
        assert scores == sorted(scores, reverse=True)

    async def test_gives_no_more_than_asked_for(self, shop: Knowledge) -> None:
        assert len(await documents(shop, "battery", count=2)) == 2

    async def test_gives_all_when_more_is_asked_for_than_there_is(self, shop: Knowledge) -> None:
        assert sorted(await documents(shop, "battery", count=5_000)) == sorted(each["id"] for each in RECORDS)

    async def test_gives_each_passage_once(self, shop: Knowledge) -> None:
        found = (await shop.search.search(COMPANY, "battery E-07 退货")).passages
        assert len({scored.passage.id for scored in found}) == len(found) == 6

    @pytest.mark.parametrize("query", ["", "   ", "\n\t", "\u3000"])
    async def test_for_nothing_finds_nothing(self, shop: Knowledge, query: str) -> None:
        found = await shop.search.search(COMPANY, query)
        assert (found.passages, found.confidence) == ((), 0.0)

    @pytest.mark.parametrize(
        "query",
        [
            "\ud800",
            "battery \udcff",
            "\0",
            "battery\0charging",
            "\u202ebattery",
            "\ufeff\u200b",
            "🔋🔋🔋",
            "%' OR 1=1 --",
            'NEAR("a" "b")',
            'text:* AND "unclosed',
            "battery*^:(){}[]~\\",
            "<s></s><unk>",
            "query: passage: ",
            "\u0301" * 500,
            "battery " * 20_000,
            "电" * 50_000,
            "x" * 100_000,
        ],
    )
    async def test_bears_any_text(self, shop: Knowledge, query: str) -> None:
        found = await shop.search.search(COMPANY, query, count=3)
        assert len(found.passages) == 3
        assert 0 <= found.confidence <= 1

    @given(query=st.text(alphabet=st.characters(exclude_categories=()), min_size=1, max_size=80))
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_bears_whatever_people_type(self, shop: Knowledge, query: str) -> None:
        found = await shop.search.search(COMPANY, query)
        assert len(found.passages) == (6 if query.strip() else 0)

    async def test_of_an_unknown_company_finds_nothing(self, shop: Knowledge) -> None:
        assert await documents(shop, "battery", company="nobody") == []

    async def test_is_more_sure_of_what_is_there(self, shop: Knowledge) -> None:
        near = await shop.search.search(COMPANY, "E-07 motor too hot, what now?")
        far = await shop.search.search(COMPANY, "Who won the chess championship in 1972?")
        assert far.confidence < 0.4 < near.confidence

    async def test_may_be_one_of_many(self, shop: Knowledge) -> None:
        found = await asyncio.gather(*(documents(shop, each["title"]) for each in RECORDS * 3))
        assert [first for first, *_ in found] == [each["id"] for each in RECORDS * 3]


class TestTenants:
    @pytest.fixture
    async def two(self, knowledge: Knowledge, tmp_path: Path) -> Knowledge:
        """Two companies, each with public and internal documents under the same ids."""
        for company in ("a", "b"):
            for audience in Audience:
                path = tmp_path / company / audience / "r.jsonl"
                path.parent.mkdir(parents=True)
                write_records(path, record(f"{audience}-1", f"{company} {audience}: the code word.", title="How?"))
                await knowledge.ingest(path, company=company, audience=audience)
        await knowledge.search.refresh()
        return knowledge

    @pytest.mark.parametrize("company", ["a", "b"])
    async def test_find_their_own(self, two: Knowledge, company: str) -> None:
        assert await two.found("code word", company) == [f"{company} public: the code word."]

    @pytest.mark.parametrize("company", ["a", "b"])
    async def test_staff_find_public_and_internal(self, two: Knowledge, company: str) -> None:
        found = await two.found("code word", company, INTERNAL)
        assert sorted(found) == [f"{company} internal: the code word.", f"{company} public: the code word."]

    async def test_are_asked_the_questions_of_their_own(self, two: Knowledge) -> None:
        asked = await two.database.read(store.sample_questions, "a", "en", 10)
        assert asked == ["How?"]

    async def test_lose_nothing_when_another_removes_the_same_id(self, two: Knowledge) -> None:
        await two.database.write(store.remove_document, "b", "public-1")
        assert await two.found("code word", "a") == ["a public: the code word."]
        assert await two.found("code word", "b") == []


class TestKeepingUp:
    async def test_finds_what_another_process_added(self, shop: Knowledge, tmp_path: Path, embedder: Embedder) -> None:
        async with open_knowledge(tmp_path / "data", embedder) as other:
            await other.ingest(write_records(tmp_path / "more.jsonl", CARGO))
        assert (await shop.found("how much can the cargo bike carry"))[0] == "The cargo bike carries 200 kg."

    async def test_follows_what_another_process_adds(self, shop: Knowledge, tmp_path: Path, embedder: Embedder) -> None:
        async with following(shop), open_knowledge(tmp_path / "data", embedder) as other:
            await other.ingest(write_records(tmp_path / "more.jsonl", CARGO))
            for _ in range(200):
                if (await documents(shop, "how much can the cargo bike carry"))[0] == "cargo":
                    return
                await asyncio.sleep(0.05)
        raise AssertionError("The document is not found")

    async def test_goes_on_following_after_a_failure(self, shop: Knowledge, tmp_path: Path) -> None:
        failing = replace(shop.search, database=FailingOnce(shop.database))
        async with following(replace(shop, search=failing)):
            await asyncio.sleep(0.1)
            await shop.ingest(write_records(tmp_path / "more.jsonl", CARGO))
            for _ in range(200):
                found = await failing.search(COMPANY, "how much can the cargo bike carry")
                if found.passages and found.passages[0].passage.document == "cargo":
                    return
                await asyncio.sleep(0.05)
        raise AssertionError("The document is not found")

    async def test_never_misses_a_document_while_it_is_replaced(self, shop: Knowledge, tmp_path: Path) -> None:
        changed = [each | {"text": f"{each['text']} (new)"} for each in RECORDS]
        await shop.ingest(write_records(tmp_path / "shop.jsonl", *changed))
        found = await shop.search.search(COMPANY, "E-07")  # no refresh: the indexes know the old passages only
        assert found.passages[0].passage.text.endswith("(new)")
        assert len(found.passages) == 6

    async def test_a_removed_document_is_not_found(self, shop: Knowledge) -> None:
        await shop.database.write(store.remove_document, COMPANY, "E-07")
        assert "E-07" not in await documents(shop, "E-07")

    async def test_a_company_without_documents_any_more_has_none(self, shop: Knowledge) -> None:
        for each in RECORDS:
            await shop.database.write(store.remove_document, COMPANY, each["id"])
        assert await shop.found("E-07") == []

    async def test_refreshing_again_costs_nothing(self, shop: Knowledge) -> None:
        before = list(shop.embedder.passages)
        await shop.search.refresh()
        assert shop.embedder.passages == before


class FailingOnce:
    """A database whose first read fails."""

    dialect = "sqlite"
    url = ""

    def __init__(self, database: object) -> None:
        self._database = database
        self._failed = False

    def __getattr__(self, name: str) -> object:
        if name == "read" and not self._failed:
            self._failed = True
            raise OSError("the disk is away")
        return getattr(self._database, name)


@contextlib.asynccontextmanager
async def following(knowledge: Knowledge) -> AsyncIterator[None]:
    task = asyncio.create_task(knowledge.search.follow(0.05))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


class TestAfterARestart:
    @pytest.fixture
    async def data(self, tmp_path: Path, embedder: Embedder) -> Path:
        """The data folder of a shop that was shut down."""
        async with open_knowledge(tmp_path / "kept", embedder) as knowledge:
            await knowledge.ingest(write_records(tmp_path / "shop.jsonl", *RECORDS))
            await knowledge.search.refresh()
        return tmp_path / "kept"

    async def finds_all(self, data: Path, embedder: Embedder) -> None:
        async with open_knowledge(data, embedder) as knowledge:
            for query, document in (("E-07", "E-07"), ("怎么退货", "returns")):
                await knowledge.search.refresh()
                assert (await documents(knowledge, query))[0] == document
            assert knowledge.embedder.passages == []

    async def test_everything_is_found_without_embedding(self, data: Path, embedder: Embedder) -> None:
        await self.finds_all(data, embedder)

    async def test_a_lost_index_is_built_anew(self, data: Path, embedder: Embedder) -> None:
        shutil.rmtree(data / "vectors")
        await self.finds_all(data, embedder)

    @pytest.mark.parametrize("seed", range(3))
    async def test_a_damaged_index_is_built_anew(self, data: Path, embedder: Embedder, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311
        for path in (data / "vectors").rglob("chroma.sqlite3"):
            damaged = bytearray(path.read_bytes())
            for page in range(0, len(damaged), 4096):
                if dice.random() < 0.3:
                    damaged[page : page + 4096] = dice.randbytes(4096)
            path.write_bytes(damaged)
        await self.finds_all(data, embedder)

    async def test_the_index_of_another_database_is_not_taken_for_its_own(
        self, data: Path, embedder: Embedder, tmp_path: Path
    ) -> None:
        for name in ("", "-wal", "-shm"):
            (data / f"answerdesk.db{name}").unlink(missing_ok=True)
        async with open_knowledge(data, embedder) as knowledge:
            turned = [
                record(f"n{number}", f"{each['title']} {each['text']}") for number, each in enumerate(RECORDS[::-1])
            ]
            await knowledge.ingest(write_records(tmp_path / "turned.jsonl", *turned))
            await knowledge.search.refresh()
            found = [await asyncio.to_thread(self.nearest, knowledge, each["text"]) for each in turned]
            texts = await knowledge.database.read(store.numbered_passages, COMPANY, PUBLIC)
        assert [texts[serial].text for serial in found] == [each["text"] for each in turned]

    def nearest(self, knowledge: Knowledge, text: str) -> int:
        index = knowledge.indexes.open(Place(COMPANY, PUBLIC, knowledge.embedder.name))
        (key,) = index.nearest(knowledge.embedder.model.embed_passages([text])[0], 1)
        return int(key.partition(".")[0])

    async def test_a_second_process_finds_the_same(self, data: Path, embedder: Embedder) -> None:
        async with open_knowledge(data, embedder) as first, open_knowledge(data, embedder) as second:
            assert isinstance(second.indexes, ScanIndexes)
            await second.search.refresh()
            await first.search.refresh()
            for each in RECORDS:
                assert await documents(second, each["title"]) == await documents(first, each["title"])

    async def test_another_model_embeds_anew(self, data: Path, embedder: Embedder) -> None:
        async with open_knowledge(data, Renamed(embedder, "another model")) as knowledge:
            await knowledge.search.refresh()
            assert len(knowledge.embedder.passages) == len(RECORDS)
            assert (await documents(knowledge, "E-07"))[0] == "E-07"

    async def test_another_model_embeds_once(self, data: Path, embedder: Embedder) -> None:
        for expected in (len(RECORDS), 0):
            async with open_knowledge(data, Renamed(embedder, "another model")) as knowledge:
                await knowledge.search.refresh()
                assert len(knowledge.embedder.passages) == expected

    async def test_two_processes_may_embed_for_another_model(self, data: Path, embedder: Embedder) -> None:
        other = Renamed(embedder, "another model")
        async with open_knowledge(data, other) as first, open_knowledge(data, other) as second:
            await asyncio.gather(first.search.refresh(), second.search.refresh())
            assert await documents(first, "E-07") == await documents(second, "E-07")


class Renamed:
    """The same model under another name."""

    def __init__(self, model: Embedder, name: str) -> None:
        self.name = name
        self.dimensions = model.dimensions
        self.embed_queries = model.embed_queries
        self.embed_passages = model.embed_passages
        self.count_tokens = model.count_tokens
