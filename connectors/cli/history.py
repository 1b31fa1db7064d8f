"""What happened in a conversation: `history` shows it, `file` saves what the customer sent."""

import asyncio
import heapq
import itertools
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal
from rich.padding import Padding
from rich.text import Text

from connectors.cli.asking import source_line
from connectors.cli.command import Invocation, command
from connectors.cli.console import plain
from connectors.cli.filenames import safe_name
from connectors.cli.people import PANEL, SHORT_ID, Started, find_conversation
from llm.errors import AnswerdeskError, UsageError

if TYPE_CHECKING:
    from bot.conversation import Conversation, Message
    from bot.ports import Attachment, Connector
    from bot.storage.conversations import Recorded
    from retrieval.database import Database

LARGEST = 50 * 2**20
"""Bytes of a file that is fetched: it is held in memory."""


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    command(app, PANEL)(history)
    command(app, PANEL)(file)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A message with the numbers of its files."""

    message: "Message"
    files: "Sequence[tuple[int, Attachment]]"


async def history(
    call: Invocation,
    conversation: Started,
    events: Annotated[
        bool, typer.Option("--events", metavar="", help="Show what was done as well: who took it over, and why.")
    ] = False,
) -> None:
    """Show a conversation: what was said, by whom, on what documents, and whether it arrived.

    [not dim]Examples[/]

      [cyan]answerdesk history 3fa94c1b[/]
      [cyan]answerdesk history 3fa94c1b --events[/]

    [not dim]Next:[/] [cyan]answerdesk reply CONVERSATION "..."[/] answers the customer; [cyan]answerdesk file
    CONVERSATION NUMBER[/] saves a file of theirs.
    """
    from bot.storage.conversations import trail

    async with call.storage() as database:
        found, entries = await _read(database, call.company, conversation)
        recorded = await database.read(trail, found.company, found.id)
    if call.result(_described(found, entries, recorded)):
        return
    call.out.print(_title(found))
    # What was done comes before what was said of it at the same moment.
    shown = heapq.merge(
        ((each.at, _event_line(each)) for each in recorded if events),
        ((each.message.at, _message_block(each)) for each in entries),
        key=lambda pair: pair[0],
    )
    for _, lines in shown:
        for line in lines:
            call.out.print(line, soft_wrap=not call.out.is_terminal)
    if any(each.files for each in entries):
        call.note(f"Next: answerdesk file {found.id[:SHORT_ID]} NUMBER", "dim")


async def file(
    call: Invocation,
    conversation: Started,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="As answerdesk history numbers the files.")],
    out: Annotated[
        Path | None, typer.Option(metavar="PATH", help="A file or a folder.", show_default="here, by its name")
    ] = None,
    force: Annotated[bool, typer.Option("--force", metavar="", help="Overwrite what is there.")] = False,
) -> None:
    """Save a file that a customer sent. It is fetched from the channel, which may keep it for some time only.

    [not dim]Examples[/]

      [cyan]answerdesk file 3fa94c1b 1[/]
      [cyan]answerdesk file 3fa94c1b 2 --out damage.jpg[/]

    [not dim]Next:[/] [cyan]answerdesk reply CONVERSATION "..."[/] answers the customer.
    """
    async with call.storage() as database:
        found, entries = await _read(database, call.company, conversation)
        wanted = dict(each for entry in entries for each in entry.files).get(number)
        if wanted is None:
            raise UsageError(f"There is no file {number} in it. answerdesk history {conversation} numbers its files.")
        target = _target(out, wanted.name, force=force)
        async with _channel(call, database, found.chat.channel) as channel:
            content = await channel.fetch(wanted.ref, LARGEST)
    await asyncio.to_thread(_save, target, content, force=force)
    saved = {"path": str(target), "name": wanted.name, "media_type": wanted.media_type, "size": len(content)}
    if not call.result(saved):
        call.out.print(Text.assemble("Saved ", (plain(str(target)), "cyan"), f", {decimal(len(content))}."))


async def _read(database: "Database", company: str, start: str) -> "tuple[Conversation, list[_Entry]]":
    from bot.storage.conversations import get, transcript

    identity = await find_conversation(database, company, start)
    messages = await database.read(transcript, company, identity)
    found = await database.read(get, company, identity)
    assert found is not None, "conversations aren't deleted"  # noqa: S101
    numbers = itertools.count(1)
    return found, [_Entry(each, [(next(numbers), file) for file in each.attachments]) for each in messages]


@asynccontextmanager
async def _channel(call: Invocation, database: "Database", name: str) -> "AsyncIterator[Connector]":
    """The channel, not listening."""
    if name == "telegram":
        from connectors.telegram.connector import open_telegram

        async with open_telegram(call.settings.telegram, call.company, database) as telegram:
            yield telegram
    elif name == "web":
        from connectors.web.connector import WebConnector

        yield WebConnector(database, call.company)
    else:
        raise AnswerdeskError(f"Files of the channel {name} can't be fetched.")


def _target(out: Path | None, name: str, *, force: bool) -> Path:
    if out is None or out.is_dir():
        out = (out or Path()) / safe_name(name)
    if not force and os.path.lexists(out):
        raise _there_already(out)
    return out


def _save(target: Path, content: bytes, *, force: bool) -> None:
    try:
        with target.open("wb" if force else "xb") as file:
            file.write(content)
    except FileExistsError:
        raise _there_already(target) from None
    except OSError as error:
        raise AnswerdeskError(f"{target} can't be written ({error.strerror}). Choose another --out.") from None


def _there_already(target: Path) -> AnswerdeskError:
    return AnswerdeskError(f"{target} is there already: --force overwrites it, --out saves the file elsewhere.")


def _described(
    conversation: "Conversation", entries: "Iterable[_Entry]", recorded: "Iterable[Recorded]"
) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "company": conversation.company,
        "channel": conversation.chat.channel,
        "owner": conversation.owner,
        "person": conversation.person,
        "customer": conversation.customer,
        "messages": [_message(each) for each in entries],
        "events": [
            {"at": _utc(each.at), "kind": each.kind, "actor": each.actor, "data": dict(each.data)} for each in recorded
        ],
    }


def _message(entry: _Entry) -> dict[str, Any]:
    message = entry.message
    return {
        "seq": message.seq,
        "at": _utc(message.at),
        "author": message.author,
        "sender": message.sender,
        "kind": message.kind,
        "status": message.status,
        "text": message.text,
        "quote": message.quote,
        "language": message.language,
        "outcome": message.outcome,
        "reason": message.reason,
        "citations": [asdict(each) for each in message.citations],
        "attachments": [
            {"number": number, "name": each.name, "media_type": each.media_type, "size": each.size}
            for number, each in entry.files
        ],
    }


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _local(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _title(conversation: "Conversation") -> Text:
    who = f", {plain(conversation.customer)}" if conversation.customer else ""
    owner = f"with {conversation.person}" if conversation.person else f"owner: {conversation.owner}"
    return Text.assemble(
        "Conversation ", (conversation.id, "bold cyan"), f" ({conversation.chat.channel}{who}), {plain(owner)}"
    )


def _event_line(event: "Recorded") -> Iterator[Text]:
    """An entry of the audit trail: when, what, by whom, and the details."""
    known = {name: value for name, value in event.data.items() if value not in (None, "")}
    details = ", ".join(f"{name} {value}" for name, value in known.items() if not isinstance(value, dict | list))
    said = plain(f"{event.kind.replace('_', ' ')} by {event.actor}{': ' if details else ''}{details}")
    yield Text.assemble((f"{_local(event.at)}  ", "dim"), ("* ", "yellow"), (" ".join(said.split()), "yellow"))


def _message_block(entry: _Entry) -> Iterator[Text | Padding]:
    message = entry.message
    facts = (
        message.author if message.author != "person" else f"person {message.sender}".strip(),
        message.kind if message.kind != "message" else "",
        message.outcome or "",
        (message.reason or "").replace("_", " "),
        {"received": "", "outbox": "not sent yet"}.get(message.status, message.status),
    )
    style = {"failed": "red", "withdrawn": "red"}.get(message.status, "bold")
    yield Text.assemble((f"{_local(message.at)}  ", "dim"), (plain(", ".join(filter(None, facts))), style))
    if message.quote:
        yield Padding.indent(Text(f"> {plain(message.quote)}", "dim"), 4)
    if message.text:
        yield Padding.indent(Text(plain(message.text)), 4)
    for citation in message.citations:
        yield Padding.indent(source_line(citation), 4)
    for number, each in entry.files:
        size = f", {decimal(each.size)}" if each.size is not None else ""
        yield Padding.indent(
            Text.assemble((f"file {number}: ", "cyan"), plain(f"{each.name}, {each.media_type}{size}")), 4
        )
