"""Which of the things that happen in Slack are our business, and as what."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.storage.errands import Errand
from connectors.slack.calling import Me
from connectors.slack.events import translate

ME = Me("T0ACME", "", "U0BOT", "B0BOT")
MESSAGE = {"type": "message", "channel": "C0SUPPORT", "user": "U1", "text": "hi", "ts": "2.5", "thread_ts": "1.5"}


def read(event: dict[str, Any], identity: str = "Ev1") -> Errand | None:
    return translate({"type": "event_callback", "event_id": identity, "event": event}, "acme", ME, "C0SUPPORT", 9.0)


def test_a_message_in_a_thread_is_named_after_its_place_however_often_it_comes() -> None:
    first, again = read(MESSAGE, "Ev1"), read(MESSAGE, "Ev2")
    assert first == again
    assert first is not None
    assert (first.id, first.lane, first.at, first.kind) == ("slack:C0SUPPORT:2.5", "C0SUPPORT:1.5", 2.5, "message")


@pytest.mark.parametrize(
    "other",
    [
        {"thread_ts": None},
        {"thread_ts": "2.5"},
        {"channel": "C0OTHER"},
        {"bot_id": "B1"},
        {"user": "U0BOT"},
        {"user": "USLACKBOT"},
        {"user": None},
        {"subtype": "channel_join"},
        {"subtype": "bot_message"},
        {"subtype": "message_replied"},
        {"ts": "not a time"},
        {"ts": None},
        {"hidden": True},
    ],
)
def test_what_is_no_message_of_a_person_in_a_thread_is_left_alone(other: dict[str, Any]) -> None:
    assert read({**MESSAGE, **other}) is None


def test_a_mention_is_one_question_though_slack_tells_of_it_twice() -> None:
    said = {**MESSAGE, "text": "<@U0BOT> how long?"}
    message, mention = read(said), read({**said, "type": "app_mention"}, "Ev2")
    assert message == mention
    assert message is not None
    assert (message.kind, message.body["text"], message.body["thread"]) == ("question", "how long?", "1.5")


def test_what_an_app_says_to_the_bot_is_no_question() -> None:
    assert read({**MESSAGE, "type": "app_mention", "bot_id": "B1"}) is None


def test_an_unfurled_link_is_no_edit() -> None:
    event = {"type": "message", "subtype": "message_changed", "channel": "C0SUPPORT", "event_ts": "3.5"}
    message = {**MESSAGE, "edited": {"ts": "3.5", "user": "U1"}}
    assert read({**event, "message": message, "previous_message": MESSAGE}) is None
    changed = read({**event, "message": {**message, "text": "ho"}, "previous_message": MESSAGE})
    assert changed is not None
    assert (changed.kind, changed.at, changed.body["ts"]) == ("changed", 3.5, "2.5")


def test_each_click_is_its_own_and_each_form_is_sent_once() -> None:
    press = {
        "type": "block_actions",
        "user": {"id": "U1"},
        "container": {"channel_id": "C0SUPPORT", "message_ts": "1.5"},
        "actions": [{"action_id": "claim", "value": "c:h:", "action_ts": "4.5"}],
    }
    pressed = translate(press, "acme", ME, "C0SUPPORT", 9.0)
    assert pressed is not None
    assert (pressed.lane, pressed.at, pressed.body["action"]) == ("C0SUPPORT:1.5", 4.5, "claim")
    view = {"id": "V1", "callback_id": "reply", "private_metadata": "c:h:C:1", "state": {"values": {}}}
    submission = {"type": "view_submission", "user": {"id": "U1"}, "view": view}
    first, again = (translate(submission, "acme", ME, "C0SUPPORT", now) for now in (1.0, 2.0))
    assert first is not None
    assert again is not None
    assert first.id == again.id


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted({*MESSAGE, "event"})), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted({*MESSAGE, "subtype", "message", "files", "blocks"})), JSON))
def test_nothing_that_comes_breaks_the_reading(event: dict[str, Any]) -> None:
    for kind in ("message", "app_mention", "app_home_opened", "assistant_thread_started"):
        read({**event, "type": kind})
        read({**MESSAGE, **event, "type": kind})
