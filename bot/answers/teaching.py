"""A person's answer becomes an approved one: looked at for what shouldn't be said to everybody, then kept."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.answers.approved import APPROVED, approve
from bot.answers.contradictions import contradiction
from bot.domain import Author, Question
from bot.ports import Kind as MessageKind
from bot.storage import conversations
from bot.verification.facts import Fact, Kind, facts_of
from bot.verification.sentences import split_sentences
from llm.embeddings import Embedder
from llm.errors import UsageError
from retrieval import store
from retrieval.database import Database
from retrieval.errors import DocumentError
from retrieval.language import detect_language
from retrieval.passages import Audience, Found, Passage

NEAR = 8
"""Passages that a new answer is compared with."""
LONGEST_QUESTION, LONGEST_ANSWER = 500, 4_000
SHORTEST_NAME = 3
FEWEST_WORDS = 4
"""Of a sentence that stands in an internal document by no chance."""
_PERSONAL = {
    Kind.EMAIL: "an e-mail address",
    Kind.PHONE: "a phone number",
    Kind.CODE: "an order or customer number",
    Kind.DATE: "a date",
}
_MARKER = re.compile(r"[ \t]*\[\d{1,2}\]")
_DIGITS = 6
"""A number with so many is somebody's, as long as no document has it."""

Search = Callable[[str, str, Audience, int], Awaitable[Found]]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be answered from now on."""

    question: str
    answer: str
    audience: Audience = Audience.PUBLIC
    customer: str = ""
    """The name of who asked, which is for nobody else."""
    replaces: str = ""
    """The approved answer that this one takes the place of, by id."""
    sure: bool = False
    """Whether the person who approves it has read the doubts, and wants it kept."""


class Matter(StrEnum):
    """What a doubt is about."""

    PERSONAL = "personal"
    """Something about one customer."""
    CONTRADICTS = "contradicts"
    """Another document says otherwise."""
    INTERNAL = "internal"
    """Customers would read what stands in a document for staff."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an answer should be looked at once more."""

    matter: Matter
    says: str
    """In words for the person who approves it."""


@dataclass(frozen=True, slots=True)
class Taught:
    """What came of a lesson: the document it is kept as, or the doubts for which it isn't yet."""

    document: str = ""
    doubts: Sequence[Doubt] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """An approved answer as it stands."""

    document: str
    question: str
    answer: str
    audience: Audience
    changed: float
    """Seconds since the epoch, UTC."""


class Teaching:
    """Takes lessons in; runs where the models are."""

    def __init__(self, database: Database, embedder: Embedder, search: Search) -> None:
        self._database = database
        self._embedder = embedder
        self._search = search

    async def teach(self, company: str, lesson: Lesson) -> Taught:
        """Keep the answer; or say what speaks against it, unless the person is sure.

        Raises `UsageError` for what can't be kept, and `StoreUnavailable`.
        """
        question, answer = lesson.question.strip(), lesson.answer.strip()
        if not question or not answer:
            raise UsageError("Both a question and an answer are needed.")
        if len(question) > LONGEST_QUESTION or len(answer) > LONGEST_ANSWER:
            raise UsageError(f"A question has {LONGEST_QUESTION} characters at most, an answer {LONGEST_ANSWER:,}.")
        if not lesson.sure and (doubts := await self._doubts(company, lesson)):
            return Taught(doubts=doubts)
        if lesson.replaces and await self._is_for_others(company, lesson):
            await remove(self._database, company, lesson.replaces)
        try:
            kept = await approve(self._database, self._embedder, Question(company, question, lesson.audience), answer)
        except DocumentError as error:
            raise UsageError(f"{error} Remove that answer first, or word the question otherwise.") from None
        if any(each.document == lesson.replaces != kept.id for each in await known_answers(self._database, company)):
            await remove(self._database, company, lesson.replaces)
        return Taught(kept.id)

    async def _personal(self, company: str, lesson: Lesson, known: Sequence[Passage]) -> list[Doubt]:
        """What is true of one customer only: their name, and addresses, numbers and dates that stand in no document."""
        said = f"{lesson.question}\n{lesson.answer}"
        folded = {word.strip(".,!?:;").casefold() for word in said.split()}
        names = [name for name in lesson.customer.split() if len(name) >= SHORTEST_NAME and name.casefold() in folded]
        doubts = [Doubt(Matter.PERSONAL, f"It holds the customer's name: {' '.join(names)}.")] if names else []
        for fact in facts_of(said):
            if (what := _described(fact.kind, fact.written)) and not _states(fact, known):
                near = await self._search(company, fact.written, Audience.INTERNAL, NEAR)
                if not _states(fact, [each.passage for each in near.passages]):
                    written = fact.written.strip()
                    doubts.append(Doubt(Matter.PERSONAL, f"It holds {what} that no document states: {written}."))
        return doubts

    async def _is_for_others(self, company: str, lesson: Lesson) -> bool:
        """Whether what is replaced has another audience: a question can't be answered for both."""
        known = await known_answers(self._database, company)
        return any(each.document == lesson.replaces and each.audience is not lesson.audience for each in known)

    async def _doubts(self, company: str, lesson: Lesson) -> list[Doubt]:
        found = await self._search(company, f"{lesson.question}\n{lesson.answer}", Audience.INTERNAL, NEAR)
        others = [each.passage for each in found.passages if each.passage.document != lesson.replaces]
        public = await self._database.read(store.passages_by_id, company, Audience.PUBLIC, [each.id for each in others])
        internal = [each for each in others if each.id not in public]
        known = list(public.values()) if lesson.audience is Audience.PUBLIC else others
        doubts = [*await self._personal(company, lesson, others), *_contradictions(lesson, known)]
        return [*doubts, *_given_away(lesson, internal)] if lesson.audience is Audience.PUBLIC else doubts


async def lesson_of(database: Database, company: str, conversation: str, seq: int) -> Lesson | None:
    """What would be kept of a reply of the staff or the bot: its words, and the customer's before it.

    None where there is no such reply. Raises `StoreUnavailable`.
    """
    held = await database.read(conversations.get, company, conversation)
    messages = await database.read(conversations.transcript, company, conversation)
    reply = next((each for each in messages if each.seq == seq and each.author in (Author.PERSON, Author.BOT)), None)
    if held is None or reply is None:
        return None
    before = [each for each in messages if each.seq < seq and each.kind is MessageKind.MESSAGE and each.text]
    question = next((each.text for each in reversed(before) if each.author is Author.CUSTOMER), "")
    return Lesson(question[:LONGEST_QUESTION], _MARKER.sub("", reply.text), customer=held.customer)


async def known_answers(database: Database, company: str) -> list[Known]:
    """The approved answers, newest first. Raises `StoreUnavailable`."""
    held = [each for each in await database.read(store.list_documents, company) if each.source.startswith(APPROVED)]
    found: list[Known] = []
    for document in sorted(held, key=lambda document: -document.updated_at):
        passages = await database.read(store.passages_of_document, company, document.audience, document.id)
        about = document.audience, document.updated_at
        found += [Known(document.id, each.question, each.text, *about) for each in passages]
    return found


async def remove(database: Database, company: str, document: str) -> None:
    """Take an approved answer back. Raises `UsageError` where it is none, and `StoreUnavailable`."""
    if not any(each.document == document for each in await known_answers(database, company)):
        raise UsageError("There is no such answer any more: somebody has removed it.")
    await database.write(store.remove_document, company, document)


def _states(fact: Fact, passages: Sequence[Passage]) -> bool:
    """Whether any of the passages says the same."""
    return any(fact.values & other.values for each in passages for other in facts_of(f"{each.question}\n{each.text}"))


def _described(kind: Kind, written: str) -> str:
    if kind is Kind.NUMBER:
        return "a number" if sum(map(str.isdigit, written)) >= _DIGITS else ""
    return _PERSONAL.get(kind, "")


def _contradictions(lesson: Lesson, known: Sequence[Passage]) -> Iterator[Doubt]:
    """The same question with another answer, and sentences that state other values."""
    language = detect_language(lesson.question)
    entry = Passage("#0", "", 0, lesson.question, lesson.answer, lesson.question, language=language)
    prose = Passage("#0", "", 0, lesson.question, lesson.answer, language=detect_language(lesson.answer))
    for each in known:
        if values := contradiction(entry if each.is_entry else prose, each):
            yield Doubt(Matter.CONTRADICTS, f"{each.title or each.document} says otherwise: “{values[1]}”")


def _given_away(lesson: Lesson, internal: Sequence[Passage]) -> Iterator[Doubt]:
    for sentence in split_sentences(lesson.answer):
        words = " ".join(sentence.casefold().split()).rstrip(".!?。！？")
        source = next((each for each in internal if words in " ".join(each.text.casefold().split())), None)
        if source and len(words.split()) >= FEWEST_WORDS:
            name = source.title or source.document
            yield Doubt(Matter.INTERNAL, f"Customers would read what stands in {name}, for staff only: “{sentence}”")
