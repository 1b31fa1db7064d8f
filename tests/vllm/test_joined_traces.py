"""vLLM's own traces join ours."""

import asyncio

import pytest

from bot.settings import Settings
from llm.chat import ChatMessage, load_chat_model
from tests.fakes.collector import Collector, Span
from tests.watched import traced

HELLO = [ChatMessage("user", "Say hello.")]


async def sent(traces: Collector, trace: str) -> Span:
    """The server's span of this trace, once it has been sent."""
    async with asyncio.timeout(60):
        while True:
            for span in traces.spans:
                if span.trace == trace:
                    return span
            await asyncio.sleep(0.1)


async def test_what_the_server_did_is_a_part_of_our_request(
    settings: Settings, traces: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = traced(monkeypatch)
    model = load_chat_model(settings.llm)
    assert model
    assert "".join([text async for text in model.stream(HELLO)])
    await model.close()
    call = ended.named(f"chat {settings.llm.model}").context
    assert (await sent(traces, f"{call.trace_id:032x}")).parent == f"{call.span_id:016x}"
