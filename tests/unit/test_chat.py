import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr

from llm.chat import ChatMessage, ChatModel, check_chat_model, load_chat_model
from llm.errors import ModelRejected, ModelUnavailable, SettingsError
from llm.settings import LLMSettings
from tests.fakes.vllm import FakeVLLM, Reply, refusing_url, says

PROMPT = [ChatMessage("system", "Be short."), ChatMessage("user", "When do you open?")]
KEY = "very-secret-key"


def settings(url: str, **changes: Any) -> LLMSettings:
    return LLMSettings(**{"base_url": HttpUrl(url), "model": "test-model", "api_key": SecretStr(KEY)} | changes)


@asynccontextmanager
async def loaded(url: str, **changes: Any):
    model = load_chat_model(settings(url, **changes))
    assert model is not None
    try:
        yield model
    finally:
        await model.close()


async def read(model: ChatModel, **options: str) -> str:
    return "".join([text async for text in model.stream(PROMPT, **options)])


async def answer(server: FakeVLLM, **changes: Any) -> str:
    async with loaded(server.url, **changes) as model:
        return await read(model)


@pytest.fixture(scope="module")
def running() -> Iterator[FakeVLLM]:
    with FakeVLLM() as fake:
        yield fake


@pytest.fixture
def server(running: FakeVLLM) -> FakeVLLM:
    running.requests.clear()
    running.models = ["test-model"]
    return reply(running, says("Hello."))


def reply(server: FakeVLLM, *replies: Reply) -> FakeVLLM:
    server.replies.clear()
    server.replies.extend(replies)
    return server


def test_without_an_address_there_is_no_model():
    assert load_chat_model(LLMSettings()) is None


def test_an_address_without_a_model_name_is_a_wrong_setting():
    with pytest.raises(SettingsError, match="ANSWERDESK_LLM_MODEL"):
        load_chat_model(LLMSettings(base_url=HttpUrl("http://127.0.0.1:1/v1")))


async def test_text_arrives_in_the_pieces_that_were_written(server):
    reply(server, Reply(tokens=["We open", " at ", "nine."]))
    async with loaded(server.url) as model:
        assert [text async for text in model.stream(PROMPT)] == ["We open", " at ", "nine."]


async def test_messages_and_settings_are_sent_as_they_are(server):
    await answer(server, temperature=0.5, max_tokens=77)
    body = server.requests[0].body
    assert body["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "When do you open?"},
    ]
    assert (body["model"], body["temperature"], body["max_completion_tokens"], body["stream"]) == (
        "test-model",
        0.5,
        77,
        True,
    )


async def test_the_salt_isolates_the_prefix_cache(server):
    async with loaded(server.url) as model:
        await read(model, salt="acme")
        await read(model)
    assert [request.body.get("cache_salt") for request in server.requests] == ["acme", None]


async def test_tokens_are_sent_by_several_at_a_time(server):
    await answer(server)
    await answer(server, stream_interval=1)
    assert [request.body.get("stream_interval") for request in server.requests] == [4, None]


async def test_an_endpoint_that_knows_only_openais_protocol_is_asked_without_the_rest(server):
    server.replies.clear()
    server.replies += [Reply(status=400, message="Unrecognized request argument supplied: cache_salt"), says("Nine.")]
    async with loaded(server.url) as model:
        assert await read(model, salt="acme") == "Nine."
        assert await read(model, salt="acme") == "Nine."
    assert [request.body.get("cache_salt") for request in server.requests] == ["acme", None, None]


async def test_the_key_is_sent_as_a_bearer_token(server):
    await answer(server)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_key_for_openai_in_the_environment_is_not_sent_elsewhere(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "meant-for-someone-else")
    await answer(server, api_key=None)
    assert "meant-for-someone-else" not in server.requests[0].headers["authorization"]


@pytest.mark.parametrize("variable", ["LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING"])
async def test_prompts_never_go_to_langsmith(server, monkeypatch, variable):
    with FakeVLLM() as langsmith:
        monkeypatch.setenv(variable, "true")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", langsmith.url)
        monkeypatch.setenv("LANGSMITH_API_KEY", "key")
        from langchain_core.tracers.langchain import wait_for_all_tracers
        from langsmith.utils import get_env_var

        get_env_var.cache_clear()
        assert await answer(server) == "Hello."
        wait_for_all_tracers()
        assert langsmith.requests == []
    get_env_var.cache_clear()


REJECTED = {
    "wrong key": (Reply(status=401, message=f"Unauthorized {KEY}"), "ANSWERDESK_LLM_API_KEY"),
    "unknown model": (Reply(status=404, message="The model `test-model` does not exist."), "ANSWERDESK_LLM_MODEL"),
    "prompt too long": (
        Reply(status=400, message="This model's maximum context length is 4096 tokens."),
        "4096 tokens",
    ),
    "redirect": (Reply(status=307, message="moved"), "redirects"),
    "answer too long": (Reply(tokens=["On and", " on"], finish="length"), "ANSWERDESK_LLM_MAX_TOKENS"),
    "filtered": (Reply(tokens=["No"], finish="content_filter"), "content_filter"),
}
UNAVAILABLE = {
    "overloaded": (Reply(status=429, message="Too many requests"), "429"),
    "broken": (Reply(status=500, message="Internal error"), "500"),
    "slow": (Reply(delay=30), "no first word"),
    "silent after the headers": (Reply(stall=True), "no first word"),
    "stalled": (Reply(tokens=["We"], stall=True), "took too long"),
    "garbage": (Reply(garbage=b'data: {"cho\xff\x00\n\n'), "isn't an answer in OpenAI's protocol"),
    "other JSON": (Reply(garbage=b"data: [1, 2]\n\n"), "isn't an answer in OpenAI's protocol"),
    "garbage later": (Reply(tokens=["We"], garbage=b"data: {{{\n\n"), "isn't an answer in OpenAI's protocol"),
    "error in the stream": (Reply(tokens=["We"], error_event="engine died"), "engine died"),
    "cut before the first word": (Reply(cut=True), "can't be reached"),
    "cut": (Reply(tokens=["We open", " at"], cut=True), "broke off"),
    "no finish reason": (Reply(tokens=["We open", " at"], finish=None), "broke off"),
    "empty": (Reply(), "empty answer"),
}


@pytest.mark.parametrize(("fault", "words"), REJECTED.values(), ids=REJECTED)
async def test_what_another_try_would_not_help_is_rejected(server, fault, words):
    with pytest.raises(ModelRejected, match=words):
        await answer(reply(server, fault))


@pytest.mark.parametrize(("fault", "words"), UNAVAILABLE.values(), ids=UNAVAILABLE)
async def test_what_may_pass_is_unavailable(server, fault, words):
    with pytest.raises(ModelUnavailable, match=words):
        await answer(reply(server, fault), first_token_timeout=0.3, stall_timeout=0.3)


@pytest.mark.parametrize("fault", [REJECTED["wrong key"][0], UNAVAILABLE["broken"][0], UNAVAILABLE["cut"][0]])
async def test_messages_name_the_endpoint_and_never_the_key(server, fault):
    with pytest.raises((ModelRejected, ModelUnavailable)) as caught:
        await answer(reply(server, fault))
    assert server.url in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", [Reply(status=429), Reply(status=500), Reply(cut=True)])
async def test_nothing_is_tried_again_behind_our_back(server, fault):
    with pytest.raises(ModelUnavailable):
        await answer(reply(server, fault))
    assert len(server.requests) == 1


async def test_a_slow_but_steady_answer_ends_at_the_total_limit(server):
    reply(server, Reply(tokens=["word "] * 1000, interval=0.02))
    with pytest.raises(ModelUnavailable, match="took too long"):
        await answer(server, total_timeout=0.4)


async def test_an_endpoint_that_is_not_there_is_unavailable():
    async with loaded(refusing_url()) as model:
        with pytest.raises(ModelUnavailable, match="ANSWERDESK_LLM_BASE_URL"):
            await read(model)


async def test_an_address_without_v1_is_rejected_with_a_hint(server):
    async with loaded(server.url.removesuffix("/v1")) as model:
        with pytest.raises(ModelRejected, match="/v1"):
            await read(model)


async def test_a_password_in_the_address_is_not_shown():
    async with loaded(refusing_url().replace("http://", "http://user:pa55word@")) as model:
        with pytest.raises(ModelUnavailable) as caught:
            await read(model)
    assert "pa55word" not in str(caught.value)


async def disconnected(server: FakeVLLM) -> bool:
    return await asyncio.to_thread(server.requests[0].disconnected.wait, 10)


async def test_closing_the_stream_stops_the_model(server):
    reply(server, Reply(tokens=["We"], stall=True))
    async with loaded(server.url) as model:
        async with aclosing(model.stream(PROMPT)) as stream:
            await anext(stream)
        assert await disconnected(server)


async def test_cancelling_the_reader_stops_the_model(server):
    reply(server, Reply(tokens=["We"], stall=True))
    async with loaded(server.url, stall_timeout=60) as model:
        got_text = asyncio.Event()

        async def reader() -> None:
            async for _ in model.stream(PROMPT):
                got_text.set()

        task = asyncio.create_task(reader())
        await got_text.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await disconnected(server)


async def test_a_stream_given_up_for_stalling_is_closed(server):
    reply(server, Reply(tokens=["We"], stall=True))
    async with loaded(server.url, stall_timeout=0.2) as model:
        with pytest.raises(ModelUnavailable):
            await read(model)
        assert await disconnected(server)


async def test_one_model_serves_many_at_once(server):
    reply(server, says("We open at nine."))
    async with loaded(server.url) as model:
        assert set(await asyncio.gather(*(read(model) for _ in range(20)))) == {"We open at nine."}


async def test_the_check_says_that_the_model_is_served(server):
    assert await check_chat_model(settings(server.url)) == f"{server.url} serves test-model."


async def test_the_check_lists_what_is_served_instead(server):
    server.models = ["small", "large"]
    with pytest.raises(ModelRejected, match="large, small"):
        await check_chat_model(settings(server.url))


async def test_the_check_says_that_nobody_answers():
    with pytest.raises(ModelUnavailable, match="can't be reached"):
        await check_chat_model(settings(refusing_url()))


async def test_the_check_without_an_address_says_that_answers_are_extracted():
    assert "extracted" in await check_chat_model(LLMSettings())


def test_importing_the_module_does_not_import_the_client():
    code = "import sys, llm.chat; sys.exit('openai' in sys.modules or 'langchain_core' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(Path.cwd())}).returncode == 0
    )
