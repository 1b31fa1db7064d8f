"""What staff ask, carried from one process to another through either database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.answers.teaching import Teaching
from bot.domain import Answer, Citation, Draft, Outcome, Question
from bot.handoffs import consulting
from bot.handoffs.consulting import Advice, Consultant, Consulting, Unanswered
from bot.handoffs.suggesting import Suggesting
from retrieval import store
from retrieval.database import Database
from retrieval.passages import Audience, Found, Scored
from tests.chat_site import Level, document

HIT = Citation(1, "handbook", "handbook#0", "Handbook", "Refunds")


@dataclass
class Assistant:
    """Answers and searches as a test says, and keeps what it was asked."""

    database: Database
    asked: list[Question] = field(default_factory=list)
    searched: list[tuple[str, str, Audience]] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def answer(self, question: Question) -> AsyncIterator[Draft | Answer]:
        self.asked.append(question)
        if "broken" in question.text:
            raise RuntimeError("scripted")
        yield Draft("Up to")
        if self.hold:
            await self.hold.wait()
        yield Answer(Outcome.ANSWERED, "Up to 50 euros. [1]", 0.9, "en", (HIT,))

    async def search(self, company: str, text: str, audience: Audience, count: int) -> Found:
        self.searched.append((company, text, audience))
        passages = [
            passage
            for each in (Audience.PUBLIC, Audience.INTERNAL)
            for held in ("returns", "handbook")
            for passage in await self.database.read(store.passages_of_document, company, each, held)
        ]
        return Found(text, tuple(Scored(each, 1.0, 1.0, 1.0) for each in passages[:count]), 0.8)


@asynccontextmanager
async def working(assistant: Assistant) -> AsyncIterator[None]:
    suggesting = Suggesting(assistant.answer, assistant.database)
    teaching = Teaching(assistant.database, Level(), assistant.search)
    consultant = Consultant(assistant.database, assistant.answer, assistant.search, suggesting, teaching)
    running = asyncio.create_task(consultant.run())
    try:
        yield
    finally:
        consultant.stop()
        await running


@pytest.fixture
async def assistant(database: Database) -> Assistant:
    public = document("returns", [("How long?", "60 days.")], company="acme")
    internal = document("handbook", [("", "Up to 50 euros.")], company="acme", audience=Audience.INTERNAL)
    for whole, passages in (public, internal):
        await database.write(store.put_document, whole, passages, "model")
    return Assistant(database)


async def test_drafts_come_before_the_answer(assistant: Assistant) -> None:
    assistant.hold = asyncio.Event()
    said = []
    async with working(assistant), aclosing(Consulting(assistant.database).ask("acme", "How much?")) as steps:
        async for step in steps:
            said.append(step)
            assistant.hold.set()
    *drafts, advice = said
    assert drafts == [Draft("Up to")]
    assert isinstance(advice, Advice)
    assert advice.answer.text == "Up to 50 euros. [1]"


async def test_the_answer_says_which_sources_customers_must_not_see(assistant: Assistant) -> None:
    async with working(assistant):
        *_, advice = [step async for step in Consulting(assistant.database).ask("acme", "How much?")]
    assert isinstance(advice, Advice)
    assert advice.answer.citations == [HIT]
    assert list(advice.internal) == ["handbook#0"]


async def test_staff_are_answered_from_internal_documents_too(assistant: Assistant) -> None:
    async with working(assistant):
        _ = [step async for step in Consulting(assistant.database).ask("acme", "How much?")]
        await Consulting(assistant.database).search("acme", "limit")
    assert [each.audience for each in assistant.asked] == [Audience.INTERNAL]
    assert assistant.searched == [("acme", "limit", Audience.INTERNAL)]


async def test_a_search_marks_what_is_internal(assistant: Assistant) -> None:
    async with working(assistant):
        found = await Consulting(assistant.database).search("acme", "anything")
    assert [(each.passage.id, each.internal) for each in found] == [("returns#0", False), ("handbook#0", True)]


async def test_what_fails_is_told_to_the_asker(assistant: Assistant) -> None:
    async with working(assistant):
        with pytest.raises(Unanswered, match="answerdesk doctor"):
            _ = [step async for step in Consulting(assistant.database).ask("acme", "broken")]


async def test_a_suggestion_that_cannot_be_says_why(assistant: Assistant) -> None:
    async with working(assistant):
        with pytest.raises(Unanswered, match="There is no"):
            await Consulting(assistant.database).suggest("acme", "nowhere", "be kind")


async def test_without_a_worker_it_says_how_to_start_one(assistant: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consulting, "UNTAKEN_SECONDS", 0.0)
    with pytest.raises(Unanswered, match="answerdesk serve --roles worker"):
        await Consulting(assistant.database).search("acme", "anything")


async def test_what_nobody_waits_for_any_more_is_not_begun(assistant: Assistant) -> None:
    async with aclosing(Consulting(assistant.database).ask("acme", "Never mind")) as steps:
        waiting = asyncio.ensure_future(anext(steps))
        while not await assistant.database.read(consulting.store.waits):  # noqa: ASYNC110 - what changes is in SQL
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with working(assistant):
        await Consulting(assistant.database).search("acme", "anything")
    assert assistant.asked == []


async def test_a_worker_that_stops_lets_its_askers_know(assistant: Assistant) -> None:
    assistant.hold = asyncio.Event()
    async with aclosing(Consulting(assistant.database).ask("acme", "How much?")) as steps:
        async with working(assistant):
            assert await anext(steps) == Draft("Up to")
        with pytest.raises(Unanswered, match="Ask again"):
            await anext(steps)


async def test_one_question_is_answered_by_one_worker(assistant: Assistant) -> None:
    async with working(assistant), working(assistant), working(assistant):
        await asyncio.gather(*(_whole(assistant.database, f"Question {number}") for number in range(6)))
    assert sorted(each.text for each in assistant.asked) == [f"Question {number}" for number in range(6)]


async def _whole(database: Database, text: str) -> None:
    _ = [step async for step in Consulting(database).ask("acme", text)]
