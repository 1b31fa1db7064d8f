"""What an open page is told of a conversation."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation import Conversation, Message, Status
from bot.domain import Author, Chat, Owner
from bot.ports import Kind
from connectors.web.feed import Event, Hub, View, shown

CHAT = Chat("halden", "web", "a")
# What a page is told depends on a few columns only; the rest is the workers' business.
ROW: dict[str, Any] = dict.fromkeys((each.name for each in fields(Conversation)), 0)
CONVERSATION = Conversation(**{**ROW, "company": "halden", "id": "c", "chat": CHAT, "owner": Owner.BOT})


def question(seq: int, text: str = "why", kind: Kind = Kind.MESSAGE, ref: str = "") -> Message:
    return Message("c", seq, Author.CUSTOMER, text, kind=kind, status=Status.RECEIVED, ref=ref or f"id-{seq}")


def reply(seq: int, status: Status = Status.SENT) -> Message:
    return Message("c", seq, Author.BOT, "because", status=status)


def told(view: View, messages: Sequence[Message], **changes: Any) -> list[Event]:
    """What a look at SQL brings, as the connector makes it."""
    conversation = replace(CONVERSATION, last=max((each.seq for each in messages), default=0), **changes)
    after = view.turn_to(conversation)
    return list(view.catch_up(conversation, [each for each in messages if each.seq > after]))


def places(events: Sequence[Event]) -> list[int]:
    return [data["seq"] for name, data in events if name == "message"]


def names(events: Sequence[Event]) -> list[str]:
    return [name for name, _ in events]


def test_a_new_page_is_told_everything_and_then_who_answers() -> None:
    events = told(View(), [question(1), reply(2)])
    assert names(events) == ["conversation", "message", "message", "status"]


def test_a_visitor_without_a_conversation_is_told_who_answers() -> None:
    assert list(View().catch_up(None, [])) == [("status", {"owner": "bot"})]


def test_nothing_is_told_twice() -> None:
    view, messages = View(), [question(1), reply(2)]
    told(view, messages)
    assert told(view, messages) == []


def test_what_waits_to_be_sent_is_not_told() -> None:
    assert places(told(View(), [question(1), reply(2, Status.OUTBOX)])) == [1]


@pytest.mark.parametrize("status", [Status.WITHDRAWN, Status.FAILED])
def test_what_never_was_sent_is_not_told(status: Status) -> None:
    assert places(told(View(), [question(1), reply(2, status)])) == [1]


def test_the_cursor_stays_below_what_waits_to_be_sent() -> None:
    view = View()
    told(view, [question(1), reply(2, Status.OUTBOX), question(3)])
    assert view.cursor == "c.1"


def test_an_answer_sent_late_is_told_to_a_page_that_comes_back() -> None:
    first = View()
    told(first, [question(1), reply(2, Status.OUTBOX), question(3)])
    assert 2 in places(told(View.resume(first.cursor), [question(1), reply(2), question(3)]))


def test_what_was_passed_on_is_not_told_again() -> None:
    view = View()
    told(view, [question(1)])
    assert names(list(view.pass_on([reply(2).outgoing(CHAT)]))) == ["message"]
    assert told(view, [question(1), reply(2)]) == []


def test_a_cursor_of_another_conversation_counts_for_nothing() -> None:
    assert places(told(View.resume("other.7"), [question(1)])) == [1]


@pytest.mark.parametrize("cursor", ["", "c", "c.", "c.-1", "c.x", ".5", "c.99999999999999999999"])
def test_a_broken_cursor_counts_for_nothing(cursor: str) -> None:
    assert places(told(View.resume(cursor), [question(1)])) == [1]


def test_a_new_conversation_hides_what_came_before() -> None:
    events = told(View(), [question(1), reply(2), question(3, "new", Kind.COMMAND), reply(4)])
    assert places(events) == [4]
    assert events[0] == ("conversation", {"id": "c", "start": 3})


def test_the_start_that_the_worker_noted_counts() -> None:
    assert places(told(View(), [question(1), reply(2), reply(4)], since=3)) == [4]


def test_commands_are_not_shown() -> None:
    assert places(told(View(), [question(1, "human", Kind.COMMAND)])) == []


def test_a_judgement_is_told_with_its_message() -> None:
    events = told(View(), [question(1), reply(2), question(3, "unhelpful", Kind.FEEDBACK, ref="c:2")])
    assert ("feedback", {"seq": 2, "value": "not_helpful"}) in events


def test_a_change_of_owner_is_told_once() -> None:
    view = View()
    told(view, [question(1)])
    assert told(view, [question(1)], owner=Owner.WAITING) == [("status", {"owner": "waiting"})]
    assert told(view, [question(1)], owner=Owner.WAITING) == []


def test_a_customers_address_is_not_shown() -> None:
    assert shown(replace(question(1), sender="address"))["sender"] == ""


statuses = st.sampled_from([Status.OUTBOX, Status.SENT, Status.WITHDRAWN])


@given(st.lists(st.lists(statuses, min_size=1, max_size=6), min_size=1, max_size=6), st.lists(st.booleans()))
def test_however_often_a_page_comes_back_it_misses_nothing(steps: list[list[Status]], breaks: list[bool]) -> None:
    """Each step settles what waited and adds messages; the page may lose its connection before each."""
    view, seen, messages = View(), set[int](), list[Message]()
    for number, step in enumerate(steps):
        messages = [replace(each, status=Status.SENT) if each.status is Status.OUTBOX else each for each in messages]
        messages += [reply(len(messages) + place + 1, status) for place, status in enumerate(step)]
        if number < len(breaks) and breaks[number]:
            view = View.resume(view.cursor)
        seen |= set(places(told(view, messages)))
        assert seen == {each.seq for each in messages if each.status is Status.SENT}


async def test_a_draft_replaces_the_one_before() -> None:
    hub = Hub()
    with hub.subscribe("a") as subscription:
        hub.draft("a", "one")
        hub.draft("a", "one two")
        assert [(name, data["text"]) for name, data in subscription.take()[1].items()] == [("draft", "one two")]


async def test_a_message_takes_the_place_of_its_draft() -> None:
    hub = Hub()
    with hub.subscribe("a") as subscription:
        hub.draft("a", "one")
        hub.publish(reply(1).outgoing(CHAT))
        assert subscription.take() == ([reply(1).outgoing(CHAT)], {})


async def test_another_chats_pages_hear_nothing() -> None:
    hub = Hub()
    with hub.subscribe("b") as subscription:
        hub.publish(reply(1).outgoing(CHAT))
        assert subscription.take() == ([], {})


async def test_a_change_wakes_the_pages_of_its_conversation() -> None:
    hub = Hub()
    with hub.subscribe("a") as subscription:
        hub.identify(subscription, CONVERSATION)
        hub.changed("c")
        await subscription.wait(30)


async def test_a_page_that_left_is_forgotten() -> None:
    hub = Hub()
    with hub.subscribe("a") as subscription:
        hub.identify(subscription, CONVERSATION)
    hub.changed("c")
    assert hub._open == {}
    assert hub._addresses == {}
