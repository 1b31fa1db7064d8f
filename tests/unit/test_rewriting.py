"""When nothing of a written answer could be shown, it is written once more, with the reasons."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import pytest
from pydantic import HttpUrl

from bot.answers.generated import Generating
from bot.domain import Answer, Outcome, Question, Reason
from llm.chat import ChatModel, load_chat_model
from llm.settings import LLMSettings
from retrieval.passages import Audience, Found, Passage, Scored
from tests.fakes.vllm import FakeVLLM, says

SHIPPING = Passage("s#0", "s", 0, "Shipping", "Shipping costs 4.95 euros. Parcels take two days.", language="en")
FOUND = Found("q", [Scored(SHIPPING, 1.0, 0.9, 0.5)], 0.8)
QUESTION = Question("acme", "What does shipping cost?", language="en")
GOOD = "Shipping costs 4.95 euros [1]."


@pytest.fixture
def server() -> Iterator[FakeVLLM]:
    with FakeVLLM() as fake:
        yield fake


@pytest.fixture
async def model(server: FakeVLLM) -> AsyncIterator[ChatModel]:
    settings = LLMSettings(base_url=HttpUrl(server.url), model="test-model", first_token_timeout=5)
    loaded = load_chat_model(settings)
    assert loaded is not None
    yield loaded
    await loaded.close()


async def answered(server: FakeVLLM, model: ChatModel, *texts: str, within: float = 60.0) -> Answer:
    server.replies.clear()
    server.replies.extend(says(text) for text in texts)

    async def version(company: str, audience: Audience) -> int:
        return 1

    async def passages(company: str, audience: Audience, ids: Sequence[str]) -> Mapping[str, Passage]:
        return {}

    generating = Generating(model, {}, version, passages, again_within=within)
    *_, last = [step async for step in generating.answer(QUESTION, FOUND)]
    assert isinstance(last, Answer)
    return last


async def test_the_second_answer_counts_when_nothing_of_the_first_did(server, model):
    answer = await answered(server, model, "Shipping is free [1].", GOOD)
    assert (answer.outcome, answer.text) == (Outcome.ANSWERED, GOOD)


async def test_the_second_prompt_says_what_was_wrong(server, model):
    await answered(server, model, "Shipping costs 3 euros [1]. It costs 4.95 euros.", GOOD)
    first, second = (request.body["messages"] for request in server.completions)
    assert second[: len(first)] == first
    assert second[-2]["content"] == "Shipping costs 3 euros [1]. It costs 4.95 euros."
    assert "doesn't state 3" in second[-1]["content"]
    assert "end with the number" in second[-1]["content"]


async def test_there_is_no_third_try(server, model):
    answer = await answered(server, model, "Shipping is free [1].", "Shipping is free [1].", GOOD)
    assert (answer.outcome, answer.reason) == (Outcome.HANDOFF, Reason.NOTHING_VERIFIED)
    assert len(server.completions) == 2


async def test_what_was_verified_is_not_written_anew(server, model):
    answer = await answered(server, model, f"{GOOD} Returns are free [1].", "Parcels take two days [1].")
    assert answer.text == GOOD
    assert len(server.completions) == 1


async def test_there_is_no_second_try_when_the_first_took_too_long(server, model):
    answer = await answered(server, model, "Shipping is free [1].", GOOD, within=-1.0)
    assert answer.reason is Reason.NOTHING_VERIFIED
