"""Upkeep: `doctor` and `migrate`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from connectors.cli.command import Invocation, command
from connectors.cli.console import plain

if TYPE_CHECKING:
    from connectors.origins import Origin

PANEL = "Upkeep"
_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    command(app, PANEL)(doctor)
    command(app, PANEL, company=False)(migrate)
    command(app, PANEL, company=False)(reindex)


async def doctor(
    call: Invocation,
    settings: Annotated[bool, typer.Option("--settings", metavar="", help="List every setting instead.")] = False,
) -> None:
    """Check settings, folders, database, models and ports, and say what to do.

    [not dim]Examples[/]

      [cyan]answerdesk doctor[/]
      [cyan]answerdesk doctor --settings[/]    every setting, its value, and where that comes from

    [not dim]Next:[/] do what the arrows say; the exit code is 1 as long as something has failed.
    """
    from connectors.doctor import Health, examine
    from connectors.origins import origins

    if settings:
        found = origins(call.settings, call.shared.config, call.shared.overrides())
        if not call.result({"settings": [asdict(each) for each in found]}):
            _show_settings(call, found)
        return
    checks = []
    async for check in examine(lambda: call.settings):
        checks.append(check)
        if not call.shared.json:
            sign, style = _SIGNS[check.status]
            call.out.print(Text.assemble((f"{sign} {check.name:<16}", style), plain(check.message)))
            if check.next:
                call.out.print(Text.assemble(" " * 18, ("→ ", "bold"), plain(check.next)))
    failed = [check for check in checks if check.status is Health.FAILED]
    call.result({"ok": not failed, "checks": [asdict(check) for check in checks]})
    if failed:
        raise typer.Exit(1)


def _show_settings(call: Invocation, found: Sequence["Origin"]) -> None:
    for each in found:
        value = "unset" if each.value is None else plain(str(each.value))
        call.out.print(Text.assemble((each.name, "cyan"), " = ", (value, "bold"), (f"  ({each.source})", "dim")))
        if each.description:
            call.out.print(Padding.indent(Text(each.description, "dim"), 4))


async def migrate(call: Invocation) -> None:
    """Bring the database's tables up to date. Every other command does so as well; this one does nothing else.

    [not dim]Example[/]

      [cyan]answerdesk migrate[/]    before the new version's servers start, say

    [not dim]Next:[/] [cyan]answerdesk doctor[/] looks at everything else.
    """
    from bot.storage.migrate import migrate as apply
    from retrieval.database import open_database

    database = await open_database(call.settings.database_url)
    try:
        applied = await apply(database)
    finally:
        await database.close()
    if not call.result({"database": database.url, "applied": list(applied)}):
        call.out.print(Text(f"Applied to {database.url}:" if applied else f"{database.url} is up to date."))
        for revision in applied:
            call.out.print(Text(f"  {revision}"))


async def reindex(call: Invocation) -> None:
    """Bring the indexes up to date, and let the embedding model of the settings serve.

    After a change of `embedding.model`, a running server does so by itself, in the background; run beside it, this
    command shares the work. What was embedded when it is broken off stays. Until all passages are embedded, the model
    before serves.

    [not dim]Example[/]

      [cyan]answerdesk reindex[/]

    [not dim]Next:[/] [cyan]answerdesk calibrate[/] fits the confidence to the new model.
    """
    from connectors.cli.console import Steps

    embedded: dict[str, int] = {}
    async with call.parts() as parts:
        with Steps(call.notes).shown() as steps:

            def told(company: str, done: int, of: int) -> None:
                embedded[company] = of
                steps(f"Embedding the passages of {company}", done, of)

            await parts.search.move(told)
            await parts.search.refresh()
        model = parts.embedder.name
    if not call.result({"model": model, "embedded": embedded}):
        said = ", ".join(f"{count} passages of {company}" for company, count in embedded.items())
        call.out.print(
            Text(f"{model} serves. " + (f"Embedded anew: {said}." if said else "Nothing had to be embedded."))
        )
