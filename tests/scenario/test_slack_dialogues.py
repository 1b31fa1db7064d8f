"""Whole stories between a customer, the bot and the staff in Slack, compared with how they should read.

`WRITE_GOLDEN=1` writes the transcripts in `tests/scenario/slack` anew: read the difference before committing it.
"""

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.domain import Author, Owner
from tests.slack_fixtures import ann, mia, service, slack
from tests.slack_people import Service, Staff

__all__ = ["ann", "mia", "service", "slack"]

GOLDEN = Path(__file__).parent / "slack"
Story = Callable[[Service, Staff, Staff], Awaitable[None]]
QUESTION = "How long can I return my bike?"


async def claim_and_answer(service: Service, mia: Staff, _ann: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await mia.presses("Claim", card)
    await mia.reads("Mia took", lambda each: each.thread == card.ts)
    await mia.writes("She bought it in May.", card)
    await service.asks("It is urgent!")
    await mia.reads("It is urgent!", lambda each: each.thread == card.ts)
    await mia.submits(await mia.opens("Edit & send", card), words="You have 60 days, so until July.")
    await mia.reads("until July.", lambda each: each.thread == card.ts)
    await mia.presses("Resolve", card)
    await mia.reads("resolved", lambda each: each.thread == card.ts)


async def two_at_once(service: Service, mia: Staff, ann: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await mia.presses("Claim", card)
    await mia.reads("Mia took", lambda each: each.thread == card.ts)
    await ann.presses("Claim", card)
    word = await ann.hears("was faster")
    await ann.presses("Take over", word)
    await mia.reads("Ann took", lambda each: each.thread == card.ts)
    await ann.presses("Send draft", card)
    await mia.reads("60 days, counted", lambda each: each.thread == card.ts and "Ann" in each.reads)


async def back_to_the_bot(service: Service, mia: Staff, _ann: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await service.known()
    await mia.writes("!reply The bot knows it all.", card)
    await mia.reads("knows it all", lambda each: each.thread == card.ts)
    await mia.presses("Return to bot", card)
    await mia.reads("Back with the bot")
    await service.desk.until(lambda found: found.owner is Owner.BOT)
    await service.asks("Thank you, bot")
    await service.chat.until(lambda: any("You said" in each.text for each in service.chat.arrived))


async def the_customer_attacks(service: Service, mia: Staff, _ann: Staff) -> None:
    await service.asks("<!channel> return *this* <https://evil.example|bank> &amp; <@U1MIA>")
    card = await service.thread()
    await service.known()
    await mia.writes("!reply Nice try, <https://acme.example/help|read this> &amp; *relax*", card)
    await mia.reads("Nice try", lambda each: each.thread == card.ts)


async def staff_ask(service: Service, mia: Staff, _ann: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await service.known()
    await mia.mentions("what is the warehouse code?", card)
    await mia.reads("4711", lambda each: each.thread == card.ts)


@pytest.mark.parametrize("story", [claim_and_answer, two_at_once, back_to_the_bot, the_customer_attacks, staff_ask])
async def test_the_story_reads_as_it_should(service: Service, mia: Staff, ann: Staff, story: Story) -> None:
    await story(service, mia, ann)
    await service.at_rest()
    told = await transcript(service)
    golden = GOLDEN / f"{story.__name__}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


async def transcript(service: Service) -> str:
    """The thread, what single people read beside it, and what the customer read."""
    people = {user: each["profile"]["display_name"] for user, each in service.slack.people.items()}
    lines = ["# Slack, #support", ""]
    for shown in service.slack.shown:
        name = people.get(shown.user, "Acme")
        only = f", only for {people[shown.only_for]}" if shown.only_for else ""
        indent = "    " if shown.thread else ""
        lines += [f"{indent}{name}{only}:", *(f"{indent}  {line}" for line in shown.reads.splitlines()), ""]
    lines += ["# The customer's chat", ""]
    names = {Author.CUSTOMER: "Ada", Author.BOT: "Bot", Author.NOTICE: "Notice"}
    conversation = await service.desk.conversation()
    for entry in await service.cases.timeline("acme", conversation.id):
        if entry.author and entry.kind == "message":
            lines.append(f"{names.get(entry.author, entry.name)}: {entry.text}")
    return re.sub(r"<!date\^[^|]*\|[^>]*>", "(a time)", "\n".join(lines)) + "\n"
