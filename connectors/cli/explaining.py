"""How an answer came about: `explain`. It tells what was recorded when it was made, and asks nothing anew."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.text import Text

from connectors.cli.command import Invocation, command
from connectors.cli.console import cell, plain, table
from connectors.cli.people import PANEL, find_conversation
from llm.errors import AnswerdeskError, UsageError


def add_to(app: typer.Typer) -> None:
    """Register this command."""
    command(app, PANEL)(explain)


async def explain(
    call: Invocation,
    message: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="CONVERSATION:SEQ; or CONVERSATION, for its last answer.")
    ],
) -> None:
    """Show how an answer came about: the passages seen with their scores, the confidence, what was withheld and why.

    It is what was recorded when the answer was made, not a new search.

    [not dim]Examples[/]

      [cyan]answerdesk explain 3fa94c1b[/]
      [cyan]answerdesk explain 3fa94c1b:2 --json[/]

    [not dim]Next:[/] [cyan]answerdesk history CONVERSATION --json[/] has the `seq` of each message.
    """
    from bot.answers.explaining import explain as explanation

    start, _, seq = message.partition(":")
    if seq and not seq.isdecimal():
        raise UsageError(f"{message}: give a conversation's id and a message's number, as in 3fa94c1b:2.")
    async with call.storage() as database:
        identity = await find_conversation(database, call.company, start)
        explained = await explanation(database, call.company, identity, int(seq) if seq else None)
    if explained is None:
        raise AnswerdeskError(
            f"{message} is no answer of the bot. "
            "answerdesk history --json shows the seq and the outcome of each message."
        )
    if not call.result(explained):
        _show(call, explained)


def _show(call: Invocation, explained: Mapping[str, Any]) -> None:
    out = call.out
    why = f" ({explained['reason'].replace('_', ' ')})" if explained["reason"] else ""
    out.print(f"{explained['outcome']}{why}, confidence {explained['confidence']:.2f}", style="bold")
    out.print(Padding.indent(Text(plain(explained["text"])), 2))
    if explained["thresholds"]:
        levels = (f"{name} from {least:.2f}" for name, least in explained["thresholds"].items())
        out.print(f"\nThe confidence calls for: {explained['band']} ({', '.join(levels)}, hand over below)")
    if explained.get("query"):
        out.print(Text.assemble("\nSearched for: ", plain(explained["query"])))
    if explained.get("passages"):
        rows = table("", "Passage", "score", "cosine", "keyword")
        for each in explained["passages"]:
            figures = (f"{each[name]:.3f}" for name in ("score", "cosine", "keyword"))
            rows.add_row("cited" if each["cited"] else "", cell(each["passage"]), *figures)
        out.print(rows)
    if explained.get("signals"):
        signals = (f"{name} {float(value):.3f}" for name, value in explained["signals"].items())
        out.print(f"Signals of the confidence: {', '.join(signals)}")
    for each in explained.get("withheld", ()):
        said = f"Withheld, {each['flaw'].replace('_', ' ')}{': ' if each['detail'] else ''}{each['detail']}"
        out.print(Text(plain(said), "yellow"))
        out.print(Padding.indent(Text(plain(each["sentence"])), 2))
    for each in explained["documents_differ"]:
        out.print(Text(plain(f"Documents differ ({each['ruling']}): {each['said']} | {each['otherwise']}"), "yellow"))
    timings = (f"{name.replace('_', ' ')} {value:.0f} ms" for name, value in explained["timings_ms"].items())
    out.print(f"Timings: {', '.join(timings)}", style="dim")
