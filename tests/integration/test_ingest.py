"""Taking a document in, on real files."""

import os
import shutil
import time
from pathlib import Path

import pytest
from pypdf import PdfWriter

from llm.embeddings import Embedder
from llm.errors import UsageError
from retrieval import store
from retrieval.ingest import Status
from tests.ingesting import error_of, outcomes, write
from tests.knowledge import COMPANY, Knowledge, open_knowledge, statuses

AS_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


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


async def test_a_document_tells_when_it_was_taken_in(knowledge: Knowledge, files: Path) -> None:
    before = time.time()
    await knowledge.ingest(write(files / "delivery.md"))
    (document,) = await knowledge.documents()
    assert before <= document.updated_at <= time.time()
