"""What a case looks like in Slack: its card with the buttons, and what is posted below it."""

import time
from collections.abc import Sequence

from bot.conversation import Status
from bot.domain import Author, Citation, Owner, Suggestion
from bot.handoffs.casefile import Case, Entry, EntryKind
from bot.handoffs.mood import Mood
from bot.handoffs.summary import WHY
from connectors.slack.text import Block, clipped, context, escape, literal, markdown, mrkdwn

CLAIM, TAKE_OVER, SEND_DRAFT, EDIT, REPLY = "claim", "take_over", "send_draft", "edit", "reply"
AGAIN, RETURN, RESOLVE, SNOOZE, KEEP = "again", "return", "resolve", "snooze", "keep"
EXPLAIN, TEACH = "why", "teach"
OPENS = (EDIT, REPLY, AGAIN, SNOOZE, EXPLAIN, TEACH)
"""Buttons that open a form, or show something in its place: at once, or Slack's leave to do so runs out."""
_LABELS = {
    CLAIM: "Claim",
    TAKE_OVER: "Take over",
    SEND_DRAFT: "Send draft",
    EDIT: "Edit & send",
    REPLY: "Reply",
    AGAIN: "Suggest again",
    SNOOZE: "Snooze",
    RETURN: "Return to bot",
    RESOLVE: "Resolve",
    KEEP: "Keep it",
    EXPLAIN: "Why?",
    TEACH: "Save as answer",
}
_MOODS = {Mood.CALM: "🙂 calm", Mood.UNHAPPY: "🙁 unhappy", Mood.ANGRY: "😠 angry"}
_RECENT = 12
"""Entries of the conversation so far on the card: Slack takes 50 blocks a message."""
_MOST_SO_FAR = 1_200
"""Characters of each."""


def value(case: Case, about: str = "") -> str:
    """What a button of a case sends back."""
    return f"{case.conversation.id}:{case.id}:{about}"


def button(action: str, sent_back: str, *, style: str = "") -> Block:
    """One button."""
    made: Block = {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": _LABELS[action]},
        "value": sent_back,
    }
    return made | ({"style": style} if style else {})


def headline(case: Case) -> str:
    """The card in one line: what a notification shows. Fit for Slack to parse."""
    return escape(f"{who(case)}: {clipped(case.question, 150) or why(case)}")


def who(case: Case) -> str:
    """What to call the customer."""
    return clipped(case.conversation.customer, 80) or "A customer"


def why(case: Case) -> str:
    """Why the bot stopped."""
    told = next((words for reason, words in WHY.items() if reason == case.reason), "A person took the conversation.")
    return f"{told.removesuffix('.')}: {clipped(case.detail, 100)}." if case.detail else told


def mood(case: Case) -> str:
    """How the customer is, as a face and a word."""
    return _MOODS[case.mood]


def state(case: Case, now: float) -> str:
    """Who has it, in words that Slack may parse."""
    if case.closed_at is not None:
        by = f" by {escape(case.person_name)}" if case.person_name else ""
        return f"⚪ Resolved{by}" if case.conversation.owner is Owner.CLOSED else "🤖 Back with the bot"
    if case.conversation.owner is Owner.HUMAN:
        return f"🟢 {escape(case.person_name or case.person or 'Somebody')} has it"
    if case.snoozed_until is not None and case.snoozed_until > now:
        return f"💤 Snoozed until {stamp(case.snoozed_until)}"
    return "🟠 Waiting for a person"


def stamp(at: float) -> str:
    """A time as each reader's own clock has it."""
    plain = time.strftime("%H:%M UTC", time.gmtime(at))
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{plain}>"


def card(case: Case, now: float) -> list[Block]:
    """The message that a case's thread hangs on."""
    facts = [f"*{escape(who(case))}*", case.conversation.chat.channel, case.language, mood(case)]
    blocks = [mrkdwn(state(case, now)), mrkdwn(" · ".join(filter(None, facts)))]
    blocks.append(context(f"Why the bot stopped: {escape(why(case))} · since {stamp(case.opened_at)}"))
    if case.summary:
        blocks += literal("\n".join(case.summary), quoted=True)
    if case.so_far:
        blocks += [{"type": "divider"}, context("*The conversation so far*"), *_so_far(case)]
    if case.suggestion and case.closed_at is None:
        blocks += [{"type": "divider"}, *_suggestion(case.suggestion)]
    if case.closed_at is None:
        blocks.append({"type": "actions", "elements": _buttons(case)})
        blocks.append(context("What you write in this thread is a note. Only *Send* reaches the customer."))
    return blocks


def posted(case: Case, entry: Entry) -> tuple[str, list[Block]]:
    """An entry as it is posted in the thread: the line for notifications, and the blocks."""
    if entry.kind is EntryKind.EVENT:
        blocks = [context(escape(entry.text))]
        if entry.event == "idle" and case.closed_at is None:
            blocks.append({"type": "actions", "elements": [button(KEEP, value(case))]})
        return escape(clipped(entry.text, 150)), blocks
    title = _title(case, entry)
    files = [context(f"📎 {escape(clipped(each.name, 200))}") for each in (*entry.attachments, *entry.files)]
    said = markdown(entry.text) if entry.author is Author.BOT else literal(entry.text)
    blocks = [context(title), *(said if entry.text else ()), *files, *sources(entry.citations)]
    if buttons := _about(case, entry):
        blocks.append({"type": "actions", "elements": buttons})
    return f"{title}: {escape(clipped(entry.text, 150))}", blocks


def _about(case: Case, entry: Entry) -> list[Block]:
    """What can be done about one reply: look how it came about, and keep it as an answer, corrected if need be."""
    about = value(case, str(entry.seq))
    asked = [button(EXPLAIN, about)] if entry.outcome else []
    taught = entry.text and entry.status is Status.SENT and (entry.author is Author.PERSON or entry.outcome)
    return [*asked, button(TEACH, about)] if taught else asked


def sources(citations: Sequence[Citation]) -> list[Block]:
    """What an answer stands on."""
    return [context("\n".join(map(source, citations[:10])))] if citations else []


def source(citation: Citation) -> str:
    """A citation in words that Slack may parse, linked where there is a link."""
    name = " · ".join(dict.fromkeys(filter(None, (citation.title, citation.location)))) or citation.url
    shown = escape(clipped(name, 150))
    address = citation.url if citation.url.startswith(("http://", "https://")) else ""
    address = address if not any(sign in address for sign in "<>| ") else ""
    return f"[{citation.number}] {f'<{escape(address)}|{shown}>' if address else shown}"


def _title(case: Case, entry: Entry) -> str:
    name = escape(clipped(entry.name, 80))
    if entry.kind is EntryKind.NOTE:
        return f"📝 *{name or 'Staff'}* notes, for staff only"
    edited = " (edited)" if entry.edited else ""
    match entry.author:
        case Author.CUSTOMER:
            return f"👤 *{name or escape(who(case))}*{edited}"
        case Author.PERSON:
            sent = "was not sent to the customer" if _unsent(entry) else "→ customer"
            return f"📤 *{name or 'Staff'}* {sent}{edited}"
        case Author.BOT:
            return f"🤖 *Bot* → customer{edited}" if not _unsent(entry) else "🤖 *Bot*, not sent to the customer"
        case _:
            return "ℹ️ Notice → customer"


def _unsent(entry: Entry) -> bool:
    return entry.status in (Status.WITHDRAWN, Status.FAILED)


def _so_far(case: Case) -> list[Block]:
    """The last messages, each a line of rich text: nothing in it is parsed."""
    lines: list[Block] = []
    for entry in [entry for entry in case.so_far if entry.kind is EntryKind.MESSAGE and not _unsent(entry)][-_RECENT:]:
        speaker = {Author.CUSTOMER: entry.name or who(case), Author.BOT: "Bot", Author.PERSON: entry.name or "Staff"}
        name = {"type": "text", "text": f"{speaker.get(entry.author or Author.NOTICE, 'Notice')}: "}
        files = "".join(f" 📎 {each.name}" for each in (*entry.attachments, *entry.files))
        said = entry.text if len(entry.text) <= _MOST_SO_FAR else entry.text[:_MOST_SO_FAR] + "…"
        words = {"type": "text", "text": f"{said}{files}" or "…"}
        lines.append({"type": "rich_text_section", "elements": [name | {"style": {"bold": True}}, words]})
    return [{"type": "rich_text", "elements": [line]} for line in lines]


def _suggestion(suggested: Suggestion) -> list[Block]:
    hint = f" (you asked for: {escape(clipped(suggested.hint, 150))})" if suggested.hint else ""
    heading = context(f"*What the bot would say*{hint} · confidence {suggested.confidence:.0%}")
    return [heading, *markdown(suggested.text), *sources(suggested.citations)]


def _buttons(case: Case) -> list[Block]:
    plain = value(case)
    shown = [button(CLAIM, plain, style="primary")] if case.conversation.owner is not Owner.HUMAN else []
    if case.suggestion:
        drafted = value(case, repr(case.suggestion.at))
        shown += [button(SEND_DRAFT, drafted, style="" if shown else "primary"), button(EDIT, drafted)]
    shown += [button(REPLY, plain), button(AGAIN, plain), button(SNOOZE, plain)]
    asked = [button(EXPLAIN, plain)] if any(each.outcome for each in case.so_far) else []
    return [*shown, button(RETURN, plain), button(RESOLVE, plain), *asked]
