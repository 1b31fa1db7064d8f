"""People at work: `handoffs` lists who waits for one, `reply` answers."""

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from connectors.cli.command import Invocation, command
from connectors.cli.console import cell, plain, table
from llm.errors import AnswerdeskError, UsageError

if TYPE_CHECKING:
    from bot.handoffs.cases import Case
    from retrieval.database import Database

PANEL = "Service"
SHORT_ID = 8
"""Letters of a conversation's id that tell it from the others."""

Started = Annotated[str, typer.Argument(metavar="CONVERSATION", help="Its id, or how that begins.")]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    command(app, PANEL)(handoffs)
    command(app, PANEL)(reply)


async def handoffs(call: Invocation) -> None:
    """List the conversations that wait for a person, and those that a person has.

    [not dim]Example[/]

      [cyan]answerdesk handoffs[/]

    [not dim]Next:[/] [cyan]answerdesk history CONVERSATION[/] shows it, [cyan]answerdesk reply CONVERSATION "..."[/]
    answers the customer.
    """
    from bot.handoffs.cases import Cases, Mood

    async with call.storage() as database:
        found = await Cases(database).queue(call.company)
    if call.result({"conversations": [_described(each) for each in found]}):
        return
    if not found:
        call.note("Nobody waits for a person.")
        return
    rows = table("Conversation", "Since", "Reason", "Mood", "Customer", "With", "Last question")
    for each in found:
        conversation = each.conversation
        since = datetime.fromtimestamp(each.opened_at).astimezone().strftime("%Y-%m-%d %H:%M")
        question = " ".join(each.question.split())
        rows.add_row(
            cell(conversation.id[:SHORT_ID], "cyan"),
            since,
            cell(each.reason.replace("_", " ")),
            cell(each.mood, "red" if each.mood is Mood.ANGRY else ""),
            cell(conversation.customer or conversation.chat.channel),
            cell(each.person_name or "nobody yet", "" if each.person else "yellow"),
            cell(question if len(question) <= 200 else f"{question[:200]} ..."),
        )
    call.out.print(rows)
    call.note('Next: answerdesk history CONVERSATION shows it, answerdesk reply CONVERSATION "..." answers.', "dim")


def _described(case: "Case") -> dict[str, Any]:
    conversation = case.conversation
    return {
        "id": conversation.id,
        "channel": conversation.chat.channel,
        "owner": conversation.owner,
        "person": case.person,
        "customer": conversation.customer,
        "since": datetime.fromtimestamp(case.opened_at, UTC).isoformat(timespec="seconds"),
        "reason": case.reason or None,
        "mood": case.mood,
        "summary": list(case.summary),
        "question": case.question,
    }


async def reply(
    call: Invocation,
    conversation: Started,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the customer reads.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Who the customer reads it is from.")] = "",
    close: Annotated[
        bool, typer.Option("--close", metavar="", help="Close the conversation: the bot answers what comes next.")
    ] = False,
) -> None:
    """Answer a customer as a person. The bot is silent in this conversation until it is closed.

    A running server sends what you write; without one it is sent at the next start.

    [not dim]Examples[/]

      [cyan]answerdesk reply 3fa94c1b "Your parcel is on its way."[/]
      [cyan]answerdesk reply 3fa94c1b "You're welcome!" --name Mia --close[/]

    [not dim]Next:[/] [cyan]answerdesk handoffs[/] shows who else waits.
    """
    from bot.handoffs.handoff import Handoffs

    if not text.strip():
        raise UsageError("There is nothing to send: give the text after the conversation's id.")
    person = getpass.getuser()
    async with call.storage() as database:
        identity = await find_conversation(database, call.company, conversation)
        desk = Handoffs(database)
        await desk.claim(call.company, identity, person)
        after = await desk.reply(call.company, identity, person, text, name)
        if close:
            after = await desk.resolve(call.company, identity, person)
    if not call.result({"id": identity, "owner": after.owner, "person": after.person}):
        state = "closed" if close else f"with {person}; the bot is silent in it"
        call.out.print(Text.assemble("Replied. Conversation ", (identity[:SHORT_ID], "cyan"), f" is {plain(state)}."))


async def find_conversation(database: "Database", company: str, start: str) -> str:
    """The id of the company's one conversation that begins like this. Raises `AnswerdeskError`."""
    from bot.storage.waiting import begins_with

    found = await database.read(begins_with, company, start)
    if len(found) == 1:
        return found[0]
    if found:
        raise AnswerdeskError(f"Several conversations begin with {start}: {', '.join(found)}. Give more of the id.")
    raise AnswerdeskError(f"{company} has no conversation {start}. answerdesk handoffs lists those that wait.")
