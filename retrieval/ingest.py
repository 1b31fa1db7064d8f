"""Take documents in: idempotent by content hash. Adds what is new, replaces what changed, removes what is gone.

A file is read only when its bytes, its audience, or the way we read files has changed. Each document is one
transaction; a file that can't be read is reported with the reason, and what was known of it before stays.
"""

import asyncio
import hashlib
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

from llm.embeddings import Embedder
from llm.errors import UsageError
from retrieval import store
from retrieval.chunking import passages_of
from retrieval.database import Database
from retrieval.embedding import embed
from retrieval.errors import DocumentError, EmptyDocument
from retrieval.language import detect_language
from retrieval.passages import Audience, Document, ParsedDocument, Passage

READING_VERSION = 1
"""Raise it when parsing or chunking changes what comes out: every file is then read anew at the next ingest."""
EMBED_TOGETHER = 256
"""Passages embedded in one go: small documents share a batch."""

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
        files, gone = await asyncio.to_thread(_walk, paths, held)
        for source in gone:
            for report in await self._remove(source, keep=set()):
                yield report
        waiting: list[_File] = []
        embedded = 0
        for done, path in enumerate(files, start=1):
            waiting.append(await self._read(path))
            if done == len(files) or sum(file.size for file in waiting) >= EMBED_TOGETHER:
                for report in await self._store(waiting):
                    embedded += report.passages * (report.status in (Status.ADDED, Status.UPDATED))
                    yield report
                waiting = []
            progress(done, len(files), embedded)

    async def _read(self, path: Path) -> "_File":
        """Read a file if its bytes have changed; what it says is then to be embedded."""
        source = str(path)
        held = (await self.database.read(store.documents_from, self.company, [source]))[source]
        try:
            if self.audience is Audience.PUBLIC and any(each.audience is Audience.INTERNAL for each in held):
                raise DocumentError(
                    f"it is held as internal. To publish it, remove it first: answerdesk remove {held[0].id}"
                )
            stamp = f"{READING_VERSION}:{self.audience}:{await asyncio.to_thread(_digest, path, self.max_file_mb)}"
            if held and stamp == await self.database.read(store.file_stamp, self.company, source):
                return _File(source, "", [_report(each, Status.UNCHANGED) for each in held])
            parsed = await self.parse(path)
        except (DocumentError, OSError) as error:
            reason = f"it can't be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            return _File(source, "", [Report(None, source, path.name, Status.FAILED, 0, reason)])
        return await asyncio.to_thread(self._compare, source, stamp, parsed, {each.id: each for each in held})

    def _compare(
        self, source: str, stamp: str, parsed: Sequence[ParsedDocument], held: Mapping[str, Document]
    ) -> "_File":
        file = _File(source, stamp)
        for item in parsed:
            document, passages = self._make(source, item)
            if document.id in file.made:
                file.fail(document, f"the id {document.id!r} stands twice in this file; give each document its own")
            elif not passages:
                file.fail(document, "it holds no text")
            else:
                file.made[document.id] = _Made(document, passages, held.get(document.id))
        return file

    def _make(self, source: str, parsed: ParsedDocument) -> tuple[Document, list[Passage]]:
        identity = parsed.id or _identity(source)
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

    async def _store(self, files: Sequence["_File"]) -> list[Report]:
        """Embed the passages of all these files together, then store each document in a transaction of its own."""
        changed = [made for file in files for made in file.made.values() if not made.is_unchanged]
        passages = [passage for made in changed for passage in made.passages]
        vectors = iter(await asyncio.to_thread(embed, self.embedder, passages) if passages else ())
        embedded = {id(made): [store.Embedded(each, next(vectors)) for each in made.passages] for made in changed}
        reports: list[Report] = []
        for file in files:
            stored = await asyncio.gather(*(self._put(made, embedded.get(id(made))) for made in file.made.values()))
            file.reports.extend(stored)
            reports += file.reports
            reports += await self._settle(file)
        return reports

    async def _put(self, made: "_Made", embedded: Sequence[store.Embedded] | None) -> Report:
        if embedded is None:
            return _report(made.document, Status.UNCHANGED)
        try:
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
            await self.database.write(store.note_file, self.company, file.source, file.stamp)
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


def _walk(paths: Sequence[Path], held: set[str]) -> tuple[list[Path], list[str]]:
    """The files to read, and the sources that are gone from disk since they were taken in."""
    files: dict[Path, None] = {}
    gone: dict[str, None] = {}
    for path in (Path(os.path.abspath(path.expanduser())) for path in paths):  # noqa: PTH100 - keeps symbolic links
        below = [source for source in sorted(held) if Path(source).is_relative_to(path)]
        gone |= dict.fromkeys(source for source in below if not Path(source).is_file())
        if path.is_dir():
            files |= dict.fromkeys(
                sorted(each for each in path.rglob("*") if each.is_file() and not _hidden(each, path))
            )
        elif path.is_file():
            files[path] = None
        elif not below:
            raise UsageError(f"There is no file or folder {path}. Check the path; it is taken from the current folder.")
    return list(files), list(gone)


def _hidden(path: Path, root: Path) -> bool:
    """Hidden files, and the lock files that office programs leave beside open documents."""
    return any(part.startswith((".", "~$")) for part in path.relative_to(root).parts)


def _digest(path: Path, max_mb: int) -> str:
    if path.stat().st_size > max_mb * 1_000_000:
        raise DocumentError(f"it is larger than {max_mb} MB. Split it, or raise retrieval.max_file_mb")
    if path.stat().st_size == 0:
        raise EmptyDocument("it is empty (0 bytes)")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _identity(source: str) -> str:
    """A readable id that stays the same as long as the file stays where it is."""
    stem = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFKC", Path(source).stem).casefold()).strip("-_")[:60]
    return f"{stem or 'document'}-{hashlib.sha256(source.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"


def _language_of(passage: Passage, language: str, stated: bool) -> str:
    """The passage's own language, where it is long enough to tell and the source doesn't state one."""
    text = f"{passage.question} {passage.text}"
    return language if stated or len(text) < 40 else detect_language(text, default=language)
