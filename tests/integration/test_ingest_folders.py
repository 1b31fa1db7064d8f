"""Taking in folders of files, files of many records, and documents for each audience."""

import os
import shutil
from contextlib import aclosing
from pathlib import Path

import pytest

from retrieval import store
from retrieval.ingest import Status
from retrieval.passages import Audience
from tests.ingesting import error_of, outcomes, write
from tests.knowledge import COMPANY, Knowledge, record, statuses, write_records

INTERNAL = Audience.INTERNAL


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
