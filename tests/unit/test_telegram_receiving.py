"""Whatever comes in place of an update: it is read, or passed over, and never stops the others."""

from collections.abc import Callable
from typing import Any

import pytest
from aiogram.types import User
from hypothesis import given
from hypothesis import strategies as st

from connectors.telegram import polling
from connectors.telegram.receiving import _parse
from connectors.telegram.translating import UPDATES, Translator
from tests.fakes.telegram import ME, FakeTelegram
from tests.telegram_people import Customer

TRANSLATOR = Translator(User.model_validate(ME), "halden")
FIELDS = ["message_id", "chat", "from", "text", "photo", "id", "type", "date", "entities", "reply_to_message", "status"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=20,
)
UPDATE = st.fixed_dictionaries(
    {"update_id": st.integers(0, 2**31)}, optional=dict.fromkeys(("message", "callback_query", *UPDATES), ANYTHING)
)


@given(ANYTHING | UPDATE)
def test_anything_is_read_or_passed_over(raw: Any) -> None:
    update = _parse(raw)
    assert update is None or isinstance(TRANSLATOR.translate(update), list)


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=8))
def test_a_message_with_anything_in_it_is_read_or_passed_over(extra: dict[str, Any]) -> None:
    raw = {"update_id": 1, "message": Customer(FakeTelegram()).message("hello") | extra}
    update = _parse(raw)
    assert update is None or isinstance(TRANSLATOR.translate(update), list)


@given(ANYTHING | UPDATE)
def test_the_chat_of_anything_can_be_asked_for(raw: Any) -> None:
    assert isinstance(polling._chat(raw), str | None)


@pytest.mark.parametrize(
    "content",
    [
        lambda ada: {"message": ada.message("hello")},
        lambda ada: {"edited_message": ada.message("hello")},
        lambda ada: {"callback_query": {"id": "1", "from": ada.user, "message": ada.message("hello")}},
        lambda ada: {"my_chat_member": {"chat": ada.chat}},
        lambda ada: {"stopped_message_generation": {"chat": ada.chat, "draft_id": 1}},
    ],
)
def test_updates_of_one_chat_are_known_as_such(content: Callable[[Customer], dict[str, Any]]) -> None:
    assert polling._chat({"update_id": 1} | content(Customer(FakeTelegram()))) == "42"
