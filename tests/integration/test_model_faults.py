"""Everything that can go wrong at a model's endpoint, with one endpoint and with a second that is well.

Each time the customer gets one answer that stands in the documents, or is asked back, or is handed over: never half of
something, never nothing, and never for want of time.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.answers.answering import Answering
from bot.bootstrap import _answerers
from bot.conversation import Pace
from bot.domain import Author, Chat, Outcome, Owner, Question
from bot.settings import AnsweringSettings, Settings
from llm.embeddings import Embedder
from llm.replicas import Replicas
from llm.settings import LLMSettings
from tests.desk import CHAT, Desk, desk
from tests.fakes.vllm import FakeVLLM, Reply, refusing_url, says, silent_url
from tests.knowledge import COMPANY, Knowledge, open_knowledge

pytestmark = pytest.mark.asyncio(loop_scope="module")

HANDBOOK = """# Handbook

## Delivery

Parcels cost 4.90 euros. Orders of 60 euros or more are delivered free of charge.

## Returns

You may return an item within 30 days of delivery, unused and in its box.
"""
QUESTION = "How much does delivery cost?"
EXTRACT = "Parcels cost 4.90 euros. Orders of 60 euros or more are delivered free of charge. [1]"
WRITTEN = "Parcels cost 4.90 euros [1]."
BEGUN = ["Parcels cost 4.90 euros [1]. ", "Orders of 60 euros are"]
"""A sentence that is verified, and shown, and half of one that isn't."""
PACE = Pace(quiet=0.02, longest_burst=0.1, poll=0.05, first_sign=60, unshown_turn=60, turn=120)
LIMITS = {"first_token_timeout": 1.0, "stall_timeout": 1.0, "first_text_timeout": 10.0, "total_timeout": 20.0}
"""A good endpoint has an answer ready at once; a turn has much more time than all of this takes."""

REFUSED, SILENT = "refused", "silent"
FAULTS: dict[str, Reply | str] = {
    "refused": REFUSED,
    "half-open connection": SILENT,
    "slow first token": Reply(delay=60),
    "stalled before a token": Reply(stall=True),
    "stalled": Reply(tokens=BEGUN, stall=True),
    "garbage": Reply(garbage=b'data: {"cho\xff\x00\n\n'),
    "garbage in the middle": Reply(tokens=BEGUN, garbage=b"data: {{{\n\n"),
    "error in the middle": Reply(tokens=BEGUN, error_event="engine died"),
    "cut": Reply(tokens=BEGUN, cut=True),
    "ended without an end": Reply(tokens=BEGUN, finish=None),
    "429": Reply(status=429, message="Too many requests", retry_after="7"),
    "500": Reply(status=500, message="Internal error"),
    "503": Reply(status=503, message="Service unavailable"),
    "out of context": Reply(status=400, message="This model's maximum context length is 2048 tokens."),
    "empty": Reply(),
    "wrong model": Reply(status=404, message="The model does not exist."),
    "wrong key": Reply(status=401, message="Unauthorized"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> AsyncIterator[Knowledge]:
    """A company with a handbook."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "handbook.md").write_text(HANDBOOK, encoding="utf-8")
    async with open_knowledge(folder / "data", embedder) as opened:
        await opened.ingest(folder / "handbook.md", company=CHAT.company)
        await opened.search.refresh()
        yield opened


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[FakeVLLM, FakeVLLM]]:
    with FakeVLLM() as faulty, FakeVLLM() as good:
        yield faulty, good


@pytest.fixture
def faulty(servers: tuple[FakeVLLM, FakeVLLM]) -> FakeVLLM:
    servers[0].requests.clear()
    return servers[0]


@pytest.fixture
def good(servers: tuple[FakeVLLM, FakeVLLM]) -> FakeVLLM:
    servers[1].requests.clear()
    servers[1].replies.clear()
    servers[1].replies.append(says(WRITTEN))
    return servers[1]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(params=FAULTS)
def bad_url(request: pytest.FixtureRequest, faulty: FakeVLLM, stack: ExitStack) -> str:
    """Where the fault is."""
    fault = FAULTS[request.param]
    if isinstance(fault, Reply):
        faulty.replies.clear()
        faulty.replies.append(fault)
        return faulty.url
    return refusing_url() if fault == REFUSED else stack.enter_context(silent_url())


def model_of(*urls: str, **limits: float) -> Replicas:
    return Replicas(LLMSettings(base_url=",".join(urls), model="test-model", **(LIMITS | limits)))


def first_asked(bad: str, good: str) -> Replicas:
    """Both, in such a way that the bad one is asked first."""
    for number in range(200):
        model = model_of(bad.replace("/v1", f"/{number}/v1"), good)
        if model._choose(model._replicas, CHAT.address).endpoint.url != good:
            return model
    raise AssertionError("The good one is always preferred.")


@asynccontextmanager
async def desk_of(folder: Path, shop: Knowledge, model: Replicas, answer_above: float = 0.2) -> AsyncIterator[Desk]:
    """Customers before an answerer with this model."""
    sections = AnsweringSettings(answer_above=answer_above, clarify_above=0.1)
    settings = Settings(data_dir=folder, answering=sections)
    answering = Answering(shop.search, _answerers(settings, shop.database, shop.embedder.model, model), sections)

    def answer(question: Question):
        return answering.answer(replace(question, conversation=CHAT.address))

    async with desk(folder, answer, PACE) as opened:
        yield opened
    await model.close()


@dataclass(frozen=True)
class Ended:
    """What the customer's turn came to."""

    text: str
    outcome: Outcome | None
    owner: Owner


async def ask(opened: Desk, chat: Chat = CHAT) -> Ended:
    """Ask, and see that nothing but whole, verified answers was ever shown, one of them at last."""
    await opened.writes(QUESTION, chat)
    conversation = await opened.at_rest(chat)
    (reply,) = (message for message in opened.channel.arrived if message.chat == chat)
    assert await opened.said(Author.BOT, chat) == [reply.text]
    assert {draft for draft in opened.channel.drafts if draft} <= {EXTRACT, WRITTEN}
    events = await opened.events(chat)
    assert events.count("answered") == 1
    assert "parked" not in events
    return Ended(reply.text, reply.outcome, conversation.owner)


async def test_with_one_endpoint_the_documents_own_words_step_in(bad_url: str, shop: Knowledge, tmp_path: Path) -> None:
    async with desk_of(tmp_path, shop, model_of(bad_url)) as opened:
        assert await ask(opened) == Ended(EXTRACT, Outcome.ANSWERED, Owner.BOT)


async def test_where_the_documents_are_not_sure_the_customer_is_asked_or_handed_over(
    bad_url: str, shop: Knowledge, tmp_path: Path
) -> None:
    async with desk_of(tmp_path, shop, model_of(bad_url), answer_above=1.0) as opened:
        ended = await ask(opened)
        assert (ended.outcome, ended.owner) in [(Outcome.CLARIFY, Owner.BOT), (Outcome.HANDOFF, Owner.WAITING)]
        assert "Parcels cost" not in ended.text


async def test_with_a_second_endpoint_that_one_answers(
    bad_url: str, good: FakeVLLM, shop: Knowledge, tmp_path: Path
) -> None:
    async with desk_of(tmp_path, shop, first_asked(bad_url, good.url)) as opened:
        assert await ask(opened) == Ended(WRITTEN, Outcome.ANSWERED, Owner.BOT)
        assert len(good.completions) == 1


async def test_what_was_given_up_is_no_longer_written(faulty: FakeVLLM, shop: Knowledge, tmp_path: Path) -> None:
    faulty.replies.clear()
    faulty.replies.append(Reply(tokens=BEGUN, stall=True))
    async with desk_of(tmp_path, shop, model_of(faulty.url)) as opened:
        await ask(opened)
        assert faulty.completions[0].disconnected.wait(10)


async def test_when_the_model_is_busy_others_get_the_documents_own_words(
    faulty: FakeVLLM, shop: Knowledge, tmp_path: Path
) -> None:
    faulty.replies.clear()
    faulty.replies.append(Reply(tokens=["Parcels"], stall=True))
    model = model_of(faulty.url, concurrency=1, stall_timeout=100, first_text_timeout=1.5, total_timeout=100)
    async with desk_of(tmp_path, shop, model) as opened, aclosing(model.stream([])) as busy:
        await anext(busy)
        for name in "abc":
            assert (await ask(opened, Chat(COMPANY, "web", name))).text == EXTRACT
        assert len(faulty.completions) == 1


async def test_the_limits_leave_time_for_the_documents_own_words() -> None:
    limits, pace = LLMSettings(), Pace()
    spare = pace.longest_burst + 2  # the turn's time runs from the customer's first message
    assert limits.first_token_timeout < limits.first_text_timeout < pace.unshown_turn - spare
    assert limits.total_timeout < pace.turn - spare
