"""Real and odd files that nobody here wrote, read by the parser process."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import BrokenDocument, DocumentError, EmptyDocument, EncryptedDocument, UnsupportedFormat
from retrieval.parsing import ParserProcess
from retrieval.passages import Entry, ParsedDocument, Prose

DATA = Path(os.environ.get("ANSWERDESK_EVAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
MANIFEST = DATA / "docs" / "dev" / "manifest.jsonl"

pytestmark = pytest.mark.skipif(
    not MANIFEST.exists(), reason=f"needs the evaluation data (ANSWERDESK_EVAL_DATA or {DATA.name}/)"
)

Outcome = list[ParsedDocument] | DocumentError


def files() -> list[dict[str, Any]]:
    return [json.loads(line) for line in MANIFEST.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """What became of each file, read once; a crash of the child shows as `BrokenDocument`."""
    return asyncio.run(read_all())


async def read_all() -> dict[str, Outcome]:
    parser = ParserProcess(seconds=10)
    found: dict[str, Outcome] = {}
    for file in files():
        try:
            found[file["file"]] = await parser.parse(DATA / "docs" / file["file"])
        except DocumentError as error:
            found[file["file"]] = error
    await parser.close()
    return found


def shown(outcome: Outcome) -> str:
    """All that a person could find of a file, white space normalised."""
    if isinstance(outcome, DocumentError):
        return ""
    parts = [f"{document.title}\n" + "\n".join(map(block_text, document.blocks)) for document in outcome]
    return " ".join("\n".join(parts).split())


def block_text(block: Entry | Prose) -> str:
    text = f"{block.question}\n{block.answer}" if isinstance(block, Entry) else block.text
    return f"{block.location}\n{text}"


def test_no_file_breaks_the_parser(outcomes: dict[str, Outcome]) -> None:
    assert [name for name, outcome in outcomes.items() if isinstance(outcome, BrokenDocument)] == []


def test_what_should_parse_holds_what_it_must(outcomes: dict[str, Outcome]) -> None:
    wanted = [file for file in files() if file["must_contain"]]
    text = {file["file"]: shown(outcomes[file["file"]]) for file in wanted}
    missing = {
        file["file"]: [part for part in file["must_contain"] if " ".join(part.split()) not in text[file["file"]]]
        for file in wanted
    }
    assert {name: parts for name, parts in missing.items() if parts} == {}


def test_what_is_encrypted_is_reported_or_decrypted(outcomes: dict[str, Outcome]) -> None:
    encrypted = {file["file"] for file in files() if file["expect"].startswith("encrypted: clear error,")}
    assert encrypted
    assert all(isinstance(outcomes[name], EncryptedDocument) for name in encrypted)


def test_a_scan_is_reported_as_empty(outcomes: dict[str, Outcome]) -> None:
    scans = {file["file"] for file in files() if file["expect"].startswith("no text layer")}
    assert scans
    assert all(isinstance(outcomes[name], EmptyDocument) for name in scans)


def test_what_is_no_document_is_refused(outcomes: dict[str, Outcome]) -> None:
    others = {file["file"] for file in files() if file["expect"].startswith("not a document")}
    assert others
    assert all(isinstance(outcomes[name], UnsupportedFormat) for name in others)


@pytest.mark.parametrize(
    "noise", ["Report a bug in GIMP", "Report a documentation error", "Zum Anfang", "Inhaltsverzeichnis"]
)
def test_navigation_is_dropped(outcomes: dict[str, Outcome], noise: str) -> None:
    pages = [file["file"] for file in files() if "drop navigation" in file["expect"]]
    assert pages
    assert [name for name in pages if noise in shown(outcomes[name])] == []
