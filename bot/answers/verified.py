"""The answer so far as the customer may see it: only sentences that were verified, each citing what it stands on."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.answers.citing import CitationMachine, Cited, Numbering
from bot.answers.extracting import cite
from bot.answers.premises import Correction
from bot.answers.prompt import NOT_IN_DOCUMENTS
from bot.domain import Answer, Citation, Manner, Outcome, Question, Reason
from bot.verification.likening import Likening
from bot.verification.verifying import Flaw, Verdict, Wanted, verify, without_verdict
from llm.embeddings import Embedder
from llm.telemetry import span
from retrieval.passages import Passage

log = logging.getLogger(__name__)

MOST_CITED = 3
"""A sentence that cites more passages names none."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A sentence that is not shown."""

    sentence: str
    verdict: Verdict


class Verified:
    """Takes in what a model writes to these passages, sentence by sentence."""

    def __init__(self, passages: Sequence[Passage], wanted: Wanted, embedder: Embedder | None = None) -> None:
        self.written = ""
        """All that the model wrote: never shown."""
        self.text = ""
        self.declined = False
        """Whether the model said that the passages don't answer, before it said anything that they support."""
        self.withheld: list[Withheld] = []
        self._machine = CitationMachine(len(passages))
        self._passages = passages
        self._wanted = wanted
        self._likening = Likening(embedder) if embedder else None
        self._numbering = Numbering()
        self._said: set[str] = set()

    async def feed(self, delta: str) -> bool:
        """Take in what the model wrote next; return whether there is more to show."""
        self.written += delta
        return await self._add(self._machine.feed(delta))

    async def finish(self) -> None:
        """Take in that the model wrote no more."""
        if not self.declined:
            await self._add(self._machine.finish())

    async def _add(self, sentences: Sequence[Cited]) -> bool:
        before = self.text
        for sentence in sentences:
            if NOT_IN_DOCUMENTS in sentence.plain:
                self.declined = not self.text
                break
            if sentence.plain in self._said:
                continue
            with span("verify a sentence"):
                shown = await asyncio.to_thread(self._verified, sentence)
            if shown:
                self.text = (self.text + self._numbering.show(shown)).lstrip()
            self._said.add(sentence.plain)
        return self.text != before

    def correct(self, correction: Correction, lead: str) -> None:
        """Put what the passage says before an answer that lets a false premise stand."""
        if self.text and not correction.is_made_by(self.text) and correction.passage in self._passages:
            source = self._passages.index(correction.passage) + 1
            stated = self._numbering.show(Cited("", f"{correction.stated} [{source}]", (source,)))
            self.text = f"{lead} {stated}\n\n{self.text}"

    def conclude(self, question: Question, confidence: float) -> Answer:
        """Make the answer of what was verified: a handoff without a text when nothing was."""
        if not self.text:
            reason = Reason.NOT_COVERED if self.declined else Reason.NOTHING_VERIFIED
            return Answer(Outcome.HANDOFF, "", confidence, question.language, reason=reason)
        cited, manner = self._citations(), Manner.WRITTEN
        return Answer(Outcome.ANSWERED, self.text, confidence, question.language, citations=cited, manner=manner)

    def _verified(self, sentence: Cited) -> Cited | None:
        """The sentence as it may be shown; None where it may not."""
        words = without_verdict(sentence.plain, self._wanted.question)
        verdict = self._verdict(words, sentence.sources)
        if not verdict.supported:
            log.info("withheld a sentence: %s", verdict.flaw)
            self.withheld.append(Withheld(sentence.plain, verdict))
            return None
        said = sentence if words == sentence.plain else sentence.saying(words)
        return said.citing(self._stands_on(words, sentence.sources))

    def _verdict(self, words: str, sources: Sequence[int]) -> Verdict:
        if len(sources) > MOST_CITED:
            return Verdict(Flaw.UNCITED)
        return verify(words, [self._passages[source - 1] for source in sources], self._wanted, self._likening)

    def _stands_on(self, words: str, sources: Sequence[int]) -> Sequence[int]:
        """Those of the passages cited that support the sentence by themselves; all, where it takes several together."""
        enough = [source for source in sources if len(sources) > 1 and self._verdict(words, [source]).supported]
        return enough or sources

    def _citations(self) -> tuple[Citation, ...]:
        sources = enumerate(self._numbering.sources, 1)
        return tuple(cite(self._passages[source - 1], number) for number, source in sources)
