"""The services: `serve`, and `demo` for a first look."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from connectors.cli.command import Invocation, command
from connectors.cli.console import Steps

if TYPE_CHECKING:
    from bot.bootstrap import Parts
    from bot.settings import WebSettings

PANEL = "Service"

Host = Annotated[
    str | None, typer.Option(help="127.0.0.1 serves this machine only; 0.0.0.0 the network.", show_default="127.0.0.1")
]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Where the web chat is.", show_default="8080")]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    command(app, PANEL, json=False, company=False, service=True)(demo)
    command(app, PANEL, json=False, service=True)(serve)


async def demo(call: Invocation, host: Host = None, port: Port = None) -> None:
    """Look around: the web chat of a sample company, in six languages.

    Its documents and conversations lie in `demo` in the data folder; your own stay as they are. The first start
    prepares the embedding model and reads the documents, later ones take seconds.

    [not dim]Examples[/]

      [cyan]answerdesk demo[/]
      [cyan]answerdesk demo --port 9000[/]

    [not dim]Next:[/] [cyan]answerdesk ingest FOLDER[/] takes your own documents in.
    """
    from connectors import main

    settings = main.demo_settings(call.configured(**_web(host, port)))
    async with main.bound(settings.web) as listener, call.parts(settings) as parts:
        with Steps(call.notes).shown() as steps:
            failed = await main.load_sample(parts, steps)
        for report in failed:
            call.note(f"{report.source}: {report.error}", "red")
        examples = await _sample_questions(parts)
        await main.serve(parts, listener, lambda: _announce(call, parts, examples))


async def serve(call: Invocation, host: Host = None, port: Port = None) -> None:
    """Serve the web chat for your customers: answers from your documents, and hands over to a person.

    Documents taken in meanwhile are used within seconds. Ctrl-C or SIGTERM stops it after the answers that are being
    made are sent.

    [not dim]Examples[/]

      [cyan]answerdesk serve[/]
      [cyan]answerdesk serve --host 0.0.0.0 --port 80 --company acme[/]

    [not dim]Next:[/] [cyan]answerdesk handoffs[/] lists who waits for a person.
    """
    from connectors import main
    from retrieval import store

    settings = call.configured(**_web(host, port))
    async with main.bound(settings.web) as listener, call.parts(settings) as parts:
        if not await parts.database.read(store.list_documents, settings.company.id):
            call.note(
                f"{settings.company.id} has no documents yet, so every question goes to a person. "
                "Take some in, in another terminal: answerdesk ingest FOLDER",
                "yellow",
            )
        await main.serve(parts, listener, lambda: _announce(call, parts))


def _web(host: str | None, port: int | None) -> dict[str, Any]:
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return {"web": given} if given else {}


async def _sample_questions(parts: "Parts") -> list[str]:
    from retrieval import store

    company = parts.settings.company.id
    return [
        question
        for language in ("en", "zh")
        for question in await parts.database.read(store.sample_questions, company, language, 2)
    ]


def _announce(call: Invocation, parts: "Parts", examples: list[str] | None = None) -> None:
    settings = parts.settings
    call.out.print(
        Text.assemble(
            "\n  ", (settings.company.name, "bold"), " answers at  ", (_address(settings.web), "bold cyan"), "\n"
        )
    )
    for each in examples or ():
        call.out.print(Text.assemble("    ", (f"“{each}”", "italic")))
    call.out.print(Text.assemble("\n" if examples else "", ("  Ctrl-C stops it.", "dim")))


def _address(web: "WebSettings") -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(web.host, web.host)  # noqa: S104 - shown, not bound
    return f"http://{host}:{web.port}"
