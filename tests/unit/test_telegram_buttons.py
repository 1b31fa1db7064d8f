"""The buttons under answers."""

from typing import Any

import pytest
from aiogram.types import InlineKeyboardMarkup
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Author, Chat, Citation, Outcome
from bot.ports import Outgoing
from connectors.telegram.buttons import ASK, DONE, HELPFUL, PERSON, UNHELPFUL, Press, keyboard, pressed

CONVERSATION = "0123456789abcdef" * 2
CITATION = Citation(1, "d", "p", "Returns", "")


def outgoing(**fields: Any) -> Outgoing:
    chat = Chat("halden", "telegram", "42")
    given = {"author": Author.BOT, "outcome": Outcome.ANSWERED, "language": "en", **fields}
    return Outgoing(key=f"{CONVERSATION}:5", chat=chat, conversation=CONVERSATION, seq=5, text="Yes.", at=0.0, **given)


def labels(markup: InlineKeyboardMarkup | None) -> list[list[str]]:
    return [[button.text for button in row] for row in markup.inline_keyboard] if markup else []


def actions(markup: InlineKeyboardMarkup | None) -> list[str]:
    rows = markup.inline_keyboard if markup else []
    return [(button.callback_data or "").partition(":")[0] for row in rows for button in row]


def test_an_answer_with_sources_can_be_judged() -> None:
    assert labels(keyboard(outgoing(citations=[CITATION]))) == [["👍 Helpful", "👎 Not helpful"], ["Talk to a person"]]


def test_buttons_are_in_the_customers_language() -> None:
    assert labels(keyboard(outgoing(citations=[CITATION], language="zh")))[1] == ["转人工"]


def test_related_questions_have_a_row_each() -> None:
    markup = keyboard(outgoing(outcome=Outcome.CLARIFY, suggestions=["One?", "Two?"]))
    assert labels(markup) == [["One?"], ["Two?"], ["Talk to a person"]]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"outcome": Outcome.HANDOFF, "citations": [CITATION]},
        {"author": Author.NOTICE, "outcome": None},
        {"author": Author.PERSON, "outcome": None},
    ],
)
def test_small_talk_notices_and_people_have_no_buttons(fields: dict[str, Any]) -> None:
    assert keyboard(outgoing(**fields)) is None


def test_a_long_question_is_cut_on_its_button() -> None:
    ((label,), _) = labels(keyboard(outgoing(suggestions=["Why? " * 100])))
    assert len(label) <= 120
    assert label.endswith("…")


@given(st.sampled_from([ASK, HELPFUL, UNHELPFUL, PERSON]), st.integers(1, 10**7), st.integers(0, 9))
def test_a_press_comes_back_and_fits(action: str, seq: int, choice: int) -> None:
    press = Press(action, CONVERSATION, seq, choice)
    assert Press.of(press.data) == press
    assert len(press.data.encode()) <= 64


@given(st.text(max_size=64))
def test_anything_can_be_sent_back(data: str) -> None:
    press = Press.of(data)
    assert press is None or Press.of(press.data) == press


@pytest.mark.parametrize("data", ["", DONE, "ask:c:1", "ask:c:-1:0", "ask:c:one:0", "ask:c:²:0"])
def test_what_is_no_press_is_none(data: str) -> None:
    assert Press.of(data) is None


@pytest.mark.parametrize("verdict", [HELPFUL, UNHELPFUL])
def test_a_judgement_is_given_once(verdict: str) -> None:
    markup = keyboard(outgoing(citations=[CITATION], suggestions=["One?"]))
    assert actions(pressed(markup, Press(verdict, CONVERSATION, 5))) == [ASK, PERSON]


def test_the_chosen_question_stays_to_be_seen() -> None:
    markup = keyboard(outgoing(suggestions=["One?", "Two?"], outcome=Outcome.CLARIFY))
    assert labels(pressed(markup, Press(ASK, CONVERSATION, 5, 1))) == [["✓ Two?"]]


def test_who_asked_for_a_person_can_still_judge() -> None:
    markup = keyboard(outgoing(citations=[CITATION], suggestions=["One?"]))
    assert actions(pressed(markup, Press(PERSON, CONVERSATION, 5))) == [HELPFUL, UNHELPFUL]
