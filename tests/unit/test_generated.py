import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date

import pytest
from pydantic import HttpUrl

from bot.answers.generated import Generating
from bot.answers.prompt import NOT_IN_DOCUMENTS
from bot.domain import Answer, Draft, Manner, Outcome, Question, Reason
from llm.chat import load_chat_model
from llm.errors import ModelRejected, ModelUnavailable
from llm.settings import LLMSettings
from retrieval.passages import Audience, Found, Location, Passage, Scored
from tests.fakes.vllm import FakeVLLM, Reply, says

RETURNS = Passage(
    "returns#0",
    "returns",
    0,
    "Returns",
    "You can return items within 30 days. Opened items cannot be returned.",
    location=Location("How to return"),
    language="en",
    url="https://example.com/returns",
)
SHIPPING = Passage(
    "shipping#0", "shipping", 0, "Shipping", "Shipping costs 4.95 euros. Parcels take two days.", language="en"
)
FOUND = Found("q", [Scored(each, 1.0, 0.9, 0.5) for each in (SHIPPING, RETURNS)], 0.8)
"""In the prompt, returns are [1] and shipping is [2]."""
GIVEN = ["returns#0", "shipping#0"]
QUESTION = Question("acme", "How do returns work?", language="en")


@pytest.fixture(scope="module")
def server() -> Iterator[FakeVLLM]:
    with FakeVLLM() as fake:
        yield fake


@pytest.fixture
async def generating(server: FakeVLLM) -> AsyncIterator[Generating]:
    server.requests.clear()
    settings = LLMSettings(base_url=HttpUrl(server.url), model="test-model", first_token_timeout=5, stall_timeout=0.3)
    model = load_chat_model(settings)

    async def version(company: str, audience: Audience) -> int:
        return 7

    async def passages(company: str, audience: Audience, ids: Sequence[str]) -> dict[str, Passage]:
        return {each.id: each for each in (RETURNS, SHIPPING) if each.id in ids}

    yield Generating(model, {"acme": "Warm and brief."}, version, passages, today=lambda: date(2026, 3, 1))
    await model.close()


@pytest.fixture
def answer(server: FakeVLLM, generating: Generating):
    async def answered(reply: Reply | str) -> list[Draft | Answer]:
        server.replies.clear()
        server.replies.append(says(reply) if isinstance(reply, str) else reply)
        return [step async for step in generating.answer(QUESTION, FOUND)]

    return answered


async def test_verified_sentences_are_the_answer(answer):
    *_, last = await answer("You can return items within 30 days [1]. Shipping costs 4.95 euros [2].")
    assert last == Answer(
        Outcome.ANSWERED,
        "You can return items within 30 days [1]. Shipping costs 4.95 euros [2].",
        0.8,
        "en",
        citations=last.citations,
        evidence=GIVEN,
        manner=Manner.WRITTEN,
    )


async def test_citations_name_the_passages_in_order_of_use(answer):
    *_, last = await answer("Shipping costs 4.95 euros [2]. You can return items within 30 days [1].")
    assert [(each.number, each.passage) for each in last.citations] == [(1, "shipping#0"), (2, "returns#0")]


async def test_a_citation_says_where_it_stands(answer):
    *_, last = await answer("You can return items within 30 days [1].")
    (citation,) = last.citations
    assert (citation.title, citation.location, citation.url) == (
        "Returns",
        "How to return",
        "https://example.com/returns",
    )


async def test_drafts_grow_by_whole_verified_sentences(answer):
    *drafts, _ = await answer(
        "You can return items within 30 days [1]. Shipping is free [2]. Shipping costs 4.95 euros [2]. Bye"
    )
    assert drafts == [
        Draft("You can return items within 30 days [1]."),
        Draft("You can return items within 30 days [1]. Shipping costs 4.95 euros [2]."),
    ]


@pytest.mark.parametrize(
    "invented",
    [
        "Every item has a lifetime warranty [1].",
        "You can return items within 60 days [1].",
        "Opened items can be returned [1].",
        "Happy to help!",
        "You can return items within 30 days [9].",
        "Pay at https://evil.example [2].",
    ],
)
async def test_what_is_not_verified_is_never_shown(answer, invented):
    steps = await answer(f"{invented} Shipping costs 4.95 euros [2].")
    assert {step.text for step in steps} <= {"Shipping costs 4.95 euros [1]."}


async def test_a_withheld_sentence_leaves_no_citation(answer):
    *_, last = await answer("Every item has a lifetime warranty [1]. Shipping costs 4.95 euros [2].")
    assert [(each.number, each.passage) for each in last.citations] == [(1, "shipping#0")]


async def test_what_was_withheld_is_on_record_with_its_flaw(answer):
    *_, last = await answer("Shipping costs 7.95 euros [2]. Shipping costs 4.95 euros [2].")
    assert [(each["sentence"], each["flaw"]) for each in last.explanation["withheld"]] == [
        ("Shipping costs 7.95 euros.", "unstated_fact")
    ]


async def test_nothing_verified_is_a_handoff(answer):
    assert await answer("Every item has a lifetime warranty [1].") == [
        Answer(Outcome.HANDOFF, "", 0.8, "en", reason=Reason.NOTHING_VERIFIED, evidence=GIVEN)
    ]


@pytest.mark.parametrize(
    "text",
    [
        NOT_IN_DOCUMENTS,
        f"{NOT_IN_DOCUMENTS}.",
        f"{NOT_IN_DOCUMENTS} [1]",
        f"{NOT_IN_DOCUMENTS}\nShipping costs 4.95 euros [2].",
    ],
)
async def test_what_the_passages_do_not_answer_is_a_handoff(answer, text):
    assert await answer(text) == [Answer(Outcome.HANDOFF, "", 0.8, "en", reason=Reason.NOT_COVERED, evidence=GIVEN)]


async def test_the_model_is_stopped_once_it_declined(server, generating, answer):
    await answer(Reply(tokens=[NOT_IN_DOCUMENTS, "\n", "But"], stall=True))
    assert await asyncio.to_thread(server.completions[0].disconnected.wait, 10)


async def test_a_sentence_said_again_and_again_is_shown_once(answer):
    *_, last = await answer("Shipping costs 4.95 euros [2]. " * 20)
    assert last.text == "Shipping costs 4.95 euros [1]."


@pytest.mark.parametrize(
    ("reply", "error"),
    [(Reply(status=500), ModelUnavailable), (Reply(status=404), ModelRejected), (Reply(), ModelUnavailable)],
)
async def test_a_model_that_fails_before_the_first_word_raises(answer, reply, error):
    with pytest.raises(error):
        await answer(reply)


FIRST, SECOND = "Shipping costs 4.95 euros [2]. ", "You can return items within 30"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(tokens=[FIRST, SECOND], cut=True),
        Reply(tokens=[FIRST, SECOND], finish=None),
        Reply(tokens=[FIRST, SECOND], stall=True),
        Reply(tokens=[FIRST, SECOND], finish="length"),
        Reply(tokens=[FIRST, SECOND], garbage=b"data: {\n\n"),
    ],
)
async def test_a_broken_stream_never_ends_in_an_answer(server, generating, reply):
    server.replies.clear()
    server.replies.append(reply)
    steps = generating.answer(QUESTION, FOUND)
    assert await anext(steps) == Draft("Shipping costs 4.95 euros [1].")
    with pytest.raises((ModelUnavailable, ModelRejected)):
        await anext(steps)


async def test_leaving_early_stops_the_model(server, generating):
    server.replies.clear()
    server.replies.append(Reply(tokens=[FIRST, SECOND], stall=True))
    steps = generating.answer(QUESTION, FOUND)
    await anext(steps)
    await steps.aclose()
    assert await asyncio.to_thread(server.completions[0].disconnected.wait, 10)


async def test_the_prompt_holds_passages_voice_date_and_question(server, answer):
    await answer(FIRST)
    prompt = server.completions[0].prompt
    assert all(part in prompt for part in (RETURNS.text, SHIPPING.text, "Warm and brief.", "2026-03-01", QUESTION.text))


async def test_the_prefix_cache_is_salted_by_company(server, answer):
    await answer(FIRST)
    assert len(server.completions[0].body["cache_salt"]) == 64


async def test_texts_are_not_logged(answer, caplog):
    caplog.set_level("INFO", logger="bot")
    await answer("Items have a lifetime warranty [1].")
    assert "too_little_support" in caplog.text
    assert "warranty" not in caplog.text
