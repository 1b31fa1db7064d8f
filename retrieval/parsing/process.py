"""Parsing in a process of its own: what a hostile file does there ends there."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any

from retrieval.errors import BrokenDocument, DocumentError, EmptyDocument, EncryptedDocument, UnsupportedFormat
from retrieval.passages import Entry, Location, ParsedDocument, Prose

_ERRORS: dict[str, type[DocumentError]] = {
    kind.__name__: kind for kind in (UnsupportedFormat, EmptyDocument, EncryptedDocument, BrokenDocument)
}
_FILES_A_CHILD = 200
"""A child is replaced after so many files: what libraries leak, or a file left behind, does not pile up."""


class ParserProcess:
    """Runs `parse_file` in a child process with limits; started when first needed, and again after it died.

    The child gets no environment but what Python needs, and answers in JSON, because it must not be trusted after it
    has read a hostile file. `seconds` and `memory_mb` limit one file (memory only where the system enforces it: Linux).
    """

    def __init__(self, seconds: float = 30, memory_mb: int = 1024) -> None:
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._child: Process | None = None
        self._read = 0
        self._turn = asyncio.Lock()

    async def parse(self, path: Path) -> list[ParsedDocument]:
        """The documents in a file, as `parse_file` finds them; `BrokenDocument` when that crashes or passes a limit."""
        async with self._turn:
            try:
                return await asyncio.wait_for(self._ask(path), self._seconds)
            except DocumentError:
                raise
            except TimeoutError as error:
                await self._end()
                raise BrokenDocument(
                    f"Reading the file took more than {self._seconds:g} seconds. Split it into parts."
                ) from error
            except (EOFError, ConnectionError, ValueError) as error:
                await self._end()
                raise BrokenDocument(
                    f"The file is damaged, or needs more than {self._memory_mb} MB of memory: its reader broke off."
                ) from error
            except BaseException:
                await self._end()
                raise

    async def close(self) -> None:
        """End the child."""
        async with self._turn:
            await self._end()

    async def _ask(self, path: Path) -> list[ParsedDocument]:
        if self._read >= _FILES_A_CHILD:
            await self._end()
        child = self._child or await self._start()
        assert child.stdin  # noqa: S101 - for the type checker
        assert child.stdout  # noqa: S101
        child.stdin.write(json.dumps(str(path)).encode() + b"\n")
        await child.stdin.drain()
        size = int.from_bytes(await child.stdout.readexactly(8), "big")
        if size > self._memory_mb * 1024 * 1024:
            raise ValueError(size)
        self._read += 1
        return await asyncio.to_thread(_documents, await child.stdout.readexactly(size))

    async def _start(self) -> Process:
        root = Path(__file__).parents[2]
        environment = {"PYTHONPATH": str(root), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        limits = [str(int(self._seconds) + 1), str(self._memory_mb)]
        self._child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "retrieval.parsing.child", *limits,
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True,
        )  # fmt: skip
        self._read = 0
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            if child.returncode is None:
                child.kill()
            await child.wait()
            if child.stdin is not None:
                child.stdin.close()


def _documents(answer: bytes) -> list[ParsedDocument]:
    """What the child answered; ValueError where that is nothing it would say."""
    reply = json.loads(answer)
    try:
        if "error" in reply:
            raise _ERRORS[reply["error"]](str(reply["message"]))
        return [_document(document) for document in reply["documents"]]
    except (KeyError, TypeError) as error:
        raise ValueError("not an answer of the parser") from error


def _document(raw: dict[str, Any]) -> ParsedDocument:
    blocks = [
        Entry(str(block["question"]), str(block["answer"]), Location(**block["location"]))
        if "question" in block
        else Prose(str(block["text"]), Location(**block["location"]))
        for block in raw["blocks"]
    ]
    identifier = raw["id"]
    return ParsedDocument(
        str(raw["title"]),
        blocks,
        None if identifier is None else str(identifier),
        str(raw["language"]),
        str(raw["url"]),
    )
