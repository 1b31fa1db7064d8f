"""Parsing in a child process: same results, and nothing a file does there reaches the parent."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from retrieval.errors import BrokenDocument, EmptyDocument, UnsupportedFormat
from retrieval.parsing import ParserProcess, parse_file
from retrieval.parsing import process as parser_process
from retrieval.passages import Prose


@pytest.fixture
async def parser() -> AsyncIterator[ParserProcess]:
    process = ParserProcess()
    yield process
    await process.close()


def sample(folder: Path, name: str = "a.md", text: str = "# A\n\n## Is it free?\n\nYes.\n\n## Else\n\nText.\n") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


async def test_the_child_finds_what_parse_file_finds(parser: ParserProcess, tmp_path: Path) -> None:
    path = sample(tmp_path)
    assert await parser.parse(path) == parse_file(path)


async def test_ids_languages_and_addresses_survive(parser: ParserProcess, tmp_path: Path) -> None:
    path = sample(
        tmp_path, "a.jsonl", '{"id": "x", "text": "y", "lang": "en", "url": "https://shop.example"}\n{"text": "z"}\n'
    )
    assert await parser.parse(path) == parse_file(path)


async def test_one_child_reads_many_files(parser: ParserProcess, tmp_path: Path) -> None:
    path = sample(tmp_path)
    await parser.parse(path)
    first = parser._child
    await parser.parse(path)
    assert first is not None
    assert parser._child is first


async def test_errors_keep_their_kind_and_message(parser: ParserProcess, tmp_path: Path) -> None:
    with pytest.raises(EmptyDocument, match="empty"):
        await parser.parse(sample(tmp_path, "a.txt", ""))
    with pytest.raises(UnsupportedFormat, match="RTF"):
        await parser.parse(sample(tmp_path, "a.rtf", "{\\rtf1 x}"))


async def test_files_may_be_asked_for_at_once(parser: ParserProcess, tmp_path: Path) -> None:
    paths = [sample(tmp_path, f"{number}.txt", f"Text {number}.") for number in range(5)]
    documents = await asyncio.gather(*map(parser.parse, paths))
    assert [list(document.blocks) for [document] in documents] == [[Prose(f"Text {number}.")] for number in range(5)]


async def test_a_child_that_dies_costs_one_file(parser: ParserProcess, tmp_path: Path) -> None:
    path = sample(tmp_path)
    await parser.parse(path)
    assert parser._child is not None
    os.kill(parser._child.pid, signal.SIGKILL)
    with pytest.raises(BrokenDocument, match="broke off"):
        await parser.parse(path)
    assert await parser.parse(path)


async def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    parser = ParserProcess(seconds=0.001)
    with pytest.raises(BrokenDocument, match="took more than"):
        await parser.parse(sample(tmp_path))
    parser._seconds = 30
    assert await parser.parse(sample(tmp_path))
    await parser.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
async def test_a_file_that_needs_too_much_memory_is_given_up(tmp_path: Path) -> None:
    parser = ParserProcess(memory_mb=256)
    with pytest.raises(BrokenDocument, match="256 MB"):
        await parser.parse(sample(tmp_path, "large.txt", "x" * 90_000_000))
    assert await parser.parse(sample(tmp_path))
    await parser.close()


async def test_a_cancelled_question_does_not_answer_the_next_one(parser: ParserProcess, tmp_path: Path) -> None:
    first, second = sample(tmp_path, "1.txt", "One."), sample(tmp_path, "2.txt", "Two.")
    task = asyncio.create_task(parser.parse(first))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list((await parser.parse(second))[0].blocks) == [Prose("Two.")]


async def test_a_worn_child_is_replaced(parser: ParserProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_process, "_FILES_A_CHILD", 1)
    path = sample(tmp_path)
    await parser.parse(path)
    first = parser._child
    await parser.parse(path)
    assert parser._child is not first


@pytest.mark.skipif(sys.platform != "linux", reason="reads the environment of the child from /proc")
async def test_the_child_inherits_no_secrets(
    parser: ParserProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERDESK_LLM_API_KEY", "swordfish")
    await parser.parse(sample(tmp_path))
    assert parser._child is not None
    environment = await asyncio.to_thread(Path(f"/proc/{parser._child.pid}/environ").read_bytes)
    assert b"swordfish" not in environment


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense",
        b"[]",
        b"{}",
        b'{"documents": [{}]}',
        b'{"documents": 3}',
        b'{"error": "SystemExit", "message": "x"}',
    ],
)
def test_an_answer_that_the_parser_would_not_give_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parser_process._documents(answer)


def test_only_the_known_fields_of_a_location_are_taken() -> None:
    block = {"text": "x", "location": {"heading": "", "__class__": "y"}}
    document = {"title": "", "blocks": [block], "id": None, "language": "", "url": ""}
    with pytest.raises(ValueError, match="not an answer"):
        parser_process._documents(json.dumps({"documents": [document]}).encode())


async def test_closing_twice_or_unused_is_fine() -> None:
    parser = ParserProcess()
    await parser.close()
    await parser.close()
