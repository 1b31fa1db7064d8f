"""The forms that buttons open, and the one that says that a form came too late."""

from typing import Any

from bot.handoffs.casefile import Case
from connectors.slack.card import AGAIN, EDIT, REPLY, SNOOZE, who
from connectors.slack.text import Block, clipped, context, escape, literal

LONGEST_INPUT = 3_000
"""Characters of a field: https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element."""
WORDS, HINT, HOURS = "words", "hint", "hours"
"""The fields."""
_TITLES = {EDIT: "Edit & send", REPLY: "Reply", AGAIN: "Suggest again", SNOOZE: "Snooze"}
_SUBMITS = {EDIT: "Send", REPLY: "Send", AGAIN: "Suggest", SNOOZE: "Snooze"}
_SNOOZES = {"0.5": "30 minutes", "1": "1 hour", "4": "4 hours", "24": "1 day", "72": "3 days", "168": "1 week"}


def form(action: str, case: Case, thread: str) -> dict[str, Any]:
    """The form of a button for a case; what it is about travels with it."""
    return {
        "type": "modal",
        "callback_id": action,
        "private_metadata": f"{case.conversation.id}:{case.id}:{thread}",
        "title": _plain(_TITLES[action]),
        "submit": _plain(_SUBMITS[action]),
        "close": _plain("Cancel"),
        "blocks": [context(f"For {escape(who(case))}"), *_fields(action, case)],
    }


def too_late(why: str, words: str) -> dict[str, Any]:
    """What takes the place of a form that can't be heeded any more; what was written isn't lost."""
    blocks = literal(f"{why} Nothing was sent or changed.")
    if words:
        blocks += [context("What you wrote, to copy:"), *literal(words, quoted=True)]
    return {
        "type": "modal",
        "callback_id": "too_late",
        "title": _plain("Too late"),
        "close": _plain("Close"),
        "blocks": blocks,
    }


def _fields(action: str, case: Case) -> list[Block]:
    if action == SNOOZE:
        return [_choice(HOURS, "Come back in")]
    if action == AGAIN:
        return [_input(HINT, "What should the bot heed?", optional=True, lines=False)]
    draft = case.suggestion.text if action == EDIT and case.suggestion else ""
    fields = [_input(WORDS, "To the customer", draft[:LONGEST_INPUT])]
    if len(draft) > LONGEST_INPUT:
        fields.append(
            context(f"The draft is longer than a form can hold: only its first {LONGEST_INPUT:,} letters are here.")
        )
    return [*fields, context(f"They last wrote: {escape(clipped(case.question, 500))}")] if case.question else fields


def _input(name: str, label: str, given: str = "", *, optional: bool = False, lines: bool = True) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": name, "multiline": lines, "max_length": LONGEST_INPUT}
    element |= {"initial_value": given} if given else {}
    element["focus_on_load"] = True
    return {"type": "input", "block_id": name, "label": _plain(label), "element": element, "optional": optional}


def _choice(name: str, label: str) -> Block:
    options = [{"text": _plain(words), "value": hours} for hours, words in _SNOOZES.items()]
    element = {"type": "static_select", "action_id": name, "options": options, "initial_option": options[1]}
    return {"type": "input", "block_id": name, "label": _plain(label), "element": element}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
