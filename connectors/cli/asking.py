"""Questions from the terminal: `ask` and `search`."""

from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from connectors.cli.command import Invocation, command
from connectors.cli.console import moves, plain
from retrieval.passages import Audience, Found, Scored

if TYPE_CHECKING:
    from bot.bootstrap import Parts
    from bot.domain import Answer, Citation, Question

PANEL = "Questions"
SHOWN = 400
"""Characters shown of a passage."""

AskedBy = Annotated[
    Audience, typer.Option(help="Who asks: a customer, or your staff, who may see internal documents too.")
]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    command(app, PANEL)(ask)
    command(app, PANEL)(search)


async def ask(
    call: Invocation,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In any language.")],
    audience: AskedBy = Audience.PUBLIC,
) -> None:
    """Ask a question as a customer would: an answer with its sources, a question back, or a handoff with its reason.

    [not dim]Examples[/]

      [cyan]answerdesk ask "How long does delivery take?"[/]
      [cyan]answerdesk ask "多久能送到？" --json[/]
      [cyan]answerdesk ask "May I refund 300 euros?" --audience internal[/]

    [not dim]Next:[/] [cyan]answerdesk search "..."[/] shows what was found, [cyan]answerdesk serve[/] serves the chat.
    """
    from bot.domain import Question

    async with call.parts() as parts:
        await parts.search.refresh(move=False)
        answer = await _answer(call, parts, Question(call.company, question, audience))
    if not call.result(_as_json(answer)):
        _show(call, answer)


async def _answer(call: Invocation, parts: "Parts", question: "Question") -> "Answer":
    """The answer; its drafts are shown as they grow, where they can be drawn over."""
    from bot.domain import Answer

    final: Answer | None = None
    with ExitStack() as stack:
        drafts = moves(call.out) and not call.shared.json
        live = stack.enter_context(Live(console=call.out, transient=True, auto_refresh=False)) if drafts else None
        async for step in parts.answering.answer(question):
            if isinstance(step, Answer):
                final = step
            elif live:
                live.update(_said(step.text), refresh=True)
    assert final is not None, "an answering ends with an answer"  # noqa: S101
    return final


def _as_json(answer: "Answer") -> dict[str, Any]:
    return {
        "outcome": answer.outcome,
        "text": answer.text,
        "citations": [asdict(citation) for citation in answer.citations],
        "confidence": round(answer.confidence, 4),
        "language": answer.language,
        "reason": answer.reason,
        "timings_ms": dict(answer.timings_ms),
    }


def _said(text: str) -> Text:
    said = Text(plain(text))
    said.highlight_regex(r"\[\d+\]", "bold cyan")
    return said


def _show(call: Invocation, answer: "Answer") -> None:
    call.out.print(_said(answer.text), soft_wrap=not call.out.is_terminal)
    for suggestion in answer.suggestions:
        call.out.print(Text.assemble("  • ", (plain(suggestion), "cyan")))
    if answer.citations:
        call.out.print()
        for citation in answer.citations:
            call.out.print(source_line(citation))
    seconds = answer.timings_ms.get("total", 0.0) / 1000
    why = f" ({answer.reason.replace('_', ' ')})" if answer.reason else ""
    call.note(f"\n{answer.outcome}{why}, confidence {answer.confidence:.2f}, {seconds:.2f} s", "dim")
    if answer.reason == "no_documents":
        call.note(f"{call.company} has no documents yet. Take some in: answerdesk ingest FOLDER")


def source_line(citation: "Citation") -> Text:
    """A citation as a line under its answer."""
    where = f" · {plain(citation.location)}" if citation.location else ""
    url = f" · {plain(citation.url)}" if citation.url else ""
    return Text.assemble((f"[{citation.number}] ", "bold cyan"), plain(citation.title), (f"{where}{url}", "dim"))


async def search(
    call: Invocation,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="In any language.")],
    k: Annotated[int, typer.Option("--k", "-k", min=1, max=1000, metavar="N", help="How many passages.")] = 5,
    audience: AskedBy = Audience.PUBLIC,
) -> None:
    """Show the passages that a question finds, best first, and how likely it is that they answer it.

    [not dim]Examples[/]

      [cyan]answerdesk search "battery warranty"[/]
      [cyan]answerdesk search "battery warranty" --k 20 --json[/]

    [not dim]Next:[/] [cyan]answerdesk ask "..."[/] makes an answer of them.
    """
    async with call.parts() as parts:
        await parts.search.refresh(move=False)
        found = await parts.search.search(call.company, query, audience, k)
    passages = [_found(scored) for scored in found.passages]
    if not call.result({"passages": passages, "confidence": round(found.confidence, 4)}):
        _show_found(call, found)


def _found(scored: Scored) -> dict[str, Any]:
    passage = scored.passage
    return {
        "document": passage.document,
        "passage": passage.id,
        "title": passage.title,
        "text": f"{passage.question}\n{passage.text}" if passage.is_entry else passage.text,
        "location": str(passage.location),
        "score": round(scored.score, 6),
    }


def _show_found(call: Invocation, found: Found) -> None:
    if not found.passages:
        call.note(f"{call.company} has no documents that could answer. Take some in: answerdesk ingest FOLDER")
        return
    for number, scored in enumerate(found.passages, start=1):
        passage = scored.passage
        where = ", ".join(part for part in (passage.title, str(passage.location)) if part)
        call.out.print(Text.assemble((f"{number}  {scored.score:.3f}  ", "bold cyan"), (plain(where), "bold")))
        if passage.is_entry:
            call.out.print(Padding.indent(Text(plain(passage.question), "italic"), 3))
        text = " ".join(plain(passage.text).split())
        call.out.print(Padding.indent(Text(text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."), 3))
        call.out.print(Padding.indent(Text(passage.id, "dim"), 3))
        call.out.print()
    call.out.print(f"Confidence that these answer it: {found.confidence:.2f}", style="bold")
