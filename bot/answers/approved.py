"""Answers that a person approved: FAQ entries of their own, answered word for word like any other.

The search index is the cache of them: a question put in other words finds the entry by its meaning, within its company
and audience only, and as of the newest version of the knowledge.
"""

import asyncio
import hashlib
import time

from bot.domain import Question
from llm.embeddings import Embedder
from retrieval import store
from retrieval.database import Database
from retrieval.embedding import embed
from retrieval.language import detect_language
from retrieval.passages import Document, Passage

APPROVED = "approved:"
"""What the source of such a document begins with."""


async def approve(
    database: Database, embedder: Embedder, question: Question, answer: str, now: float | None = None
) -> Document:
    """Store an answer for a question of this company and audience; it replaces an earlier one to the same words.

    Raises `StoreUnavailable`, and `DocumentError` when the same question was approved for the other audience.
    """
    name = _name(question.text)
    language = question.language or detect_language(question.text)
    title = question.text.strip()
    passage = Passage(f"{name}#0", name, 0, title, answer.strip(), title, language=language)
    document = Document(
        id=name,
        company=question.company,
        audience=question.audience,
        source=f"{APPROVED}{name}",
        title=title,
        language=language,
        url="",
        content_hash=hashlib.sha256(f"{question.text}\n{answer}".encode()).hexdigest(),
        passages=1,
        updated_at=time.time() if now is None else now,
    )
    (vector,) = await asyncio.to_thread(embed, embedder, [passage])
    await database.write(store.put_document, document, [store.Embedded(passage, vector)], embedder.name)
    return document


def _name(question: str) -> str:
    words = " ".join(question.casefold().split())
    return f"approved-{hashlib.sha256(words.encode()).hexdigest()[:16]}"
