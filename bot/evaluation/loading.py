"""A scratch store that holds the documents of an evaluation."""

import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.bootstrap import Parts, open_parts
from bot.evaluation.questions import Part
from bot.sections import OtherCompanySettings
from bot.settings import Settings, StorageSettings
from llm.errors import AnswerdeskError
from retrieval import store
from retrieval.ingest import Status
from retrieval.passages import Audience

Progress = Callable[[str, int, int], None]
"""Told the step, what is done of it, and how much it is in all."""
KEPT = ("id", "title", "text", "lang")
"""Fields of a document."""


@contextlib.asynccontextmanager
async def scratch(settings: Settings, voices: Mapping[str, str]) -> AsyncIterator[Parts]:
    """The parts over an empty store, which is gone afterwards; `voices` by company, for those that have one."""
    companies = {company: OtherCompanySettings(name=company, voice=voice) for company, voice in voices.items()}
    with tempfile.TemporaryDirectory(prefix="answerdesk-evaluate-") as folder:
        update = {
            "data_dir": Path(folder),
            "models_dir": settings.models,
            "storage": StorageSettings(),
            "companies": companies,
        }
        async with open_parts(settings.model_copy(update=update)) as parts:
            yield parts


async def load(parts: Parts, given: Sequence[Part], progress: Progress) -> None:
    """Take these documents in. Raises `AnswerdeskError` for one that can't be."""
    for done, part in enumerate(given, start=1):
        await _take_in(parts, part.company, Audience.PUBLIC, part.files, part.documents)
        await _take_in(parts, part.company, Audience.INTERNAL, part.internal, part.internal_documents)
        progress("Loading documents", done, len(given))
    await parts.search.refresh()


async def _take_in(
    parts: Parts,
    company: str,
    audience: Audience,
    files: Iterable[str | Path],
    documents: Sequence[Mapping[str, Any]],
) -> None:
    paths = [Path(file) for file in files]
    if documents:
        file = parts.settings.data_dir / f"{company}-{audience}.jsonl"
        lines = (json.dumps({name: row[name] for name in KEPT if name in row}) for row in documents)
        file.write_text("\n".join(lines), encoding="utf-8")
        paths.append(file)
    if paths:
        async for report in parts.ingestion(company, audience).run(paths):
            if report.status is Status.FAILED:
                raise AnswerdeskError(f"Document {report.id or report.source} could not be loaded: {report.error}")


async def names(parts: Parts, part: Part) -> Mapping[str, str]:
    """What each document that came from a file of its own is called, by its id."""
    held = await parts.database.read(store.list_documents, part.company) if part.files else ()
    return {document.id: part.files[document.source] for document in held if document.source in part.files}
