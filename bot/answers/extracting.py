"""The extractive answerer: the documents' own words, with their citation. It needs no model and never invents."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from bot.answers.premises import false_premise
from bot.domain import Answer, Citation, Draft, Manner, Outcome, Question
from bot.texts import language_name, text
from llm.embeddings import Embedder
from retrieval.chunking import sentences
from retrieval.passages import Found, Passage

SHORT = 320
"""Prose of at most so many characters is shown whole."""
MOST_SENTENCES = 4
KEEP_WITHIN = 0.03
"""A neighbour of the best sentence is shown with it if its cosine is at most this much lower."""


@dataclass(frozen=True, slots=True)
class Extracting:
    """Answers with a FAQ entry verbatim, or with the sentences of a passage that answer."""

    embedder: Embedder
    needs: float
    """The least confidence in the passages with which it answers."""

    async def answer(self, question: Question, found: Found) -> AsyncGenerator[Draft | Answer, None]:
        """One draft, then the answer. `found` must hold a passage."""
        passage = found.passages[0].passage
        said = passage.text if passage.is_entry else await asyncio.to_thread(self._extract, question.text, passage)
        if correction := false_premise(question.text, [passage]):
            stated = "" if correction.stated in said else f"{correction.stated} "
            said = f"{text('according_to_documents', question.language)} {stated}{said}"
        note = ""
        if question.language and passage.language and passage.language != question.language:
            note = text(
                "other_language_note", question.language, language=language_name(passage.language, question.language)
            )
        shown = f"{note}\n\n{said} [1]".lstrip()
        yield Draft(shown)
        manner = Manner.VERBATIM if passage.is_entry else Manner.EXTRACTED
        cited = (cite(passage, 1),)
        yield Answer(Outcome.ANSWERED, shown, found.confidence, question.language, citations=cited, manner=manner)

    def _extract(self, question: str, passage: Passage) -> str:
        """The sentence nearest to the question, with the neighbours that are about as near, as one stretch of text."""
        parts = [each for each in sentences(passage.text) if each.strip()]
        if len(passage.text) <= SHORT or len(parts) <= 2:
            return passage.text
        cosines = self.embedder.embed_passages(parts) @ self.embedder.embed_queries([question])[0]
        first = last = int(cosines.argmax())
        while last - first + 1 < MOST_SENTENCES:
            before = cosines[first - 1] if first > 0 else -1.0
            after = cosines[last + 1] if last + 1 < len(parts) else -1.0
            if max(before, after) < cosines.max() - KEEP_WITHIN:
                break
            first, last = (first, last + 1) if after >= before else (first - 1, last)
        return "".join(parts[first : last + 1]).strip()


def cite(passage: Passage, number: int) -> Citation:
    """The citation of a passage under a marker's number."""
    title = passage.title or passage.document
    return Citation(number, passage.document, passage.id, title, str(passage.location), passage.url)
