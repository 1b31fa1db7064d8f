"""Parts of traces: how they hang together, and what they don't tell."""

import asyncio

import pytest

from llm.telemetry import past_span, span, traceparent
from tests.watched import Ended, traced


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Ended:
    return traced(monkeypatch)


def test_without_the_sdk_nothing_is_named() -> None:
    with span("turn") as begun:
        assert (traceparent(), traceparent(begun)) == ("", "")


def test_another_process_goes_on_by_the_name(ended: Ended) -> None:
    with span("receive") as begun:
        named = traceparent(begun)
    with span("turn", parent=named):
        pass
    parent, receive = ended.named("turn").parent, ended.named("receive").context
    assert parent
    assert (parent.trace_id, parent.span_id) == (receive.trace_id, receive.span_id)


def test_a_name_that_is_none_begins_a_trace(ended: Ended) -> None:
    with span("turn", parent="garbage", links=["garbage", ""]):
        pass
    assert ended.named("turn").parent is None


def test_an_error_is_told_by_its_type_and_not_in_its_words(ended: Ended) -> None:
    with pytest.raises(ValueError, match="Mathilde"), span("turn"):
        raise ValueError("Mathilde wrote this")
    told = ended.named("turn")
    assert (told.status.description, told.attributes, told.events) == ("ValueError", {"error.type": "ValueError"}, ())


async def test_what_is_broken_off_says_so_and_is_no_error(ended: Ended) -> None:
    async def wait() -> None:
        with span("turn"):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert (ended.named("turn").status.is_unset, ended.named("turn").attributes) == (
        True,
        {"answerdesk.broken_off": True},
    )


def test_what_is_not_current_has_no_parts(ended: Ended) -> None:
    with span("chat", current=False), span("commit"):
        pass
    assert ended.named("commit").parent is None


def test_what_lies_behind_begins_where_it_began(ended: Ended) -> None:
    past_span("queue", 12.5, "", {})
    assert ended.named("queue").start_time == 12_500_000_000
