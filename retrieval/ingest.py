"""Take documents in: idempotent by content hash. Adds what is new, replaces what changed, removes what is gone.

A file is read only when its bytes, its audience, or the way we read files has changed. Each document is one
transaction; a file that can't be read is reported with the reason, and what was known of it before stays.
"""

import asyncio
import hashlib
import itertools
import json
import os
import re
import time
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from retrieval import store
from retrieval.background import in_background
from retrieval.chunking import passages_of
from retrieval.database import Database
from retrieval.embedding import embed
from retrieval.errors import DocumentError
from retrieval.folders import digest, reason_of, walk
from retrieval.language import detect_language
from retrieval.passages import Audience, Document, ParsedDocument, Passage

READING_VERSION = 1
"""Raise it when parsing or chunking changes what comes out: every file is then read anew at the next ingest."""
EMBED_AT_ONCE = 64
"""Passages between two signs of progress; a cancellation waits for no more."""
EMBED_TOGETHER = 256
"""Passages embedded in one go: small documents share a batch."""

WRITE_TOGETHER = 8
"""Documents written at a time: on SQLite they share a commit, on PostgreSQL they leave connections to others."""
LONGEST_ID = 255

Parse = Callable[[Path], Awaitable[Sequence[ParsedDocument]]]


class Status(StrEnum):
    """What became of a document."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one document, or of a file that gave none."""

    id: str | None
    source: str
    title: str
    status: Status
    passages: int
    error: str | None = None


class Progress(Protocol):
    """Told how far the work has come."""

    def __call__(self, files: int, of_files: int, passages: int) -> None:
        """`files` of `of_files` are read, `passages` are embedded so far."""
        ...


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Takes documents into one company's knowledge, for one audience."""

    database: Database
    embedder: Embedder
    parse: Parse
    company: str
    audience: Audience
    max_file_mb: int = 50

    async def run(self, paths: Sequence[Path], progress: Progress = lambda *_: None) -> AsyncIterator[Report]:
        """Take in files, and folders with all that is below them; yields a report a document.

        Raises `UsageError` for a path that is not there and never was.
        """
        held = {document.source for document in await self.database.read(store.list_documents, self.company)}
        walked = await asyncio.to_thread(walk, paths, held)
        for folder, reason in walked.unread.items():
            yield _unread(folder, reason)
        for source in walked.gone:
            for report in await self._remove(source, keep=set()):
                yield report
        waiting: list[_File] = []
        embedded, count = 0, len(walked.files)
        for done, path in enumerate(walked.files, start=1):
            waiting.append(await self._read(path))
            if done == count or sum(file.size for file in waiting) >= EMBED_TOGETHER:
                before = embedded
                embedded += sum(file.size for file in waiting)
                for report in await self._store(waiting, lambda more: progress(done - 1, count, before + more)):  # noqa: B023
                    yield report
                waiting = []
            progress(done, count, embedded)

    async def _read(self, path: Path) -> "_File":
        """Read a file if its bytes have changed; what it says is then to be embedded."""
        source = str(path)
        if (name := os.fsencode(source).decode("utf-8", "replace")) != source:
            return _File(name, "", [_unread(name, "its name is not valid UTF-8; rename it")])
        held = (await self.database.read(store.documents_from, self.company, [source]))[source]
        try:
            await self._keep_apart(source, held)
            stamp = f"{READING_VERSION}:{self.audience}:{await asyncio.to_thread(digest, path, self.max_file_mb)}"
            if held and stamp == await self.database.read(store.file_stamp, self.company, source):
                return _File(source, "", [_report(each, Status.UNCHANGED) for each in held])
            parsed = await self.parse(path)
        except (DocumentError, OSError) as error:
            return _File(source, "", [_unread(source, reason_of(error))])
        return await asyncio.to_thread(self._compare, source, stamp, parsed, {each.id: each for each in held})

    async def _keep_apart(self, source: str, held: Sequence[Document]) -> None:
        """Never publish in passing what is internal; hide what becomes internal before anything else can fail."""
        others = [document for document in held if document.audience is not self.audience]
        if others and self.audience is Audience.PUBLIC:
            raise store.is_internal(others[0].id)
        if others:
            await self.database.write(store.withdraw, self.company, source)

    def _compare(
        self, source: str, stamp: str, parsed: Sequence[ParsedDocument], held: Mapping[str, Document]
    ) -> "_File":
        file = _File(source, stamp)
        unnamed = itertools.count(1)
        for item in parsed:
            document, passages = self._make(source, item, item.id or _identity(source, next(unnamed)))
            if len(document.id) > LONGEST_ID:
                file.fail(document, f"its id is longer than {LONGEST_ID} characters")
            elif document.id in file.made:
                file.fail(document, f"the id {document.id!r} stands twice in this file; give each document its own")
            elif not passages:
                file.fail(document, "it holds no text")
            else:
                file.made[document.id] = _Made(document, passages, held.get(document.id))
        return file

    def _make(self, source: str, parsed: ParsedDocument, identity: str) -> tuple[Document, list[Passage]]:
        found = passages_of(parsed, identity, self.embedder.count_tokens)
        language = parsed.language or detect_language("\n".join(each.text for each in found[:5]))
        passages = [replace(each, language=_language_of(each, language, bool(parsed.language))) for each in found]
        content = json.dumps([asdict(each) for each in passages], sort_keys=True, ensure_ascii=False)
        document = Document(
            id=identity,
            company=self.company,
            audience=self.audience,
            source=source,
            title=parsed.title,
            language=language,
            url=parsed.url,
            content_hash=hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest(),
            passages=len(passages),
            updated_at=time.time(),
        )
        return document, passages

    async def _store(self, files: Sequence["_File"], progress: Callable[[int], None]) -> list[Report]:
        """Embed the passages of all these files together, then store each document in a transaction of its own."""
        changed = [made for file in files for made in file.made.values() if not made.is_unchanged]
        passages = [passage for made in changed for passage in made.passages]
        made_vectors: list[NDArray[np.float32]] = []
        for start in range(0, len(passages), EMBED_AT_ONCE):
            part = passages[start : start + EMBED_AT_ONCE]
            made_vectors.extend(await in_background(embed, self.embedder, part))
            progress(len(made_vectors))
        vectors = iter(made_vectors)
        embedded = {id(made): [store.Embedded(each, next(vectors)) for each in made.passages] for made in changed}
        reports: list[Report] = []
        gate = asyncio.Semaphore(WRITE_TOGETHER)
        for file in files:
            puts = (self._put(made, embedded.get(id(made)), gate) for made in file.made.values())
            # All of them end before one that failed is heard: none writes on behind the caller's back.
            for outcome in await asyncio.gather(*puts, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                file.reports.append(outcome)
            reports += file.reports
            reports += await self._settle(file)
        return reports

    async def _put(self, made: "_Made", embedded: Sequence[store.Embedded] | None, gate: asyncio.Semaphore) -> Report:
        if embedded is None:
            return _report(made.document, Status.UNCHANGED)
        try:
            async with gate:
                await self.database.write(store.put_document, made.document, embedded, self.embedder.name)
        except DocumentError as error:
            return _failed(made.document, str(error))
        return _report(made.document, Status.UPDATED if made.before else Status.ADDED)

    async def _settle(self, file: "_File") -> list[Report]:
        """Remove what the file gave before and gives no longer; note its bytes when all of it is stored."""
        if not file.stamp:
            return []
        removed = await self._remove(file.source, keep=set(file.made))
        if not any(report.status is Status.FAILED for report in file.reports):
            given = [made.document for made in file.made.values()]
            await self.database.write(store.note_file, self.company, file.source, file.stamp, given)
        return removed

    async def _remove(self, source: str, keep: set[str]) -> list[Report]:
        held = (await self.database.read(store.documents_from, self.company, [source]))[source]
        gone = [document for document in held if document.id not in keep]
        for document in gone:
            await self.database.write(store.remove_document, self.company, document.id)
        return [_report(document, Status.REMOVED) for document in gone]


@dataclass(frozen=True, slots=True)
class _Made:
    """A document as the file says it now, and as it was before."""

    document: Document
    passages: Sequence[Passage]
    before: Document | None

    @property
    def is_unchanged(self) -> bool:
        before = self.before
        return before is not None and (before.content_hash, before.audience) == (
            self.document.content_hash,
            self.document.audience,
        )


@dataclass(frozen=True, slots=True)
class _File:
    """A file on its way in. Without a stamp there is nothing to settle: unchanged, or unreadable."""

    source: str
    stamp: str
    reports: list[Report] = field(default_factory=list)
    made: dict[str, _Made] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Passages that wait to be embedded."""
        return sum(len(made.passages) for made in self.made.values() if not made.is_unchanged)

    def fail(self, document: Document, reason: str) -> None:
        """Report one document of the file; the others go on."""
        self.reports.append(_failed(document, reason))


def _report(document: Document, status: Status) -> Report:
    return Report(document.id, document.source, document.title, status, document.passages)


def _failed(document: Document, reason: str) -> Report:
    return Report(document.id, document.source, document.title, Status.FAILED, 0, reason)


def _unread(source: str, reason: str) -> Report:
    return Report(None, source, Path(source).name, Status.FAILED, 0, reason)


def _identity(source: str, number: int = 1) -> str:
    """A readable id that stays the same while the file stays where it is; its records without an id are numbered."""
    stem = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFKC", Path(source).stem).casefold()).strip("-_")[:60]
    name = f"{stem or 'document'}-{hashlib.sha256(source.encode()).hexdigest()[:6]}"
    return name if number == 1 else f"{name}-{number}"


def _language_of(passage: Passage, language: str, stated: bool) -> str:
    """The passage's own language, where it is long enough to tell and the source doesn't state one."""
    text = f"{passage.question} {passage.text}"
    return language if stated or len(text) < 40 else detect_language(text, default=language)
