"""Who may work at the desk: `staff add`, `list`, `remove`, `password`, `link`."""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from connectors.cli.command import Invocation, command
from connectors.cli.console import cell, table
from llm.errors import UsageError

if TYPE_CHECKING:
    from bot.domain import Staff
    from bot.settings import Settings
    from bot.staff.accounts import Accounts

Account = Annotated[str, typer.Argument(metavar="NAME", help="What they sign in by, such as mia.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", metavar="", help="Read the password from stdin, instead of making a link.")
]

HELP = """Who may work at the desk.

[not dim]Example[/]

  [cyan]answerdesk staff add mia --name "Mia Chen"[/]   prints a link: whoever opens it chooses a password"""


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    group = typer.Typer(rich_markup_mode="rich", no_args_is_help=True)
    for body in (add, remove, password, link):
        command(group)(body)
    command(group, name="list")(everybody)
    app.add_typer(group, name="staff", help=HELP, rich_help_panel="Service")


async def add(
    call: Invocation,
    account: Account,
    name: Annotated[str, typer.Option(metavar="NAME", help="What customers read; else the account's name.")] = "",
    password_stdin: FromStdin = False,
) -> None:
    """Make an account, and a link by which its owner signs in and chooses a password.

    The link works once, within a day. Send it to nobody but the person it is for.

    [not dim]Examples[/]

      [cyan]answerdesk staff add mia --name "Mia Chen"[/]
      [cyan]answerdesk staff add mia --password-stdin < secret.txt[/]   for scripts

    [not dim]Next:[/] the desk is at [cyan]/desk[/] wherever [cyan]answerdesk serve[/] runs.
    """
    async with _accounts(call) as accounts:
        staff = await accounts.add(call.company, account, name)
        await _give_password(call, accounts, staff, f"{staff.name} has an account now.", password_stdin)


async def password(call: Invocation, account: Account, password_stdin: FromStdin = False) -> None:
    """Make a link to choose another password with. The old one and all sessions end at once.

    [not dim]Example[/]

      [cyan]answerdesk staff password mia[/]
    """
    async with _accounts(call) as accounts:
        staff = await accounts.require(call.company, account)
        await accounts.set_password(call.company, account, None)
        await _give_password(call, accounts, staff, f"{staff.name} is signed out everywhere.", password_stdin)


async def remove(call: Invocation, account: Account) -> None:
    """Delete an account: whoever is signed in by it is out at once. What they wrote stays.

    Conversations that they have stay with them until a colleague takes them over at the desk.

    [not dim]Example[/]

      [cyan]answerdesk staff remove mia[/]
    """
    async with _accounts(call) as accounts:
        staff = await accounts.require(call.company, account)
        await accounts.remove(call.company, account)
    if not call.result({"id": staff.id, "removed": True}):
        call.out.print(Text.assemble("Removed ", (staff.id, "cyan"), "."))


async def link(
    call: Invocation,
    account: Account,
    slack: Annotated[
        str, typer.Argument(metavar="[SLACK-USER]", help="Such as U02ABCDEF; leave it out to unlink.")
    ] = "",
) -> None:
    """Say who somebody is in Slack, so that they are one person there and at the desk.

    [not dim]Examples[/]

      [cyan]answerdesk staff link mia U02ABCDEF[/]
      [cyan]answerdesk staff link mia[/]             takes that back
    """
    async with _accounts(call) as accounts:
        staff = await accounts.link(call.company, account, slack or None)
    if not call.result(_described(staff)):
        who = ("is ", (staff.slack, "cyan"), " in Slack.") if staff.slack else ("is nobody in Slack.",)
        call.out.print(Text.assemble((staff.id, "cyan"), " ", *who))


async def everybody(call: Invocation) -> None:
    """List the accounts.

    [not dim]Example[/]

      [cyan]answerdesk staff list[/]
    """
    async with _accounts(call) as accounts:
        found = await accounts.everybody(call.company)
    if call.result({"staff": [_described(each) for each in found]}):
        return
    if not found:
        call.note(f"{call.company} has no accounts yet. Make one: answerdesk staff add mia")
        return
    rows = table("Account", "Name", "Slack", "Password")
    for each in found:
        ready = cell("chosen") if each.ready else cell("not yet: answerdesk staff password makes a new link", "yellow")
        rows.add_row(cell(each.id, "cyan"), cell(each.name), cell(each.slack or "-"), ready)
    call.out.print(rows)


async def _give_password(
    call: Invocation, accounts: "Accounts", staff: "Staff", done: str, password_stdin: bool
) -> None:
    """Take a password from stdin, or make a link for the person to choose one."""
    shown = _described(staff)
    if password_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
        if not given:
            raise UsageError("--password-stdin: there is nothing on stdin. Give the password as its first line.")
        await accounts.set_password(call.company, staff.id, given)
        if not call.result(shown | {"ready": True}):
            call.out.print(Text.assemble(f"{done} They sign in as ", (staff.id, "cyan"), " with that password."))
        return
    served = Invocation(replace(call.shared, company=None)).settings  # all companies, as `serve` serves them
    address = sign_in_address(served, call.company, await accounts.invite(call.company, staff.id))
    if call.result(shown | {"link": address}):
        return
    call.out.print(Text(f"{done} This link is theirs alone: it works once, within a day.\n"))
    call.out.print(Text.assemble("  ", (address, "bold cyan"), "\n"), soft_wrap=True)
    if call.settings.desk.url is None:
        call.note("Served elsewhere? Set desk.url (or ANSWERDESK_DESK_URL), and links begin with that.", "dim")


@asynccontextmanager
async def _accounts(call: Invocation) -> AsyncIterator["Accounts"]:
    from bot.staff.accounts import Accounts
    from bot.storage.conversations import add_company

    async with call.storage() as database:
        await database.write(add_company, call.company, call.settings.company.name, time.time())
        yield Accounts(database)


def sign_in_address(settings: "Settings", company: str, secret: str) -> str:
    """The link that an invitation is opened by."""
    return f"{desk_address(settings, company)}/welcome/{secret}"


def desk_address(settings: "Settings", company: str) -> str:
    """Where a company's desk is."""
    base = f"/{company}" if company in settings.companies else ""
    return f"{service_address(settings)}{base}/desk"


def service_address(settings: "Settings") -> str:
    """Where the service is, as a browser on this machine or `desk.url` says."""
    if settings.desk.url:
        return str(settings.desk.url).rstrip("/")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.web.host, settings.web.host)  # noqa: S104 - shown, not bound
    return f"http://{host}:{settings.web.port}"


def _described(staff: "Staff") -> dict[str, Any]:
    return {"id": staff.id, "name": staff.name, "slack": staff.slack or None, "ready": staff.ready}
