"""The commands under one name, and the overview that `answerdesk` alone shows."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated

import typer

from connectors.cli import (
    asking,
    explaining,
    history,
    knowledge,
    measuring,
    model,
    people,
    serving,
    slack,
    staff,
    upkeep,
)
from connectors.cli.command import AsJson, Company, Config, DataDir, Shared

app = typer.Typer(name="answerdesk", rich_markup_mode="rich", pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"answerdesk {version('answerdesk')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", metavar="", is_eager=True, callback=_show_version, help="Show the version and stop."),
]


@app.callback(invoke_without_command=True)
def overview(
    context: typer.Context,
    data_dir: DataDir = None,
    config: Config = None,
    company: Company = None,
    json: AsJson = False,
    version: Version = False,  # noqa: ARG001 - its callback acts
) -> None:
    """Answers customers' questions from your own documents, with citations, or hands over to a person.

    [not dim]First steps[/]

      [cyan]answerdesk demo[/]                   a sample company's web chat, to look around
      [cyan]answerdesk ingest handbook/[/]       take your documents in
      [cyan]answerdesk ask "How do I ...?"[/]    ask in the terminal
      [cyan]answerdesk serve[/]                  the web chat for your customers

    [cyan]answerdesk COMMAND --help[/] explains a command, with examples; [cyan]answerdesk doctor[/] says what is wrong.
    """
    context.obj = Shared(data_dir, config, company, json)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for family in (knowledge, asking, serving, model, people, staff, slack, history, explaining, upkeep, measuring):
    family.add_to(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError):  # a terminal that can't show a letter gets a stand-in, not an error
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")
    app(args=list(arguments) if arguments is not None else None, prog_name="answerdesk")
