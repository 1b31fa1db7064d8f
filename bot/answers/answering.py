"""From a question to an answer, a question back, or a person.

What the documents don't cover is never answered. What they do is answered by one of two answerers behind one interface:
the generated one where a model is configured, else the extractive one, which also steps in when the model fails.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

from bot.answers.approved import APPROVED
from bot.answers.contradictions import Standing, about, in_dispute, settle
from bot.answers.following import Following
from bot.domain import Answer, Dispute, Draft, Outcome, Question, Reason, Suggestion
from bot.intents import asks_for_person, phrase_language, small_talk
from bot.settings import AnsweringSettings
from bot.texts import text
from bot.verification.orders import without_orders
from llm.chat import ChatModel
from llm.errors import ModelError
from retrieval import store
from retrieval.language import detect_language
from retrieval.passages import Audience, Found, Passage
from retrieval.search import Search

log = logging.getLogger(__name__)

MOST_CHARACTERS = 4_000
"""A longer question is no question, and isn't read any further."""
PASSAGES = 8
"""Passages an answerer gets to see."""
MOST_SUGGESTIONS = 3
LONGEST_SUGGESTION = 90
"""In characters: it has to fit on a button."""

HANDOFF_TEXTS = {
    Reason.NOT_COVERED: "handed_over_not_covered",
    Reason.UNSURE: "handed_over_unsure",
    Reason.NOTHING_VERIFIED: "handed_over_unsure",
    Reason.ASKED_FOR_PERSON: "handed_over_asked",
    Reason.FILE: "handed_over_file",
    Reason.NO_DOCUMENTS: "handed_over_no_documents",
    Reason.FAILED: "handed_over_failed",
    Reason.RULE: "handed_over_rule",
    Reason.ANGRY: "handed_over_angry",
    Reason.REPEATED: "handed_over_repeated",
}


class Answerer(Protocol):
    """Makes an answer from passages that are likely to hold it."""

    @property
    def needs(self) -> float:
        """The least confidence in the passages with which it may be asked."""
        ...

    def answer(self, question: Question, found: Found) -> AsyncGenerator[Draft | Answer, None]:
        """Drafts, each in place of the one before, and at last exactly one answer.

        Raises `ModelError` when it can't finish: what it showed is then void.
        """
        ...


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers questions of any company."""

    search: Search
    answerers: Sequence[Answerer]
    """In order of preference; the next one steps in when one fails."""
    settings: AnsweringSettings = field(default_factory=AnsweringSettings)
    languages: Mapping[str, str] = field(default_factory=dict)
    """By company: where a question's language can't be told. English where it isn't said."""
    model: ChatModel | None = None
    """What puts follow-up questions into words that can be understood by themselves; rules do where there is none."""

    async def answer(self, question: Question) -> AsyncGenerator[Draft | Answer, None]:
        """Drafts, and at last exactly one answer with its text in the customer's language and its timings."""
        clock = _Clock()
        began = asyncio.get_running_loop().time()
        asked = replace(question, language=self._language(question), began=question.began or began)
        if settled := _without_search(asked):
            yield clock.finish(settled)
            return
        if asked.hint:
            asked = replace(asked, text=f"{asked.text}\n{asked.hint}")
        following = Following(self.search, self.model, self.settings.answers_from)
        found = without_orders(await following.find(asked, PASSAGES))
        found, disputes = await self._settled(asked, found)
        clock.note("retrieval")
        async with aclosing(self._answer(asked, found)) as steps:
            async for step in steps:
                clock.note("first_text")
                if isinstance(step, Answer):
                    said = self._explained(_with_disputes(_told(asked, step), disputes), found)
                    yield clock.finish(await self._with_proposal(asked, found, said))
                else:
                    yield step

    def _language(self, question: Question) -> str:
        return phrase_language(question.text[:MOST_CHARACTERS]) or detect_language(
            question.text, default=question.language or self.languages.get(question.company, "en")
        )

    async def _answer(self, question: Question, found: Found) -> AsyncGenerator[Draft | Answer, None]:
        """What the first answerer says that may be asked and does not fail; else a question back, or a person."""
        if not found.passages:
            yield hand_over(question, Reason.NO_DOCUMENTS)
            return
        # What stands word for word in a FAQ needs nobody to put it into words: the last answerer quotes.
        is_clear = _is_clear_entry(question, found, self.settings.verbatim_above)
        for answerer in reversed(self.answerers) if is_clear else self.answerers:
            if found.confidence < answerer.needs:
                continue
            try:
                async with aclosing(answerer.answer(question, found)) as steps:
                    async for step in steps:
                        yield step
            except ModelError as error:
                log.warning("%s could not answer: %s", type(answerer).__name__, error)
            else:
                return
        yield self._clarify(question, found)

    async def _settled(self, question: Question, found: Found) -> tuple[Found, list[Dispute]]:
        """What was found, without what better passages contradict."""
        passages = [each.passage for each in found.passages]
        names = await asyncio.to_thread(in_dispute, passages)
        if not names:
            return found, []
        standings = {}
        for name in names:
            for audience in Audience:
                document = await self.search.database.read(store.document, question.company, audience, name)
                if document:
                    standings[name] = Standing(document.updated_at, document.source.startswith(APPROVED))
        return await asyncio.to_thread(settle, found, standings)

    async def _with_proposal(self, question: Question, found: Found, answer: Answer) -> Answer:
        """What is no answer, with the best that could have been said: staff may find it good enough."""
        if answer.outcome is Outcome.ANSWERED or not found.passages:
            return answer
        try:
            said = [step async for step in self.answerers[-1].answer(question, found) if isinstance(step, Answer)]
        except ModelError as error:
            log.warning("nothing can be proposed: %s", error)
            return answer
        best = next((each for each in said if each.outcome is Outcome.ANSWERED), None)
        proposal = Suggestion(best.text, best.citations, best.confidence, question.hint) if best else None
        return replace(answer, proposal=proposal)

    def _explained(self, answer: Answer, found: Found) -> Answer:
        """The answer with what it was made from, for those who look it up."""
        seen = [
            {
                "passage": each.passage.id,
                "score": round(each.score, 4),
                "cosine": round(each.cosine, 4),
                "keyword": round(each.keyword, 4),
            }
            for each in found.passages
        ]
        made_from = {
            "query": found.query,
            "passages": seen,
            "signals": asdict(found.signals),
            "thresholds": {"answer": self.settings.answers_from, "clarify": self.settings.clarify_above},
        }
        return replace(answer, explanation={**made_from, **answer.explanation})

    def _clarify(self, question: Question, found: Found) -> Answer:
        suggestions = _suggestions(found, question.language)
        if found.confidence < self.settings.clarify_above or not suggestions:
            return hand_over(question, Reason.NOT_COVERED, found.confidence)
        said = text("clarify", question.language)
        return Answer(Outcome.CLARIFY, said, found.confidence, question.language, (), Reason.UNSURE, suggestions)


def hand_over(question: Question, reason: Reason, confidence: float = 0.0) -> Answer:
    """An answer that is none: a person will."""
    said = text(HANDOFF_TEXTS[reason], question.language)
    return Answer(Outcome.HANDOFF, said, confidence, question.language, reason=reason)


def _without_search(question: Question) -> Answer | None:
    """Messages that no document is needed for."""
    if asks_for_person(question.text[:MOST_CHARACTERS]):
        return hand_over(question, Reason.ASKED_FOR_PERSON, 1.0)
    if kind := small_talk(question.text):
        return Answer(Outcome.ANSWERED, text(f"{kind}_reply", question.language), 1.0, question.language)
    if not question.text.strip():
        return Answer(Outcome.CLARIFY, text("clarify_rephrase", question.language), 1.0, question.language)
    if len(question.text) > MOST_CHARACTERS:
        return Answer(Outcome.CLARIFY, text("too_long", question.language), 1.0, question.language)
    return None


def _with_disputes(answer: Answer, disputes: Sequence[Dispute]) -> Answer:
    """An answer that says so where the documents differ on what it stands on."""
    mine = about(disputes, [citation.passage for citation in answer.citations])
    if answer.outcome is not Outcome.ANSWERED or not mine:
        return answer
    note = text(f"documents_differ_{mine[0].ruling}", answer.language)
    return replace(answer, text=f"{answer.text}\n\n{note}", disputes=tuple(mine))


def _is_clear_entry(question: Question, found: Found, above: float) -> bool:
    best = found.passages[0].passage
    return found.confidence >= above and best.is_entry and best.language == question.language


def _suggestions(found: Found, language: str) -> tuple[str, ...]:
    """What the documents do say something about: the nearest, then what is in the customer's language."""
    nearest, *others = (each.passage for each in found.passages)
    ordered = [nearest, *sorted(others, key=lambda passage: passage.language != language)]
    topics = (passage.question or _topic(passage) for passage in ordered)
    return tuple(dict.fromkeys(topic for topic in topics if 0 < len(topic) <= LONGEST_SUGGESTION))[:MOST_SUGGESTIONS]


def _topic(passage: Passage) -> str:
    """The heading right above prose; rows of a table have none that tells them apart."""
    return passage.heading.rpartition(" > ")[2] if passage.location.row is None else ""


def _told(question: Question, answer: Answer) -> Answer:
    """A handoff that an answerer decided on, with the words for the customer."""
    if answer.outcome is not Outcome.HANDOFF or answer.text:
        return answer
    told = hand_over(question, answer.reason or Reason.UNSURE, answer.confidence)
    return replace(told, explanation=answer.explanation)


class _Clock:
    """Milliseconds from the question on."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._noted: dict[str, float] = {}

    def note(self, name: str) -> None:
        """Note a moment, once."""
        self._noted.setdefault(name, self._elapsed())

    def finish(self, answer: Answer) -> Answer:
        """The answer with `retrieval`, `first_text` and `total`; what was not noted came with the end."""
        total = self._elapsed()
        timings = {"retrieval": 0.0, "first_text": total} | self._noted | {"total": total}
        return replace(answer, timings_ms=timings)

    def _elapsed(self) -> float:
        return round((time.perf_counter() - self._start) * 1000, 1)
