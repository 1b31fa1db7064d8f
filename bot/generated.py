"""The generated answerer: a model writes, and each sentence is shown only once it is verified."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import date

from bot.citing import CitationMachine, Cited, Numbering
from bot.domain import Answer, Citation, Draft, Outcome, Question, Reason
from bot.extracting import cite
from bot.prompt import NOT_IN_DOCUMENTS, build_prompt, cache_salt, select_passages
from bot.verifying import verify
from llm.chat import ChatModel
from retrieval.passages import Audience, Found, Passage

log = logging.getLogger(__name__)


class Generating:
    """Answers with sentences that a model writes and the passages support.

    `voices` is how each company sounds, by its id; `version` tells the version of a company's knowledge for an
    audience; `needs` is the least confidence in the passages with which the model is worth asking.
    """

    def __init__(
        self,
        model: ChatModel,
        voices: Mapping[str, str],
        version: Callable[[str, Audience], Awaitable[int]],
        *,
        needs: float = 0.3,
        today: Callable[[], date] = date.today,
    ) -> None:
        self.needs = needs
        self._model = model
        self._voices = voices
        self._version = version
        self._today = today

    async def answer(self, question: Question, found: Found) -> AsyncGenerator[Draft | Answer, None]:
        """Yield a draft with each verified sentence, then the answer: a handoff, without a text, if none was.

        Raises ModelError when the stream breaks; the drafts are void then, as half an answer may mislead.
        """
        passages = select_passages(found)
        version = await self._version(question.company, question.audience)
        prompt = build_prompt(
            question, passages, voice=self._voices.get(question.company, ""), version=version, today=self._today()
        )
        answer = _Verified(passages)
        async with aclosing(self._model.stream(prompt, salt=cache_salt(question))) as deltas:
            async for delta in deltas:
                if await answer.add(answer.machine.feed(delta)):
                    yield Draft(answer.text)
                if answer.declined:
                    break
        if not answer.declined:
            await answer.add(answer.machine.finish())
        yield answer.conclude(question, found.confidence)


class _Verified:
    """The answer so far: only what was verified."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.machine = CitationMachine(len(passages))
        self.text = ""
        self.declined = False
        """Whether the model said that the passages don't answer, before it said anything that they support."""
        self._passages = passages
        self._numbering = Numbering()
        self._said: set[str] = set()

    async def add(self, sentences: Sequence[Cited]) -> bool:
        """Take in sentences; return whether there is more to show."""
        before = self.text
        for sentence in sentences:
            if NOT_IN_DOCUMENTS in sentence.plain:
                self.declined = not self.text
                break
            if sentence.plain not in self._said and await asyncio.to_thread(self._is_verified, sentence):
                self.text = (self.text + self._numbering.show(sentence)).lstrip()
            self._said.add(sentence.plain)
        return self.text != before

    def conclude(self, question: Question, confidence: float) -> Answer:
        """Make the answer of what was verified."""
        if not self.text:
            reason = Reason.NOT_COVERED if self.declined else Reason.NOTHING_VERIFIED
            return Answer(Outcome.HANDOFF, "", confidence, question.language, reason=reason)
        return Answer(Outcome.ANSWERED, self.text, confidence, question.language, citations=self._citations())

    def _is_verified(self, sentence: Cited) -> bool:
        verdict = verify(sentence.plain, [self._passages[source - 1] for source in sentence.sources])
        if verdict.flaw:
            log.info("withheld a sentence: %s", verdict.flaw)
        return verdict.supported

    def _citations(self) -> tuple[Citation, ...]:
        sources = enumerate(self._numbering.sources, 1)
        return tuple(cite(self._passages[source - 1], number) for number, source in sources)
