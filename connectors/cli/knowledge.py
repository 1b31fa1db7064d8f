"""Documents in, listed and out: `ingest`, `documents`, `remove`."""

import difflib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from connectors.cli.command import Invocation, command
from connectors.cli.console import Steps, cell, table
from llm.errors import AnswerdeskError, UsageError
from retrieval.parsing.sniffing import SUFFIXES
from retrieval.passages import Audience, Document

if TYPE_CHECKING:
    from retrieval.ingest import Report

PANEL = "Documents"
MOST_ROWS = 30
"""Documents listed after an ingest; beyond that the counts say more."""
_STYLES = {"added": "green", "updated": "cyan", "unchanged": "dim", "removed": "yellow", "failed": "red"}

INGEST_HELP = f"""Take documents in. Run it again after changes: only what has changed costs time.

A file that changed replaces its passages, one that is gone from its folder disappears. A file that can't be read is
reported with the reason and stops nothing else.

Formats: {", ".join(dict.fromkeys(str(each) for each in SUFFIXES.values()))} ({" ".join(SUFFIXES)}).

Tables with a question and an answer column are taken in as a FAQ.

[not dim]Examples[/]

  [cyan]answerdesk ingest handbook/ faq.xlsx[/]
  [cyan]answerdesk ingest refund-rules.docx --audience internal[/]    for your staff only

[not dim]Next:[/] [cyan]answerdesk ask "..."[/], or [cyan]answerdesk serve[/]; a running server notices within seconds.
"""


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    command(app, PANEL, text=INGEST_HELP)(ingest)
    command(app, PANEL)(documents)
    command(app, PANEL)(remove)
    command(app, PANEL)(teach)


async def ingest(
    call: Invocation,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files, and folders with all below them.")],
    audience: Annotated[
        Audience, typer.Option(help="Who may see them: customers, or your staff only.")
    ] = Audience.PUBLIC,
) -> None:
    """See INGEST_HELP."""
    from retrieval.ingest import Status

    start = time.perf_counter()
    async with call.parts() as parts:
        with Steps(call.notes).shown() as steps:
            reports = [
                report
                async for report in parts.ingestion(call.company, audience).run(
                    paths,
                    lambda files, of, passages: steps("Reading documents", files, of, f"{passages} passages embedded"),
                )
            ]
    seconds = round(time.perf_counter() - start, 2)
    if not call.result({"documents": [asdict(report) for report in reports], "seconds": seconds}):
        _show_reports(call, reports, seconds)
    if reports and all(report.status is Status.FAILED for report in reports):
        raise typer.Exit(1)


def _show_reports(call: Invocation, reports: Sequence["Report"], seconds: float) -> None:
    changed = [report for report in reports if report.status not in ("unchanged", "failed")]
    failed = [report for report in reports if report.status == "failed"]
    if changed:
        rows = table("Document", "Title", "Status", "Passages", right=frozenset({"Passages"}))
        for report in changed[:MOST_ROWS]:
            status = cell(report.status, _STYLES[report.status])
            rows.add_row(cell(report.id or "", "cyan"), cell(report.title), status, str(report.passages))
        call.out.print(rows)
        if len(changed) > MOST_ROWS:
            call.out.print(f"... and {len(changed) - MOST_ROWS} more; answerdesk documents lists them all")
    for report in failed:
        call.out.print(cell(f"{report.source}: {report.error}", "red"))
    counts = Counter(str(report.status) for report in reports)
    said = ", ".join(f"{counts[status]} {status}" for status in _STYLES if counts[status])
    call.out.print(f"{said or 'There was nothing to read'} in {seconds:.1f} s.", style="bold")
    if changed:
        call.note('Next: answerdesk ask "...", or answerdesk serve', "dim")


async def documents(call: Invocation) -> None:
    r"""List the documents taken in.

    [not dim]Examples[/]

      [cyan]answerdesk documents[/]
      [cyan]answerdesk documents --json | jq -r '.documents\[].id'[/]

    [not dim]Next:[/] [cyan]answerdesk remove ID[/] takes one out.
    """
    from retrieval import moving, store

    async with call.storage() as database:
        held = await database.read(store.list_documents, call.company)
        move = await database.read(moving.move_of, call.company, call.settings.embedding.registered())
    described = [_described(document) for document in held]
    moved = dict(zip(("model", "passages", "of"), move, strict=True)) if move else None
    if call.result({"documents": described, "moving_to": moved}):
        return
    if move:
        call.note(f"{move[1]} of {move[2]} passages are embedded by {move[0]}; until then, the model before serves.")
    if not held:
        call.note(f"{call.company} has no documents yet. Take some in: answerdesk ingest FOLDER")
        return
    rows = table("Id", "Title", "Audience", "Lang", "Passages", right=frozenset({"Passages"}))
    for document in held:
        audience = cell(document.audience, "yellow" if document.audience is Audience.INTERNAL else "")
        size = str(document.passages)
        rows.add_row(cell(document.id, "cyan"), cell(document.title), audience, document.language, size)
    call.out.print(rows)
    call.out.print(f"{len(held)} documents, {sum(each.passages for each in held)} passages", style="bold")


def _described(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "source": document.source,
        "audience": document.audience,
        "language": document.language,
        "passages": document.passages,
        "updated_at": datetime.fromtimestamp(document.updated_at, UTC).isoformat(timespec="seconds"),
    }


async def remove(
    call: Invocation,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="As `answerdesk documents` lists them.")],
) -> None:
    """Take documents out: answers no longer use them. The files themselves stay where they are.

    [not dim]Example[/]

      [cyan]answerdesk remove price-list-3fa94c[/]

    [not dim]Next:[/] [cyan]answerdesk ingest[/] takes it in again.
    """
    from retrieval import store
    from retrieval.ingest import Report, Status

    async with call.storage() as database:
        held = {document.id: document for document in await database.read(store.list_documents, call.company)}
        for unknown in (each for each in ids if each not in held):
            raise AnswerdeskError(f"{call.company} has no document {unknown}.{_nearest(unknown, list(held))}")
        for each in dict.fromkeys(ids):
            await database.write(store.remove_document, call.company, each)
    gone = [held[each] for each in dict.fromkeys(ids)]
    reports = [Report(each.id, each.source, each.title, Status.REMOVED, each.passages) for each in gone]
    if not call.result({"documents": [asdict(report) for report in reports]}):
        for document in gone:
            call.out.print(Text.assemble("Removed ", (document.id, "cyan"), f": {document.passages} passages"))


def _nearest(wanted: str, ids: Sequence[str]) -> str:
    near = difflib.get_close_matches(wanted, ids, n=3, cutoff=0.4) or [each for each in ids if wanted in each][:3]
    return f" Did you mean {' or '.join(near)}?" if near else " answerdesk documents lists those it has."


async def teach(
    call: Invocation,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="As customers ask it.")],
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="What they are to read, word for word.")],
    audience: Annotated[
        Audience, typer.Option(help="Who may see it: customers, or your staff only.")
    ] = Audience.PUBLIC,
    sure: Annotated[bool, typer.Option("--sure", metavar="", help="Keep it whatever speaks against it.")] = False,
) -> None:
    """Approve an answer. It is given word for word, without a model, and outweighs documents that contradict it.

    It isn't kept, unless you are `--sure`, where it holds what may be one customer's own (an address, an order number),
    what another document says otherwise, or what stands in a document for staff. Teaching the same question again
    replaces the answer.

    [not dim]Examples[/]

      [cyan]answerdesk teach "Do you sell gift cards?" "Yes, from 20 to 500 euros, in our shop."[/]

    [not dim]Next:[/] [cyan]answerdesk ask "..."[/]; [cyan]answerdesk remove ID[/] takes it back.
    """
    from bot.answers.teaching import Lesson, Teaching
    from retrieval import store

    async with call.parts() as parts:
        await parts.search.refresh()
        teaching = Teaching(parts.database, parts.embedder, parts.search.search)
        came = await teaching.teach(call.company, Lesson(question, answer, audience, sure=sure))
        if not came.document:
            doubts = " ".join(each.says for each in came.doubts)
            raise UsageError(f"Not kept, as something speaks against it. {doubts} Change it, or say --sure.")
        taught = await parts.database.read(store.document, call.company, audience, came.document)
        assert taught is not None, "it was kept just now"  # noqa: S101
    if not call.result(_described(taught)):
        call.out.print(f"Approved as {taught.id}.", style="green")
        call.note('Next: answerdesk ask "...", or answerdesk serve', "dim")
