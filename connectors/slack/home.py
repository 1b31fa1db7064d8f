"""What people see of the queue: the app's home, and what the command says."""

from collections.abc import Sequence
from typing import Any

from bot.domain import Owner
from bot.handoffs.casefile import Case
from connectors.slack.card import CLAIM, REPLY, RESOLVE, button, mood, stamp, state, value, who
from connectors.slack.text import Block, clipped, context, escape, mrkdwn

REFRESH = "refresh"
MOST_SHOWN = 20
"""Cases on the page: Slack takes 100 blocks."""
HELP = """*/answerdesk queue*  who waits for a person
*/answerdesk status*  numbers, and whether you have somebody
*/answerdesk search WORDS*  look into the documents, internal ones too
*/answerdesk help*  this

In a case's thread: what you write is a note. `!reply TEXT` sends the text to the customer, and so does the message's \
menu (*Send to customer*). The buttons on the card do the rest.
Ask me anything by a direct message, or by my name: I answer from public and internal documents."""


def home(cases: Sequence[Case], person: str, now: float) -> dict[str, Any]:
    """The app's home of one person."""
    groups = {
        "Yours": [case for case in cases if _is_mine(case, person)],
        "Waiting": [case for case in cases if case.conversation.owner is not Owner.HUMAN],
        "With others": [
            case for case in cases if case.conversation.owner is Owner.HUMAN and not _is_mine(case, person)
        ],
    }
    refresh = {"type": "button", "action_id": REFRESH, "text": {"type": "plain_text", "text": "Refresh"}, "value": ""}
    blocks: list[Block] = [mrkdwn(f"*{counted(cases, person)}*"), {"type": "actions", "elements": [refresh]}]
    shown = 0
    for title, group in groups.items():
        if not group:
            continue
        blocks += [{"type": "divider"}, mrkdwn(f"*{title}* ({len(group)})")]
        for case in group[: MOST_SHOWN - shown]:
            blocks += _entry(case, person, now)
        shown = min(MOST_SHOWN, shown + len(group))
    if len(cases) > shown:
        blocks.append(context(f"… and {len(cases) - shown} more"))
    if not cases:
        blocks.append(mrkdwn("☕ Nobody waits for a person. New cases appear in the channel, and here."))
    return {"type": "home", "blocks": blocks}


def listed(cases: Sequence[Case], now: float) -> str:
    """The queue in words that Slack may parse."""
    if not cases:
        return "Nobody waits for a person."
    lines = [f"• *{escape(who(case))}* · {_facts(case, now)}\n    {_question(case)}" for case in cases[:MOST_SHOWN]]
    more = [f"… and {len(cases) - MOST_SHOWN} more"] if len(cases) > MOST_SHOWN else []
    return "\n".join([*lines, *more])


def counted(cases: Sequence[Case], person: str) -> str:
    """How many wait, and how many somebody has."""
    waiting = sum(case.conversation.owner is not Owner.HUMAN for case in cases)
    mine = sum(_is_mine(case, person) for case in cases)
    return f"{waiting} waiting · {mine} yours · {len(cases) - waiting - mine} with others"


def age(seconds: float) -> str:
    """How long somebody waits, in a few letters."""
    minutes = int(max(seconds, 0) // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 24 * 60 else f"{minutes // (24 * 60)} d"


def _entry(case: Case, person: str, now: float) -> list[Block]:
    about = value(case)
    shown = [button(CLAIM, about)] if case.conversation.owner is not Owner.HUMAN else []
    if _is_mine(case, person):
        shown = [button(REPLY, about), button(RESOLVE, about)]
    blocks = [mrkdwn(f"*{escape(who(case))}* · {_facts(case, now)}\n{_question(case)}")]
    # Each button of a page needs a place of its own: the block's id has the case.
    return [*blocks, {"type": "actions", "block_id": case.id, "elements": shown}] if shown else blocks


def _facts(case: Case, now: float) -> str:
    unread = f" · {case.unread} unread" if case.unread else ""
    return f"{state(case, now)} · {mood(case)} · {age(now - case.opened_at)} · since {stamp(case.opened_at)}{unread}"


def _question(case: Case) -> str:
    return escape(clipped(case.question, 200)) or "…"


def _is_mine(case: Case, person: str) -> bool:
    return case.conversation.owner is Owner.HUMAN and case.person == person
