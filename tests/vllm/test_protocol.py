"""What we rely on of vLLM's protocol, through our client."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress

import pytest

from bot.settings import Settings
from llm.chat import ChatMessage, Spent, load_chat_model
from llm.errors import ModelRejected, RequestRejected
from llm.replicas import Replicas
from tests.command_line import answerdesk
from tests.vllm.served import CONTEXT, NAME, Served

COUNT = [ChatMessage("user", "Count from one to ten thousand, in words.")]
LONG = [ChatMessage("system", "You are brief. " * 200), ChatMessage("user", "Say hello.")]


@pytest.fixture
def spent() -> list[Spent]:
    return []


@pytest.fixture
async def model(settings: Settings, spent: list[Spent]) -> AsyncIterator[Replicas]:
    loaded = load_chat_model(settings.llm, spent.append)
    assert loaded
    yield loaded
    await loaded.close()


async def read(model: Replicas, messages: Sequence[ChatMessage], salt: str = "") -> str:
    """What the model writes; how much of it the limit allows doesn't matter."""
    said = ""
    with suppress(RequestRejected):
        async for text in model.stream(messages, salt=salt):
            said += text
    return said


async def test_an_answer_comes_in_pieces(model: Replicas) -> None:
    async with aclosing(model.stream(COUNT)) as stream:
        assert await anext(stream)
        assert await anext(stream)


async def test_tokens_come_four_at_a_time_after_the_first(model: Replicas, spent: list[Spent]) -> None:
    pieces = 0
    with suppress(RequestRejected):
        async for _ in model.stream(COUNT):
            pieces += 1
    (told,) = spent
    assert told.written_tokens > 8
    assert pieces <= 2 + told.written_tokens // 4


async def test_a_dropped_answer_frees_its_place(settings: Settings, vllm: Served) -> None:
    model = load_chat_model(settings.llm.model_copy(update={"max_tokens": 3000}))
    assert model
    model.endpoints[0]._extras = lambda _: {"ignore_eos": True}  # type: ignore[method-assign] # it would write all 3,000
    await vllm.until("num_requests_running", 0)
    before = vllm.metric("generation_tokens_total")
    async with aclosing(model.stream(COUNT)) as stream:
        await anext(stream)
    await vllm.until("num_requests_running", 0)
    assert vllm.metric("generation_tokens_total") - before < 3000
    await model.close()


async def test_the_prefix_of_a_prompt_is_cached(model: Replicas, spent: list[Spent], vllm: Served) -> None:
    before = vllm.metric("prefix_cache_hits_total")
    await read(model, LONG, salt="acme")
    await read(model, [*LONG[:1], ChatMessage("user", "Say goodbye.")], salt="acme")
    first, second = spent
    assert first.cached_tokens == 0
    assert second.cached_tokens > 0.8 * second.prompt_tokens
    assert vllm.metric("prefix_cache_hits_total") - before == second.cached_tokens


async def test_companies_do_not_share_what_is_cached(model: Replicas, spent: list[Spent]) -> None:
    for salt in ("one", "other", "one"):
        await read(model, LONG, salt=salt)
    assert [each.cached_tokens > 0 for each in spent] == [False, False, True]


async def test_usage_counts_what_was_written(model: Replicas, spent: list[Spent], vllm: Served) -> None:
    before = vllm.metric("generation_tokens_total")
    await read(model, LONG)
    await vllm.until("num_requests_running", 0)
    assert spent[0].written_tokens == vllm.metric("generation_tokens_total") - before


async def test_texts_are_counted_by_the_models_own_tokenizer(model: Replicas, vllm: Served) -> None:
    said = "Parcels cost 4.90 euros; 多久可以退货？"
    (alone,) = await model.count_tokens([said])
    framed = len(vllm.tokens([{"role": "user", "content": said}])) - len(vllm.tokens([{"role": "user", "content": ""}]))
    assert abs(alone - framed) <= 2  # where they meet the template's words, tokens may merge


async def test_the_context_is_learned_from_the_endpoint(model: Replicas, settings: Settings) -> None:
    assert await model.context() == CONTEXT - settings.llm.max_tokens


async def test_a_prompt_that_is_too_long_is_rejected(model: Replicas) -> None:
    with pytest.raises(RequestRejected, match=str(CONTEXT)):
        await anext(model.stream([ChatMessage("user", "word " * CONTEXT)]))


async def test_an_answer_that_does_not_end_is_rejected(settings: Settings) -> None:
    model = load_chat_model(settings.llm.model_copy(update={"max_tokens": 16}))
    assert model
    with pytest.raises(RequestRejected, match="16 tokens"):
        [text async for text in model.stream(COUNT)]
    await model.close()


async def test_a_wrong_model_name_is_rejected(settings: Settings) -> None:
    model = load_chat_model(settings.llm.model_copy(update={"model": "another"}))
    assert model
    with pytest.raises(ModelRejected, match="another"):
        await read(model, COUNT)
    await model.close()


def test_the_check_finds_everything_that_we_use(vllm: Served) -> None:
    found = answerdesk("model", "check", vllm.url, "--model", NAME, "--json").json["endpoints"][vllm.url]
    works = {each["name"]: each["works"] for each in found if each["name"] != "speed"}
    names = ["model", "context", "streaming", "prefix cache", "cancellation", "structured output", "tokenizer"]
    assert works == dict.fromkeys(names, True)
