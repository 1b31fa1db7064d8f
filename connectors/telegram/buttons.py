"""The buttons under an answer: what they show, what they send back, and what is left of them once one was pressed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from bot.domain import Author, Outcome
from bot.ports import Outgoing
from bot.texts import text

HELPFUL, UNHELPFUL, PERSON, ASK, DONE = "helpful", "unhelpful", "person", "ask", "done"
LONGEST_LABEL = 120
"""Characters; phones show fewer, and computers no more."""


@dataclass(frozen=True, slots=True)
class Press:
    """What a button sends back, in at most 64 bytes. Anyone can forge it: it has no authority of its own."""

    action: str
    conversation: str
    seq: int
    choice: int = 0
    """Which of the suggestions."""

    @property
    def data(self) -> str:
        """As Telegram carries it."""
        return f"{self.action}:{self.conversation}:{self.seq}:{self.choice}"

    @classmethod
    def of(cls, data: str) -> Self | None:
        """What was pressed; None if it is no button of ours."""
        match data.split(":"):
            case [action, conversation, seq, choice] if seq.isdecimal() and choice.isdecimal():
                return cls(action, conversation, int(seq), int(choice))
            case _:
                return None

    @property
    def key(self) -> str:
        """The `Outgoing.key` of the message that the button stands under."""
        return f"{self.conversation}:{self.seq}"


def keyboard(message: Outgoing) -> InlineKeyboardMarkup | None:
    """The buttons of a message: only the bot's own have any, and none when a person was called already."""
    if message.author is not Author.BOT or message.outcome in (None, Outcome.HANDOFF):
        return None

    def button(action: str, label: str, choice: int = 0) -> InlineKeyboardButton:
        press = Press(action, message.conversation, message.seq, choice)
        return InlineKeyboardButton(text=label, callback_data=press.data)

    rows = [[button(ASK, _label(question), n)] for n, question in enumerate(message.suggestions)]
    language = message.language
    if message.citations:
        labels = {HELPFUL: text("button_helpful", language), UNHELPFUL: text("button_unhelpful", language)}
        rows.append([button(action, label) for action, label in labels.items()])
    if rows:
        rows.append([button(PERSON, text("button_person", language))])
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def pressed(markup: InlineKeyboardMarkup | None, press: Press) -> InlineKeyboardMarkup:
    """What is left after a press: each button works once, and a choice stays to be seen."""
    rows = markup.inline_keyboard if markup else []
    if press.action == ASK:
        chosen = [button for button in _all(rows) if button.callback_data == press.data]
        rows = [[InlineKeyboardButton(text=f"✓ {button.text}", callback_data=DONE)] for button in chosen]
    else:
        used = {HELPFUL: (HELPFUL, UNHELPFUL), UNHELPFUL: (HELPFUL, UNHELPFUL), PERSON: (PERSON, ASK)}[press.action]
        rows = [[button for button in row if _action(button) not in used] for row in rows]
    return InlineKeyboardMarkup(inline_keyboard=[row for row in rows if row])


def _all(rows: Iterable[Iterable[InlineKeyboardButton]]) -> Iterable[InlineKeyboardButton]:
    return (button for row in rows for button in row)


def _action(button: InlineKeyboardButton) -> str:
    return (button.callback_data or "").partition(":")[0]


def _label(question: str) -> str:
    return question if len(question) <= LONGEST_LABEL else f"{question[: LONGEST_LABEL - 1].rstrip()}…"
