"""Taking documents in, on real files."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pypdf import PdfWriter

from llm.embeddings import Embedder
from llm.errors import UsageError
from retrieval import store
from retrieval.database import Database, Listener
from retrieval.database.common import Operation, P, T
from retrieval.ingest import Report, Status
from retrieval.passages import Audience
from tests.knowledge import COMPANY, Knowledge, open_knowledge, record, statuses, write_records

PUBLIC, INTERNAL = Audience.PUBLIC, Audience.INTERNAL
AS_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An empty folder to take documents from."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def write(path: Path, text: str = "# Delivery\n\nParcels take two days.") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def outcomes(reports: list[Report]) -> list[tuple[str, str]]:
    """Each file with what became of it."""
    return [(Path(report.source).name, report.status.value) for report in reports]


def error_of(reports: list[Report]) -> str:
    (report,) = (report for report in reports if report.status is Status.FAILED)
    return report.error or ""


class TestAFile:
    async def test_that_is_new_is_added(self, knowledge: Knowledge, files: Path) -> None:
        (report,) = await knowledge.ingest(write(files / "delivery.md"))
        assert (report.status, report.title, report.passages, report.error) == (Status.ADDED, "Delivery", 1, None)

    async def test_is_found_by_what_it_says(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "delivery.md"))
        assert await knowledge.found("how long does a parcel take?") == ["Parcels take two days."]

    async def test_that_has_not_changed_is_reported_so(self, knowledge: Knowledge, files: Path) -> None:
        first = await knowledge.ingest(write(files / "delivery.md"))
        again = await knowledge.ingest(files / "delivery.md")
        assert statuses(again) == [(first[0].id, "unchanged")]

    async def test_that_has_not_changed_is_not_parsed_again(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "delivery.md"))
        await knowledge.ingest(files / "delivery.md")
        assert knowledge.parsed == ["delivery.md"]

    async def test_that_has_not_changed_is_not_embedded_again(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "delivery.md"))
        embedded = list(knowledge.embedder.passages)
        await knowledge.ingest(files / "delivery.md")
        assert knowledge.embedder.passages == embedded

    async def test_that_was_only_touched_is_not_parsed_again(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "delivery.md"))
        os.utime(files / "delivery.md", (1, 1))
        await knowledge.ingest(files / "delivery.md")
        assert knowledge.parsed == ["delivery.md"]

    async def test_that_changed_is_updated_under_its_id(self, knowledge: Knowledge, files: Path) -> None:
        first = await knowledge.ingest(write(files / "delivery.md"))
        again = await knowledge.ingest(write(files / "delivery.md", "# Delivery\n\nParcels take three days."))
        assert statuses(again) == [(first[0].id, "updated")]

    async def test_that_changed_replaces_what_it_said(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "delivery.md"))
        await knowledge.ingest(write(files / "delivery.md", "# Delivery\n\nParcels take three days."))
        assert await knowledge.found("how long does a parcel take?") == ["Parcels take three days."]

    async def test_whose_bytes_changed_but_not_its_words_is_unchanged(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "delivery.md"))
        again = await knowledge.ingest(write(files / "delivery.md", "# Delivery\n\n\nParcels take two days.\n\n\n"))
        assert outcomes(again) == [("delivery.md", "unchanged")]

    async def test_that_is_gone_is_removed(self, knowledge: Knowledge, files: Path) -> None:
        first = await knowledge.ingest(write(files / "delivery.md"))
        (files / "delivery.md").unlink()
        assert statuses(await knowledge.ingest(files)) == [(first[0].id, "removed")]
        assert await knowledge.documents() == []

    async def test_that_is_gone_may_be_named_itself(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "delivery.md"))
        (files / "delivery.md").unlink()
        assert outcomes(await knowledge.ingest(files / "delivery.md")) == [("delivery.md", "removed")]

    async def test_outside_of_the_folder_named_stays(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "a" / "delivery.md"), write(files / "ab" / "delivery.md"))
        shutil.rmtree(files / "ab")
        shutil.rmtree(files / "a")
        (files / "a").mkdir()
        await knowledge.ingest(files / "a")
        assert [Path(document.source).parent.name for document in await knowledge.documents()] == ["ab"]

    async def test_that_is_gone_may_come_back(self, knowledge: Knowledge, files: Path) -> None:
        first = await knowledge.ingest(write(files / "delivery.md"))
        (files / "delivery.md").unlink()
        await knowledge.ingest(files)
        assert statuses(await knowledge.ingest(write(files / "delivery.md"))) == [(first[0].id, "added")]

    async def test_keeps_its_id_in_a_new_store(
        self, knowledge: Knowledge, files: Path, tmp_path: Path, embedder: Embedder
    ) -> None:
        here = await knowledge.ingest(write(files / "delivery.md"))
        async with open_knowledge(tmp_path / "other", embedder) as other:
            assert statuses(await other.ingest(files)) == statuses(here)

    async def test_of_the_same_name_elsewhere_has_another_id(self, knowledge: Knowledge, files: Path) -> None:
        reports = await knowledge.ingest(write(files / "a" / "faq.md"), write(files / "b" / "faq.md"))
        assert len({report.id for report in reports}) == 2

    async def test_that_a_person_removed_comes_back_with_the_next_run(self, knowledge: Knowledge, files: Path) -> None:
        (report,) = await knowledge.ingest(write(files / "delivery.md"))
        await knowledge.database.write(store.remove_document, COMPANY, str(report.id))
        assert outcomes(await knowledge.ingest(files)) == [("delivery.md", "added")]


class TestAFileThatCanNotBeTakenIn:
    def write_all(self, files: Path) -> dict[str, Path]:
        encrypted = PdfWriter()
        encrypted.add_blank_page(100, 100)
        encrypted.encrypt("secret")
        encrypted.write(files / "encrypted.pdf")
        (files / "broken.pdf").write_bytes(b"%PDF-1.7\nnot really")
        (files / "broken.docx").write_bytes(b"PK\x03\x04 not really")
        (files / "empty.txt").touch()
        (files / "blank.txt").write_text(" \n\n ")
        (files / "large.txt").write_bytes(b"word " * 250_000)
        (files / "program.bin").write_bytes(bytes(range(256)) * 10)
        return {path.name: path for path in files.iterdir()}

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("encrypted.pdf", "password"),
            ("broken.pdf", "damaged"),
            ("broken.docx", "damaged"),
            ("empty.txt", "empty"),
            ("blank.txt", "empty"),
            ("large.txt", "larger than 1 MB"),
            ("program.bin", ""),
        ],
    )
    async def test_is_reported_with_the_reason(self, knowledge: Knowledge, files: Path, name: str, reason: str) -> None:
        path = self.write_all(files)[name]
        reports = await knowledge.ingest(path, max_mb=1)
        assert reason in error_of(reports)
        assert (reports[0].id, reports[0].source, reports[0].title, reports[0].passages) == (None, str(path), name, 0)

    async def test_stops_nothing_else(self, knowledge: Knowledge, files: Path) -> None:
        self.write_all(files)
        write(files / "a.md")
        write(files / "z.md")
        reports = await knowledge.ingest(files, max_mb=1)
        assert [name for name, status in outcomes(reports) if status == "added"] == ["a.md", "z.md"]
        assert len([report for report in reports if report.status is Status.FAILED]) == 7

    async def test_leaves_the_earlier_version(self, knowledge: Knowledge, files: Path) -> None:
        path = write(files / "delivery.md")
        await knowledge.ingest(path)
        path.write_bytes(b"")
        assert outcomes(await knowledge.ingest(path)) == [("delivery.md", "failed")]
        assert await knowledge.found("how long does a parcel take?") == ["Parcels take two days."]

    async def test_is_tried_again_when_it_is_mended(self, knowledge: Knowledge, files: Path) -> None:
        path = write(files / "delivery.md", "")
        await knowledge.ingest(path)
        assert outcomes(await knowledge.ingest(write(path))) == [("delivery.md", "added")]

    async def test_is_unchanged_when_it_is_what_it_was_again(self, knowledge: Knowledge, files: Path) -> None:
        path = write(files / "delivery.md")
        await knowledge.ingest(path)
        path.write_bytes(b"")
        await knowledge.ingest(path)
        assert outcomes(await knowledge.ingest(write(path))) == [("delivery.md", "unchanged")]

    async def test_and_never_was_there_is_a_wrong_use(self, knowledge: Knowledge, files: Path) -> None:
        with pytest.raises(UsageError, match="There is no file or folder"):
            await knowledge.ingest(write(files / "delivery.md"), files / "misspelt.md")
        assert await knowledge.documents() == []

    async def test_has_a_name_that_is_no_text(self, knowledge: Knowledge, files: Path) -> None:
        path = os.fsencode(files) + b"/caf\xe9.md"
        try:
            with open(path, "wb") as file:  # noqa: PTH123, ASYNC230 - a name in bytes
                file.write(b"# Coffee\n\nAt nine.")
        except OSError:
            pytest.skip("this file system takes UTF-8 names only")
        write(files / "delivery.md")
        reports = await knowledge.ingest(files)
        assert "not valid UTF-8" in error_of(reports)
        assert all(report.source.encode() for report in reports)

    @AS_ROOT
    async def test_may_not_be_read(self, knowledge: Knowledge, files: Path) -> None:
        write(files / "delivery.md").chmod(0)
        assert error_of(await knowledge.ingest(files)) == "it can't be read: Permission denied"

    @AS_ROOT
    async def test_in_a_folder_that_may_not_be_read_is_not_taken_for_gone(
        self, knowledge: Knowledge, files: Path
    ) -> None:
        write(files / "locked" / "delivery.md")
        write(files / "open.md")
        await knowledge.ingest(files)
        (files / "locked").chmod(0)
        try:
            assert outcomes(await knowledge.ingest(files)) == [("locked", "failed"), ("open.md", "unchanged")]
        finally:
            (files / "locked").chmod(0o700)


class TestAFolder:
    async def test_is_read_in_order(self, knowledge: Knowledge, files: Path) -> None:
        for name in ("b.md", "a/z.md", "a/b.md", "c.md"):
            write(files / name)
        assert [Path(report.source).relative_to(files).as_posix() for report in await knowledge.ingest(files)] == [
            "a/b.md",
            "a/z.md",
            "b.md",
            "c.md",
        ]

    async def test_gives_each_file_once(self, knowledge: Knowledge, files: Path) -> None:
        write(files / "a" / "faq.md")
        assert len(await knowledge.ingest(files, files / "a", files / "a" / "faq.md")) == 1

    @pytest.mark.parametrize("name", [".hidden.md", ".git/readme.md", "~$delivery.docx", "a/.cache/b.md"])
    async def test_keeps_hidden_files_out(self, knowledge: Knowledge, files: Path, name: str) -> None:
        write(files / name)
        assert await knowledge.ingest(files) == []

    async def test_may_be_hidden_itself(self, knowledge: Knowledge, files: Path) -> None:
        write(files / ".config" / "faq.md")
        assert outcomes(await knowledge.ingest(files / ".config")) == [("faq.md", "added")]

    @pytest.mark.parametrize("name", ["with spaces.md", "配送说明.md", "🚲 bikes.md", "a'b\"c;--.md", "new\nline.md"])
    async def test_takes_any_name(self, knowledge: Knowledge, files: Path, name: str) -> None:
        write(files / name)
        (report,) = await knowledge.ingest(files)
        assert (report.status, report.source) == (Status.ADDED, str(files / name))
        assert await knowledge.texts(str(report.id)) == ["Parcels take two days."]

    async def test_gives_readable_ids(self, knowledge: Knowledge, files: Path) -> None:
        write(files / "Delivery & Returns (2024).md")
        write(files / "配送说明.md")
        names = [str(report.id).rpartition("-")[0] for report in await knowledge.ingest(files)]
        assert names == ["delivery-returns-2024", "配送说明"]

    async def test_follows_links_to_files(self, knowledge: Knowledge, files: Path, tmp_path: Path) -> None:
        (files / "link.md").symlink_to(write(tmp_path / "elsewhere.md"))
        assert outcomes(await knowledge.ingest(files)) == [("link.md", "added")]

    async def test_does_not_go_round_in_circles(self, knowledge: Knowledge, files: Path) -> None:
        write(files / "a" / "faq.md")
        (files / "a" / "up").symlink_to(files)
        assert outcomes(await knowledge.ingest(files)) == [("faq.md", "added")]

    async def test_may_itself_be_a_link(self, knowledge: Knowledge, files: Path, tmp_path: Path) -> None:
        write(files / "faq.md")
        (tmp_path / "link").symlink_to(files)
        (report,) = await knowledge.ingest(tmp_path / "link")
        assert report.source == str(tmp_path / "link" / "faq.md")

    async def test_passes_over_links_that_lead_nowhere(self, knowledge: Knowledge, files: Path) -> None:
        (files / "dangling.md").symlink_to(files / "nowhere")
        assert await knowledge.ingest(files) == []

    async def test_reports_a_link_to_itself(self, knowledge: Knowledge, files: Path) -> None:
        (files / "loop.md").symlink_to(files / "loop.md")
        assert "can't be read" in error_of(await knowledge.ingest(files))

    async def test_passes_over_what_is_no_file(self, knowledge: Knowledge, files: Path) -> None:
        os.mkfifo(files / "pipe.md")
        assert await knowledge.ingest(files) == []

    async def test_that_is_empty_gives_nothing(self, knowledge: Knowledge, files: Path) -> None:
        assert await knowledge.ingest(files) == []

    async def test_that_is_gone_takes_its_documents_along(self, knowledge: Knowledge, files: Path) -> None:
        write(files / "a" / "faq.md")
        await knowledge.ingest(files)
        shutil.rmtree(files)
        assert outcomes(await knowledge.ingest(files)) == [("faq.md", "removed")]

    async def test_in_place_of_a_file_removes_what_that_said(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "faq.md"))
        (files / "faq.md").unlink()
        write(files / "faq.md" / "inner.md")
        assert outcomes(await knowledge.ingest(files)) == [("faq.md", "removed"), ("inner.md", "added")]

    async def test_tells_how_far_the_work_has_come(self, knowledge: Knowledge, files: Path) -> None:
        write(files / "a.md")
        write(files / "b.md")
        told: list[tuple[int, int, int]] = []
        async with aclosing(knowledge.ingestion().run([files], lambda *now: told.append(now))) as run:
            async for _ in run:
                pass
        assert told == sorted(told)
        assert told[-1] == (2, 2, 2)


class TestRecords:
    """A JSON-lines file, each line of which is a document."""

    async def test_keep_the_ids_they_have(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("E-07", "Too hot."), record("常 见/1#a", "Too cold."))
        assert statuses(await knowledge.ingest(path)) == [("E-07", "added"), ("常 见/1#a", "added")]

    async def test_that_have_not_changed_are_not_embedded_again(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("a", "First."), record("b", "Second."))
        await knowledge.ingest(path)
        knowledge.embedder.passages.clear()
        write_records(path, record("a", "First."), record("b", "Second, changed."), record("c", "Third."))
        assert statuses(await knowledge.ingest(path)) == [("a", "unchanged"), ("b", "updated"), ("c", "added")]
        assert [text.split("\n")[-1] for text in knowledge.embedder.passages] == ["Second, changed.", "Third."]

    async def test_that_are_gone_are_removed(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("a", "First."), record("b", "Second."))
        await knowledge.ingest(path)
        write_records(path, record("b", "Second."))
        assert sorted(statuses(await knowledge.ingest(path))) == [("a", "removed"), ("b", "unchanged")]

    async def test_may_change_their_order(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("a", "First."), record("b", "Second."))
        await knowledge.ingest(path)
        write_records(path, record("b", "Second."), record("a", "First."))
        assert {status for _, status in statuses(await knowledge.ingest(path))} == {"unchanged"}

    async def test_with_the_same_id_are_reported(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("a", "First."), record("a", "Second."), record("b", "Third."))
        reports = await knowledge.ingest(path)
        assert sorted(statuses(reports)) == [("a", "added"), ("a", "failed"), ("b", "added")]
        assert "stands twice" in error_of(reports)
        assert await knowledge.texts("a") == ["First."]

    async def test_with_a_fault_are_looked_at_again_each_time(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("a", "First."), record("a", "Second."))
        await knowledge.ingest(path)
        assert sorted(statuses(await knowledge.ingest(path))) == [("a", "failed"), ("a", "unchanged")]

    async def test_may_not_take_an_id_of_another_file(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write_records(files / "1.jsonl", record("a", "First.")))
        other = write_records(files / "2.jsonl", record("a", "Second."), record("b", "Third."))
        reports = await knowledge.ingest(other)
        assert sorted(statuses(reports)) == [("a", "failed"), ("b", "added")]
        assert "taken by a document from" in error_of(reports)
        assert await knowledge.texts("a") == ["First."]

    async def test_may_have_the_ids_of_another_company(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write_records(files / "1.jsonl", record("a", "First.")))
        other = write_records(files / "2.jsonl", record("a", "Second."))
        assert statuses(await knowledge.ingest(other, company="other")) == [("a", "added")]
        assert await knowledge.texts("a") == ["First."]

    async def test_without_ids_are_all_taken_in(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", {"text": "First."}, {"text": "Second."}, {"text": "Third."})
        reports = await knowledge.ingest(path)
        assert [report.status.value for report in reports] == ["added"] * 3
        assert len({report.id for report in reports}) == 3

    async def test_with_an_endless_id_are_reported(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("x" * 300, "First."), record("b", "Second."))
        reports = await knowledge.ingest(path)
        assert [report.status.value for report in reports] == ["failed", "added"]
        assert "longer than 255" in error_of(reports)

    async def test_that_are_no_json_leave_the_earlier_ones(self, knowledge: Knowledge, files: Path) -> None:
        path = write_records(files / "r.jsonl", record("a", "First."))
        await knowledge.ingest(path)
        path.write_text('{"id": "a", "text": ')
        assert "Line 1 is not valid JSON" in error_of(await knowledge.ingest(path))
        assert await knowledge.texts("a") == ["First."]

    async def test_are_in_the_language_they_state(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write_records(files / "r.jsonl", record("a", "OK, fine.", lang="de")))
        assert [document.language for document in await knowledge.documents()] == ["de"]

    async def test_in_hundreds_are_stored_whole(self, knowledge: Knowledge, files: Path) -> None:
        records = (record(f"d{number}", f"Text {number}.") for number in range(600))
        await knowledge.ingest(write_records(files / "r.jsonl", *records))
        assert len(await knowledge.documents()) == 600


class TestAudiences:
    async def test_internal_documents_are_never_found_by_the_public(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "rules.md"), audience=INTERNAL)
        assert await knowledge.found("how long does a parcel take?") == []

    async def test_staff_find_both(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "delivery.md"))
        await knowledge.ingest(write(files / "rules.md", "# Rules\n\nLate parcels: refund 5 euros."), audience=INTERNAL)
        assert len(await knowledge.found("parcel", audience=INTERNAL)) == 2

    async def test_what_becomes_internal_is_hidden_at_once(self, knowledge: Knowledge, files: Path) -> None:
        path = write(files / "delivery.md")
        await knowledge.ingest(path)
        await knowledge.search.refresh()
        await knowledge.ingest(path, audience=INTERNAL)
        found = await knowledge.search.search(COMPANY, "how long does a parcel take?")
        assert found.passages == ()

    async def test_what_becomes_internal_is_reported_as_updated(self, knowledge: Knowledge, files: Path) -> None:
        first = await knowledge.ingest(write(files / "delivery.md"))
        again = await knowledge.ingest(files, audience=INTERNAL)
        assert statuses(again) == [(first[0].id, "updated")]
        assert await knowledge.found("parcel", audience=INTERNAL) == ["Parcels take two days."]

    async def test_what_becomes_internal_is_hidden_even_if_it_can_not_be_read(
        self, knowledge: Knowledge, files: Path
    ) -> None:
        path = write(files / "delivery.md")
        await knowledge.ingest(path)
        path.write_bytes(b"")
        assert outcomes(await knowledge.ingest(path, audience=INTERNAL)) == [("delivery.md", "failed")]
        assert await knowledge.found("parcel") == []
        assert await knowledge.found("parcel", audience=INTERNAL) == ["Parcels take two days."]

    async def test_what_is_internal_is_not_published_in_passing(self, knowledge: Knowledge, files: Path) -> None:
        await knowledge.ingest(write(files / "rules.md"), audience=INTERNAL)
        assert "held as internal" in error_of(await knowledge.ingest(files))
        assert await knowledge.found("parcel") == []

    async def test_what_is_internal_can_be_published_once_removed(self, knowledge: Knowledge, files: Path) -> None:
        (report,) = await knowledge.ingest(write(files / "rules.md"), audience=INTERNAL)
        await knowledge.database.write(store.remove_document, COMPANY, str(report.id))
        assert outcomes(await knowledge.ingest(files)) == [("rules.md", "added")]


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


async def test_a_document_tells_when_it_was_taken_in(knowledge: Knowledge, files: Path) -> None:
    before = time.time()
    await knowledge.ingest(write(files / "delivery.md"))
    (document,) = await knowledge.documents()
    assert before <= document.updated_at <= time.time()
