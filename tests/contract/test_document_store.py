"""What both databases promise about documents, passages and vectors."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from retrieval import store
from retrieval.database import Database
from retrieval.errors import DocumentError
from retrieval.passages import Audience, Document, Location, Passage
from tests.contract.documents import INTERNAL, MODEL, PUBLIC, ids, put, texts, version
from tests.knowledge import COMPANY, some_document, some_passage, some_vector


class TestADocument:
    async def test_comes_back_as_it_was_put(self, database: Database) -> None:
        document = replace(some_document("faq"), title="Ü 常见问题 🚲", url="https://example.com", updated_at=12.5)
        await put(database, document, "One.")
        assert await database.read(store.document, COMPANY, PUBLIC, "faq") == document

    async def test_knows_how_many_passages_it_has(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.", "Two.", "Three.")
        (document,) = await database.read(store.list_documents, COMPANY)
        assert document.passages == 3

    async def test_replaces_the_one_before(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.", "Two.")
        await put(database, some_document("faq"), "Three.")
        assert await texts(database, "faq") == ["Three."]

    async def test_is_gone_once_removed(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.")
        await database.write(store.remove_document, COMPANY, "faq")
        assert await ids(database) == []

    async def test_takes_its_passages_and_vectors_with_it(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.", "Two.")
        serials = list(await database.read(store.numbered_passages, COMPANY, PUBLIC))
        await database.write(store.remove_document, COMPANY, "faq")
        assert await texts(database, "faq") == []
        assert await database.read(store.vectors_of, MODEL, serials) == {}

    async def test_that_is_removed_is_told(self, database: Database) -> None:
        await put(database, some_document("faq"))
        removed = await database.write(store.remove_document, COMPANY, "faq")
        assert removed is not None
        assert removed.source == "/files/faq"

    async def test_that_is_not_there_can_not_be_removed(self, database: Database) -> None:
        assert await database.write(store.remove_document, COMPANY, "faq") is None

    async def test_of_another_source_may_not_take_the_id(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.")
        with pytest.raises(DocumentError, match="taken by a document from /files/faq"):
            await put(database, replace(some_document("faq"), source="/files/other"), "Two.")
        assert await texts(database, "faq") == ["One."]

    async def test_that_is_internal_is_not_published_in_passing(self, database: Database) -> None:
        await put(database, some_document("rules", audience=INTERNAL), "Secret.")
        with pytest.raises(DocumentError, match="held as internal"):
            await put(database, some_document("rules"), "Secret.")
        assert await texts(database, "rules") == []

    async def test_may_be_empty(self, database: Database) -> None:
        await database.write(store.put_document, some_document("faq"), [], MODEL)
        assert await ids(database) == ["faq"]

    async def test_of_thousands_of_passages_is_stored_whole(self, database: Database) -> None:
        await put(database, some_document("book"), *(f"Sentence {number}." for number in range(3_000)))
        assert await database.read(store.count_passages, COMPANY, PUBLIC) == 3_000


@pytest.mark.parametrize("odd", ["", "a\0b", "\ud800", "x" * 100_000])
async def test_any_text_may_be_asked_for(database: Database, odd: str) -> None:
    assert await database.read(store.document, COMPANY, PUBLIC, odd) is None
    assert await database.read(store.passage, COMPANY, PUBLIC, f"{odd}#0") is None
    assert await texts(database, odd) == []
    assert await database.write(store.remove_document, COMPANY, odd) is None


class TestAPassage:
    async def test_comes_back_as_it_was_put(self, database: Database) -> None:
        place = Location("Rückgabe > 退货", page=3, row=7, sheet="Blatt 1")
        passage = Passage("faq#0", "faq", 0, "Faq", "A '\"; -- %_\\ 🚲 \u202e", "Why?", place, "de")
        parts = [store.Embedded(passage, some_vector(1))]
        await database.write(store.put_document, some_document("faq"), parts, MODEL)
        assert await database.read(store.passage, COMPANY, PUBLIC, "faq#0") == passage

    async def test_may_hold_its_documents_sign(self, database: Database) -> None:
        await put(database, some_document("a#b"), "One.", "Two.")
        found = await database.read(store.passage, COMPANY, PUBLIC, "a#b#1")
        assert found is not None
        assert found.text == "Two."

    @pytest.mark.parametrize(
        "odd", ["", "#", "faq", "faq#", "faq#x", "faq#-1", "faq#99", "#0", "faq#" + "9" * 20, "faq#" + "9" * 5_000]
    )
    async def test_under_an_odd_id_is_none(self, database: Database, odd: str) -> None:
        await put(database, some_document("faq"))
        assert await database.read(store.passage, COMPANY, PUBLIC, odd) is None

    async def test_has_a_number_that_is_never_given_again(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.", "Two.")
        before = set(await database.read(store.numbered_passages, COMPANY, PUBLIC))
        await database.write(store.remove_document, COMPANY, "faq")
        await put(database, some_document("faq"), "One.", "Two.")
        assert min(await database.read(store.numbered_passages, COMPANY, PUBLIC)) > max(before)

    async def test_can_be_read_some_at_a_time(self, database: Database) -> None:
        await put(database, some_document("faq"), *map(str, range(5)))
        first = await database.read(store.numbered_passages, COMPANY, PUBLIC, 0, 2)
        rest = await database.read(store.numbered_passages, COMPANY, PUBLIC, max(first), 10)
        assert [passage.text for passage in [*first.values(), *rest.values()]] == list("01234")


class TestAVector:
    async def test_comes_back_within_rounding(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.", seed=5)
        (serial,) = await database.read(store.numbered_passages, COMPANY, PUBLIC)
        found = await database.read(store.vectors_of, MODEL, [serial])
        assert float(found[serial] @ some_vector(5)) == pytest.approx(1, abs=1e-3)

    async def test_has_unit_length(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.")
        (found,) = (await database.read(store.vectors_of, MODEL, [1])).values()
        assert float(np.linalg.norm(found)) == pytest.approx(1, abs=1e-6)

    async def test_of_another_model_is_another(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.")
        await database.write(store.put_vectors, COMPANY, "other", {1: some_vector(9)})
        assert float((await database.read(store.vectors_of, "other", [1]))[1] @ some_vector(9)) > 0.99

    async def test_made_twice_is_no_trouble(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.")
        await asyncio.gather(
            *(database.write(store.put_vectors, COMPANY, "other", {1: some_vector(9)}) for _ in range(5))
        )
        assert list(await database.read(store.vectors_of, "other", [1])) == [1]

    async def test_of_a_passage_that_is_gone_is_not_kept(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.")
        await database.write(store.remove_document, COMPANY, "faq")
        await database.write(store.put_vectors, COMPANY, "other", {1: some_vector(9)})
        assert await database.read(store.vectors_of, "other", [1]) == {}

    async def test_is_found_among_thousands(self, database: Database) -> None:
        await put(database, some_document("book"), *map(str, range(1_200)))
        serials = list(await database.read(store.numbered_passages, COMPANY, PUBLIC))
        assert len(await database.read(store.vectors_of, MODEL, serials)) == 1_200


class TestTheVersionOfKnowledge:
    async def test_is_nought_at_first(self, database: Database) -> None:
        assert await version(database) == 0

    async def test_grows_with_every_change(self, database: Database) -> None:
        seen = [await version(database)]
        await put(database, some_document("faq"), "One.")
        seen.append(await version(database))
        await put(database, some_document("faq"), "Two.")
        seen.append(await version(database))
        await database.write(store.remove_document, COMPANY, "faq")
        seen.append(await version(database))
        assert seen == sorted(set(seen))

    async def test_does_not_grow_where_nothing_was_removed(self, database: Database) -> None:
        await database.write(store.remove_document, COMPANY, "faq")
        assert await version(database) == 0

    async def test_is_apart_by_audience(self, database: Database) -> None:
        await put(database, some_document("faq"))
        assert await version(database, INTERNAL) == 0

    async def test_grows_for_both_when_a_document_becomes_internal(self, database: Database) -> None:
        await put(database, some_document("faq"))
        before = await version(database)
        await put(database, some_document("faq", audience=INTERNAL))
        assert await version(database) > before
        assert await version(database, INTERNAL) == 1


class TestWithdrawing:
    async def test_hides_a_file_from_the_public(self, database: Database) -> None:
        await put(database, some_document("faq"), "One.")
        await database.write(store.withdraw, COMPANY, "/files/faq")
        assert await texts(database, "faq") == []
        assert await texts(database, "faq", audience=INTERNAL) == ["One."]

    async def test_leaves_other_files_alone(self, database: Database) -> None:
        await put(database, some_document("faq"))
        await put(database, some_document("other"))
        await database.write(store.withdraw, COMPANY, "/files/faq")
        assert await ids(database, audience=PUBLIC) == ["other"]

    async def test_is_noticed_by_both_audiences(self, database: Database) -> None:
        await put(database, some_document("faq"))
        before = await version(database)
        await database.write(store.withdraw, COMPANY, "/files/faq")
        assert (await version(database) > before, await version(database, INTERNAL)) == (True, 1)

    async def test_of_nothing_changes_nothing(self, database: Database) -> None:
        await database.write(store.withdraw, COMPANY, "/files/faq")
        assert await version(database) == 0


class TestNotingAFile:
    async def test_is_remembered(self, database: Database) -> None:
        document = some_document("faq")
        await put(database, document)
        await database.write(store.note_file, COMPANY, document.source, "stamp", [document])
        assert await database.read(store.file_stamp, COMPANY, document.source) == "stamp"

    async def test_again_takes_the_later(self, database: Database) -> None:
        document = some_document("faq")
        await put(database, document)
        for stamp in ("first", "second"):
            await database.write(store.note_file, COMPANY, document.source, stamp, [document])
        assert await database.read(store.file_stamp, COMPANY, document.source) == "second"

    @pytest.mark.parametrize(
        "stored",
        [
            [],
            [some_document("faq", text="what another ingestion read")],
            [some_document("faq"), replace(some_document("more"), source="/files/faq")],
            [some_document("faq", audience=INTERNAL)],
        ],
    )
    async def test_is_refused_while_something_else_is_stored(self, database: Database, stored: list[Document]) -> None:
        for document in stored:
            await put(database, document)
        await database.write(store.note_file, COMPANY, "/files/faq", "stamp", [some_document("faq")])
        assert await database.read(store.file_stamp, COMPANY, "/files/faq") is None

    @pytest.mark.parametrize("change", ["put", "remove", "withdraw"])
    async def test_is_forgotten_when_its_documents_change(self, database: Database, change: str) -> None:
        document = some_document("faq")
        await put(database, document)
        await database.write(store.note_file, COMPANY, document.source, "stamp", [document])
        if change == "put":
            await put(database, replace(document, id="another"))
        elif change == "remove":
            await database.write(store.remove_document, COMPANY, "faq")
        else:
            await database.write(store.withdraw, COMPANY, document.source)
        assert await database.read(store.file_stamp, COMPANY, document.source) is None


class TestAtTheSameTime:
    async def test_first_documents_of_a_company_are_all_stored(self, database: Database) -> None:
        await asyncio.gather(*(put(database, some_document(f"d{number:02}")) for number in range(15)))
        assert len(await ids(database)) == 15
        assert await version(database) == 15

    async def test_one_document_may_be_put_by_many(self, database: Database) -> None:
        await asyncio.gather(*(put(database, some_document("faq"), f"Text {number}.") for number in range(15)))
        assert len(await texts(database, "faq")) == 1

    async def test_two_sources_can_not_both_get_an_id(self, database: Database) -> None:
        puts = [put(database, replace(some_document("faq"), source=f"/files/{number}")) for number in range(10)]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        assert sum(isinstance(outcome, DocumentError) for outcome in outcomes) == 9
        assert sum(outcome is None for outcome in outcomes) == 1

    async def test_putting_and_removing_end_in_one_or_the_other(self, database: Database) -> None:
        await asyncio.gather(
            *(put(database, some_document("faq"), "One.") for _ in range(8)),
            *(database.write(store.remove_document, COMPANY, "faq") for _ in range(8)),
        )
        assert await texts(database, "faq") == ["One."] * len(await ids(database))


class TestSampleQuestions:
    async def ask(self, database: Database, count: int = 10) -> list[str]:
        return await database.read(store.sample_questions, COMPANY, "en", count)

    async def put_questions(
        self, database: Database, document: str, *questions: str, audience: Audience = PUBLIC
    ) -> None:
        parts = [
            store.Embedded(some_passage(document, position, question=question), some_vector(position))
            for position, question in enumerate(questions)
        ]
        await database.write(store.put_document, some_document(document, audience=audience), parts, MODEL)

    async def test_are_those_of_entries(self, database: Database) -> None:
        await self.put_questions(database, "faq", "How?", "", "Why?")
        assert await self.ask(database) == ["How?", "Why?"]

    async def test_are_spread_over_the_documents(self, database: Database) -> None:
        await self.put_questions(database, "a", "A1?", "A2?")
        await self.put_questions(database, "b", "B1?", "B2?")
        assert await self.ask(database, 3) == ["A1?", "B1?", "A2?"]

    async def test_are_never_internal(self, database: Database) -> None:
        await self.put_questions(database, "rules", "How much goodwill?", audience=INTERNAL)
        assert await self.ask(database) == []

    async def test_are_not_repeated(self, database: Database) -> None:
        await self.put_questions(database, "a", "How?")
        await self.put_questions(database, "b", "How?")
        assert await self.ask(database) == ["How?"]

    async def test_are_short(self, database: Database) -> None:
        await self.put_questions(database, "a", "Why " * 30 + "?", "How?")
        assert await self.ask(database) == ["How?"]
