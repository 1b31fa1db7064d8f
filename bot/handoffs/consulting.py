"""What staff ask the assistant: answers and passages from public *and* internal documents.

Whoever asks (the desk, say) may run in a process that has no models. So what is asked is a row that any worker takes,
and its answer comes back the same way, draft by draft: one path, whether the worker is in the same process or on
another machine.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from bot.answers.teaching import Lesson, Taught, Teaching
from bot.domain import Answer, Draft, Question
from bot.errors import BotError
from bot.handoffs.suggesting import Suggesting
from bot.ports import Answerer
from bot.storage import consultations as store
from bot.storage.consultations import Consultation, State
from llm.errors import UsageError
from llm.telemetry import span
from retrieval import store as documents
from retrieval.database import Database
from retrieval.errors import StoreUnavailable
from retrieval.passages import Audience, Found, Passage

log = logging.getLogger(__name__)

UNTAKEN_SECONDS = 10.0
"""No worker runs when none has taken an consultation by then."""
LONGEST_SECONDS = 60.0
POLL_SECONDS = 0.5
"""How often to look at SQL without being told to: for what another process wrote to an SQLite file."""
SKETCH_SECONDS = 0.15
"""Between two drafts that are written down."""
AT_ONCE = 4
FINDINGS = 8

NO_WORKER = "No worker is running, so nobody can look this up. Start one: answerdesk serve --roles worker"
UNFINISHED = "The assistant didn't finish. Ask again; if it happens again, `answerdesk doctor` says what is wrong."


class Unanswered(BotError):
    """There is no answer, for the reason given."""


class Kind(StrEnum):
    """What is wanted."""

    ASK = "ask"
    SEARCH = "search"
    SUGGEST = "suggest"
    TEACH = "teach"


@dataclass(frozen=True, slots=True)
class Finding:
    """A passage of the company's documents."""

    passage: Passage
    internal: bool
    """Whether customers must not see it."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The assistant's answer to a member of the staff."""

    answer: Answer
    internal: Sequence[str] = ()
    """The cited passages that customers must not see."""


Search = Callable[[str, str, Audience, int], Awaitable[Found]]
"""Finds so many passages of a company for a text: `retrieval.search.Search.search`."""

_ADVICE = TypeAdapter(Advice)
_LESSON, _TAUGHT = TypeAdapter(Lesson), TypeAdapter(Taught)
_FINDINGS = TypeAdapter(list[Finding])


class Consulting:
    """Asks, from any process. All methods raise `Unanswered` and `retrieval.errors.StoreUnavailable`."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    async def ask(self, company: str, text: str, language: str = "") -> AsyncGenerator[Draft | Advice, None]:
        """Any number of drafts, then the advice. Closing the generator stops the work."""
        async with aclosing(self._follow(Consultation(company, _new(), Kind.ASK, text, language=language))) as steps:
            async for consultation in steps:
                yield _ADVICE.validate_python(consultation.result) if consultation.result else Draft(consultation.draft)

    async def search(self, company: str, text: str) -> Sequence[Finding]:
        """The passages that are likeliest to answer this."""
        return _FINDINGS.validate_python(await self._result(Consultation(company, _new(), Kind.SEARCH, text)))

    async def suggest(self, company: str, conversation: str, hint: str = "") -> None:
        """Make another suggestion for the conversation's case, heeding the hint."""
        await self._result(Consultation(company, _new(), Kind.SUGGEST, hint, conversation))

    async def teach(self, company: str, lesson: Lesson) -> Taught:
        """Have an answer approved by a person; or hear what speaks against it."""
        text = _LESSON.dump_json(lesson).decode()
        return _TAUGHT.validate_python(await self._result(Consultation(company, _new(), Kind.TEACH, text)))

    async def _result(self, asked: Consultation) -> Any:
        async with aclosing(self._follow(asked)) as steps:
            async for step in steps:
                result = step.result
        return result

    async def _follow(self, asked: Consultation) -> AsyncGenerator[Consultation, None]:
        """The consultation whenever there is more of it, until it has its result."""
        seen = asked
        clock = asyncio.get_running_loop().time
        deadline = clock() + UNTAKEN_SECONDS
        with _told(self._database, "consultation", asked.id) as news:
            await self._database.write(store.add, asked, self._now())
            try:
                while seen.result is None:
                    if clock() > deadline:
                        raise Unanswered(NO_WORKER if seen.state is State.NEW else UNFINISHED)
                    await _wait(news)
                    before, seen = seen, await self._database.read(store.get, asked.company, asked.id)
                    if before.state is State.NEW and seen.state is not State.NEW:
                        deadline = clock() + LONGEST_SECONDS
                    if seen.problem:
                        raise Unanswered(seen.problem)
                    if seen.result is not None or seen.draft != before.draft:
                        yield seen
            finally:
                await asyncio.shield(self._database.write(store.abandon, asked))


class Consultant:
    """Answers what staff ask; runs where the models are."""

    def __init__(
        self, database: Database, answer: Answerer, search: Search, suggesting: Suggesting, teaching: Teaching
    ) -> None:
        self._database = database
        self._teaching = teaching
        self._answer = answer
        self._suggesting = suggesting
        self._search = search
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until `stop`; what is under way then is broken off, and its asker is told to ask again."""
        with _told(self._database, "consultation-new") as news:
            async with asyncio.TaskGroup() as tasks:
                while not self._stopping:
                    if len(self._running) < AT_ONCE and (consultation := await self._take()):
                        task = tasks.create_task(self._work(consultation), name=f"consultation {consultation.id}")
                        self._running.add(task)
                        task.add_done_callback(self._running.discard)
                        task.add_done_callback(lambda _: news.set())
                    else:
                        await _wait(news)
                for task in self._running:
                    task.cancel()

    def stop(self) -> None:
        """Take nothing more."""
        self._stopping = True

    async def _take(self) -> Consultation | None:
        try:
            waits = await self._database.read(store.waits)
            return await self._database.write(store.take) if waits else None
        except StoreUnavailable as error:
            log.warning("What staff ask can't be read: %s", error)
            return None

    async def _work(self, consultation: Consultation) -> None:
        result, problem = None, UNFINISHED
        carry_out = {
            Kind.ASK: self._advise,
            Kind.SEARCH: self._find,
            Kind.SUGGEST: self._suggest,
            Kind.TEACH: self._teach,
        }
        try:
            about = {"answerdesk.company": consultation.company, "answerdesk.kind": consultation.kind}
            with span("consult", about):
                async with asyncio.timeout(LONGEST_SECONDS):
                    result = await carry_out[Kind(consultation.kind)](consultation)
        except UsageError as error:
            problem = str(error)
        except Exception:
            log.exception("Consultation %s failed", consultation.id)
        finally:
            await asyncio.shield(self._finish(consultation, result, problem if result is None else ""))

    async def _finish(self, consultation: Consultation, result: Any, problem: str) -> None:
        try:
            await self._database.write(store.finish, consultation, result, problem)
        except StoreUnavailable as error:
            log.warning("The answer to what staff asked is lost: %s", error)

    async def _advise(self, consultation: Consultation) -> Any:
        question = Question(consultation.company, consultation.text, Audience.INTERNAL, consultation.language)
        loop, written = asyncio.get_running_loop(), 0.0
        async with aclosing(self._answer(question)) as steps:  # type: ignore[type-var]
            async for step in steps:
                if isinstance(step, Answer):
                    cited = [each.passage for each in step.citations]
                    return _ADVICE.dump_python(Advice(step, await self._internal(consultation, cited)), mode="json")
                if loop.time() - written >= SKETCH_SECONDS:
                    written = loop.time()
                    if not await self._database.write(store.sketch, consultation, step.text):
                        return None
        return None

    async def _find(self, consultation: Consultation) -> Any:
        found = await self._search(consultation.company, consultation.text, Audience.INTERNAL, FINDINGS)
        internal = await self._internal(consultation, [each.passage.id for each in found.passages])
        findings = [Finding(each.passage, each.passage.id in internal) for each in found.passages]
        return _FINDINGS.dump_python(findings, mode="json")

    async def _suggest(self, consultation: Consultation) -> Any:
        await self._suggesting.suggest(consultation.company, consultation.conversation, consultation.text)
        return True

    async def _teach(self, consultation: Consultation) -> Any:
        lesson = _LESSON.validate_json(consultation.text)
        return _TAUGHT.dump_python(await self._teaching.teach(consultation.company, lesson), mode="json")

    async def _internal(self, consultation: Consultation, passages: Collection[str]) -> list[str]:
        """Those that aren't public, or are gone already."""
        public = [
            each
            for each in passages
            if await self._database.read(documents.passage, consultation.company, Audience.PUBLIC, each)
        ]
        return sorted(set(passages) - set(public))


def _new() -> str:
    return uuid.uuid4().hex


@contextmanager
def _told(database: Database, topic: str, only: str = "") -> Iterator[asyncio.Event]:
    """An event that is set whenever something is announced."""
    news = asyncio.Event()
    unlisten = database.listen(topic, lambda payload: news.set() if only in ("", payload) else None)
    try:
        yield news
    finally:
        unlisten()


async def _wait(news: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(news.wait(), POLL_SECONDS)
    except TimeoutError:
        return
    news.clear()
