"""The forms that buttons open, and the one that says that a form came too late."""

from collections.abc import Mapping
from typing import Any

from bot.answers.teaching import LONGEST_QUESTION, Lesson
from bot.handoffs.casefile import Case
from connectors.slack.card import AGAIN, EDIT, REPLY, SNOOZE, TEACH, who
from connectors.slack.text import Block, clipped, context, escape, literal
from retrieval.passages import Audience

LONGEST_INPUT = 3_000
"""Characters of a field: https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element."""
WORDS, HINT, HOURS = "words", "hint", "hours"
QUESTION, ANSWER, AUDIENCE, DOUBTS = "question", "answer", "audience", "doubts"
"""The fields."""
SURE = "save"
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


def lesson_form(lesson: Lesson, about: str) -> dict[str, Any]:
    """What is to be answered from now on; `about` travels with it."""
    hint = "It is given word for word to everybody who asks this. Take out what is true of one customer only."
    return {
        "type": "modal",
        "callback_id": TEACH,
        "private_metadata": about,
        "title": _plain("Save as answer"),
        "submit": _plain("Save"),
        "close": _plain("Cancel"),
        "blocks": [
            context(hint),
            _input(QUESTION, "Question, as customers ask it", lesson.question, longest=LONGEST_QUESTION),
            _input(ANSWER, "Answer", lesson.answer[:LONGEST_INPUT], focused=False),
            _choice(AUDIENCE, "Who may read it", {Audience.PUBLIC: "Customers", Audience.INTERNAL: "Staff only"}),
            _choice(DOUBTS, "If something speaks against it", {"ask": "Tell me first", SURE: "Save it anyway"}),
        ],
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
        return [_choice(HOURS, "Come back in", _SNOOZES, first="1")]
    if action == AGAIN:
        return [_input(HINT, "What should the bot heed?", optional=True, lines=False)]
    draft = case.suggestion.text if action == EDIT and case.suggestion else ""
    fields = [_input(WORDS, "To the customer", draft[:LONGEST_INPUT])]
    if len(draft) > LONGEST_INPUT:
        fields.append(
            context(f"The draft is longer than a form can hold: only its first {LONGEST_INPUT:,} letters are here.")
        )
    return [*fields, context(f"They last wrote: {escape(clipped(case.question, 500))}")] if case.question else fields


def _input(
    name: str,
    label: str,
    given: str = "",
    *,
    optional: bool = False,
    lines: bool = True,
    focused: bool = True,
    longest: int = LONGEST_INPUT,
) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": name, "multiline": lines, "max_length": longest}
    element |= {"initial_value": given} if given else {}
    element |= {"focus_on_load": True} if focused else {}
    return {"type": "input", "block_id": name, "label": _plain(label), "element": element, "optional": optional}


def _choice(name: str, label: str, choices: Mapping[str, str], first: str = "") -> Block:
    options = [{"text": _plain(words), "value": value} for value, words in choices.items()]
    chosen = next((each for each in options if each["value"] == first), options[0])
    element = {"type": "static_select", "action_id": name, "options": options, "initial_option": chosen}
    return {"type": "input", "block_id": name, "label": _plain(label), "element": element}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
