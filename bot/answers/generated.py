"""The generated answerer: a model writes, and each sentence is shown only once it is verified."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import date

from bot import metrics
from bot.answers.premises import false_premise
from bot.answers.prompt import Prompt, Setting, cache_salt, fit_prompt
from bot.answers.retrying import asked_again
from bot.answers.speaking import languages_wanted
from bot.answers.verified import Verified, Withheld
from bot.domain import Answer, Draft, Question
from bot.texts import text
from bot.verification.verifying import Wanted
from llm.chat import ChatMessage, ChatModel
from llm.embeddings import Embedder
from llm.errors import BrokenOff
from retrieval.passages import Audience, Found, Passage

log = logging.getLogger(__name__)

ATTEMPTS = 2


class Generating:
    """Answers with sentences that a model writes and the passages support.

    `voices` is how each company sounds, by its id; `version` tells the version of a company's knowledge for an
    audience, and `passages` its passages by id; the `embedder` compares meanings across languages;
    `needs` is the least confidence with which the model is worth asking. When nothing of an answer was verified within
    `again_within` seconds, it is written once more, with the reasons.
    """

    def __init__(
        self,
        model: ChatModel,
        voices: Mapping[str, str],
        version: Callable[[str, Audience], Awaitable[int]],
        passages: Callable[[str, Audience, Sequence[str]], Awaitable[Mapping[str, Passage]]],
        *,
        embedder: Embedder | None = None,
        needs: float = 0.3,
        again_within: float = 8.0,
        today: Callable[[], date] = date.today,
    ) -> None:
        self.needs = needs
        self._embedder = embedder
        self._again_within = again_within
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
        wanted = Wanted(question.text, languages_wanted(question))
        clock = asyncio.get_running_loop().time
        begun, messages = clock(), prompt.messages
        withheld: list[Withheld] = []
        for attempt in range(ATTEMPTS):
            is_last = attempt == ATTEMPTS - 1
            answer = Verified(prompt.passages, wanted, self._embedder)
            try:
                async with aclosing(self._write(messages, question, answer)) as drafts:
                    async for draft in drafts:
                        yield draft
            except BrokenOff as error:
                if is_last:
                    raise
                log.warning("the answer is written anew: %s", error)
                continue
            withheld += answer.withheld
            for each in answer.withheld:
                metrics.withheld.add(1, {"company": question.company, "reason": each.verdict.flaw or ""})
            if answer.text or answer.declined or is_last or clock() - begun > self._again_within:
                break
            log.info("nothing of %d sentences was verified: the answer is written anew", len(answer.withheld))
            messages = asked_again(prompt.messages, answer.written, answer.withheld)
        if correction := false_premise(question.text, prompt.passages):
            answer.correct(correction, text("according_to_documents", question.language))
        evidence = [passage.id for passage in prompt.new]
        yield replace(
            answer.conclude(question, found.confidence), evidence=evidence, explanation={"withheld": _told(withheld)}
        )

    async def _prompt(self, question: Question, found: Found) -> Prompt:
        company, audience = question.company, question.audience
        ids = [passage for turn in question.history for passage in turn.evidence]
        given = await self._passages(company, audience, ids) if ids else {}
        setting = Setting(self._voices.get(company, ""), await self._version(company, audience), self._today())
        return await fit_prompt(question, found, given, setting, self._model)

    async def _write(
        self, messages: Sequence[ChatMessage], question: Question, answer: Verified
    ) -> AsyncGenerator[Draft, None]:
        """Have the answer written; a draft for each sentence that is verified."""
        stream = self._model.stream(
            messages, salt=cache_salt(question), affinity=question.conversation, began=question.began
        )
        async with aclosing(stream) as deltas:
            async for delta in deltas:
                if await answer.feed(delta):
                    yield Draft(answer.text)
                if answer.declined:
                    break
        await answer.finish()


def _told(withheld: Sequence[Withheld]) -> list[dict[str, str]]:
    """What was not shown and why, for those who look the answer up."""
    return [
        {"sentence": each.sentence, "flaw": each.verdict.flaw or "", "detail": each.verdict.detail} for each in withheld
    ]
