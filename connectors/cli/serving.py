"""The services: `serve`, and `demo` for a first look."""

import time
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from connectors.cli.command import Invocation, command
from connectors.cli.console import Steps
from connectors.cli.staff import desk_address, sign_in_address

if TYPE_CHECKING:
    from bot.bootstrap import Parts
    from bot.settings import Settings, WebSettings
    from retrieval.database import Database

PANEL = "Service"
DEMO_STAFF = "sam"

Host = Annotated[
    str | None, typer.Option(help="127.0.0.1 serves this machine only; 0.0.0.0 the network.", show_default="127.0.0.1")
]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Where the web chat is.", show_default="8080")]
Roles = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="What this process does: any of web, worker, telegram, slack, joined by commas.",
        show_default="all that are configured",
    ),
]


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
    from connectors import main, sample

    settings = sample.demo_settings(call.configured(**_web(host, port)))
    async with main.bound(settings.web) as listener, call.parts(settings) as parts:
        with Steps(call.notes).shown() as steps:
            failed = await sample.load_sample(parts, steps)
        for report in failed:
            call.note(f"{report.source}: {report.error}", "red")
        examples = await _sample_questions(parts)
        roles = main.chosen_roles(None, settings)
        desk = await _desk_for_a_look(settings, parts.database)
        await main.serve(
            parts.database, settings, roles, lambda: _announce(call, settings, roles, examples, desk), parts, listener
        )


async def serve(call: Invocation, host: Host = None, port: Port = None, roles: Roles = None) -> None:
    """Serve the web chat and the Telegram bot for your customers: answers from your documents, or hands over.

    Documents taken in meanwhile are used within seconds. Ctrl-C or SIGTERM stops it after the answers that are being
    made are sent.

    Any number of processes that share a database share the work: each runs any of the roles `web` (the chat's pages),
    `worker` (answers, and sends on all channels), `telegram` (takes in what the bot is told; one process only) and
    `slack` (lets staff work in Slack).

    [not dim]Examples[/]

      [cyan]answerdesk serve[/]
      [cyan]answerdesk serve --host 0.0.0.0 --port 80 --company acme[/]
      [cyan]answerdesk serve --roles web,telegram[/]   one process to listen...
      [cyan]answerdesk serve --roles worker[/]         ...and as many as you like to answer

    [not dim]Next:[/] [cyan]answerdesk handoffs[/] lists who waits for a person.
    """
    from connectors import main
    from connectors.telemetry.exporting import exporting
    from connectors.telemetry.scraping import scraped

    settings = call.configured(**_web(host, port))
    chosen = main.chosen_roles(roles, settings)
    async with AsyncExitStack() as stack:
        needed = main.needs_address(chosen, settings)
        listener = await stack.enter_async_context(main.bound(settings.web)) if needed else None
        stack.enter_context(exporting(settings.telemetry, chosen))  # first: what is built now is measured already
        parts = await stack.enter_async_context(call.parts(settings)) if main.Role.WORKER in chosen else None
        database = parts.database if parts else await stack.enter_async_context(call.storage())
        await stack.enter_async_context(scraped(settings, database))
        if main.Role.WORKER in chosen:
            await _warn_without_documents(call, settings, database)
        await main.serve(
            database, settings, chosen, lambda: _announce(call, settings, chosen), parts=parts, listener=listener
        )


async def _warn_without_documents(call: Invocation, settings: "Settings", database: "Database") -> None:
    from connectors.doctor import ingest_command
    from retrieval import store

    for company in settings.served:
        if not await database.read(store.list_documents, company.id):
            call.note(
                f"{company.id} has no documents yet, so every question goes to a person. "
                f"Take some in, in another terminal: {ingest_command(settings, company)}",
                "yellow",
            )


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


async def _desk_for_a_look(settings: "Settings", database: "Database") -> str:
    """A link that opens the sample company's desk once: whoever sees this terminal may have it, nobody else."""
    from bot.staff.accounts import Accounts, Purpose
    from bot.storage.conversations import add_company

    company, accounts = settings.company, Accounts(database)
    await database.write(add_company, company.id, company.name, time.time())
    if not any(each.id == DEMO_STAFF for each in await accounts.everybody(company.id)):
        await accounts.add(company.id, DEMO_STAFF, "Sam")
    return sign_in_address(settings, company.id, await accounts.invite(company.id, DEMO_STAFF, Purpose.ONCE))


def _announce(
    call: Invocation, settings: "Settings", roles: Collection[str], examples: Sequence[str] = (), desk: str = ""
) -> None:
    web = "web" in roles
    where = ("answers at  ", (_address(settings.web), "bold cyan")) if web else (", ".join(sorted(roles)),)
    call.out.print(Text.assemble("\n  ", (settings.company.name, "bold"), " ", *where, "\n"))
    for other in settings.served[1:] if web else ():
        where_else = f"{_address(settings.web)}/{other.id}/chat"
        call.out.print(Text.assemble("  ", (other.name, "bold"), " answers at  ", (where_else, "bold cyan"), "\n"))
    if web:
        said = "Staff, by a link that works once: " if desk else "Staff: "
        desk = desk or desk_address(settings, settings.company.id)
        call.out.print(Text.assemble(f"  {said}", (desk, "cyan"), "\n"), soft_wrap=True)
    for each in examples:
        call.out.print(Text.assemble("    ", (f"“{each}”", "italic")))
    call.out.print(Text.assemble("\n" if examples else "", ("  Ctrl-C stops it.", "dim")))


def _address(web: "WebSettings") -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(web.host, web.host)  # noqa: S104 - shown, not bound
    return f"http://{host}:{web.port}"
