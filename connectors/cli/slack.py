"""Slack: `slack manifest`."""

from typing import Annotated

import typer

from connectors.cli.command import Invocation, command
from llm.errors import UsageError

HELP = """Let staff work in Slack.

[not dim]Example[/]

  [cyan]answerdesk slack manifest[/]   prints what to paste at https://api.slack.com/apps"""


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    group = typer.Typer(rich_markup_mode="rich", no_args_is_help=True)
    command(group, json=False)(manifest)
    app.add_typer(group, name="slack", help=HELP, rich_help_panel="Service")


async def manifest(
    call: Invocation,
    url: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where Slack reaches this service, else slack.url; for mode http.")
    ] = "",
) -> None:
    """Print the manifest of the Slack app, to be pasted when the app is made: its rights, events and commands.

    [not dim]Examples[/]

      [cyan]answerdesk slack manifest[/]                                  for Socket Mode
      [cyan]answerdesk slack manifest --url https://help.example.com[/]   Slack delivers there, with slack.mode = http

    [not dim]Next:[/] https://api.slack.com/apps, Create New App, From a manifest. docs/slack.md goes on from there.
    """
    from connectors.slack.manifest import manifest as written

    settings = call.settings
    company = next(each for each in settings.served if each.id == settings.company.id)
    base = url or (str(company.slack.url or "") if company.slack.mode == "http" else "")
    if company.slack.mode == "http" and not base:
        raise UsageError("slack.mode is http, so say where Slack reaches this service: by slack.url, or --url.")
    if base and not base.startswith("https://"):
        raise UsageError(f"{base}: Slack delivers to https:// addresses only.")
    address = f"{base.rstrip('/')}/slack/{company.id}" if base else ""
    call.out.out(written(company.name, address), end="", highlight=False)
