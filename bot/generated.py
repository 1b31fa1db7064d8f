"""The generated answerer: a model writes, and each sentence is shown only once it is verified."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import date

from bot.citing import CitationMachine, Cited, Numbering
from bot.domain import Answer, Citation, Draft, Outcome, Question, Reason
from bot.extracting import cite
from bot.prompt import NOT_IN_DOCUMENTS, Prompt, Setting, cache_salt, fit_prompt
from bot.verifying import verify
from llm.chat import ChatModel
from llm.errors import BrokenOff
from retrieval.passages import Audience, Found, Passage

log = logging.getLogger(__name__)


class Generating:
    """Answers with sentences that a model writes and the passages support.

    `voices` is how each company sounds, by its id; `version` tells the version of a company's knowledge for an
    audience, and `passages` its passages by id; `needs` is the least confidence with which the model is worth asking.
    """

    def __init__(
        self,
        model: ChatModel,
        voices: Mapping[str, str],
        version: Callable[[str, Audience], Awaitable[int]],
        passages: Callable[[str, Audience, Sequence[str]], Awaitable[Mapping[str, Passage]]],
        *,
        needs: float = 0.3,
        today: Callable[[], date] = date.today,
    ) -> None:
        self.needs = needs
        self._model = model
        self._voices = voices
        self._version = version
        self._passages = passages
        self._today = today

    async def answer(self, question: Question, found: Found) -> AsyncGenerator[Draft | Answer, None]:
        """Yield a draft with each verified sentence, then the answer: a handoff, without a text, if none was.

        Raises ModelError when the stream breaks; the drafts are void then, as half an answer may mislead.
        """
        prompt = await self._prompt(question, found)
        try:
            async with aclosing(self._write(prompt, question, found.confidence)) as steps:
                async for step in steps:
                    yield step
            return
        except BrokenOff as error:
            log.warning("the answer is written anew: %s", error)
        async with aclosing(self._write(prompt, question, found.confidence)) as steps:
            async for step in steps:
                yield step

    async def _prompt(self, question: Question, found: Found) -> Prompt:
        company, audience = question.company, question.audience
        ids = [passage for turn in question.history for passage in turn.evidence]
        given = await self._passages(company, audience, ids) if ids else {}
        setting = Setting(self._voices.get(company, ""), await self._version(company, audience), self._today())
        return await fit_prompt(question, found, given, setting, self._model)

    async def _write(
        self, prompt: Prompt, question: Question, confidence: float
    ) -> AsyncGenerator[Draft | Answer, None]:
        answer = _Verified(prompt.passages)
        stream = self._model.stream(
            prompt.messages, salt=cache_salt(question), affinity=question.conversation, began=question.began
        )
        async with aclosing(stream) as deltas:
            async for delta in deltas:
                if await answer.add(answer.machine.feed(delta)):
                    yield Draft(answer.text)
                if answer.declined:
                    break
        if not answer.declined:
            await answer.add(answer.machine.finish())
        yield replace(answer.conclude(question, confidence), evidence=[passage.id for passage in prompt.new])


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
