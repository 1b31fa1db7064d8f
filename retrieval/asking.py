"""What a question is searched by: its typing errors mended, a long one cut into parts, each as a vector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from retrieval.chunking import MOST, passages_of
from retrieval.crossing import unit
from retrieval.keywords import KeywordIndex
from retrieval.language import detect_language
from retrieval.passages import ParsedDocument, Prose
from retrieval.spelling import mend

ALONE = 2.0
"""How much more a follow-up question weighs alone than together with what it leans on: it asks for something else."""
MOST_PARTS = 24
"""A longer text isn't read any further: it is no question."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, as it is searched by."""

    parts: Sequence[str]
    """The whole, or the parts of a long one: a passage is worth what it is to the part that it answers best."""
    vectors: NDArray[np.float32]
    """One a part: (parts, dimensions), unit rows."""
    language: str
    """Two letters; empty if it can't be told."""
    known: float
    """The share of its words that the passages have at all."""


def ask(question: str, embedder: Embedder, indexes: Sequence[KeywordIndex], context: str = "") -> Asked:
    """Prepare a question for the search among the passages of these indexes. Blocks: use a thread.

    `context` is what the question leans on, empty if on nothing.
    """
    language = detect_language(question, default=detect_language(context))
    spelled = mend(question, language, [index.vocabulary for index in indexes], embedder.count_tokens)
    parts = _parts(spelled, embedder)
    known = max((index.known(spelled, language) for index in indexes), default=0.0)
    vectors = embedder.embed_queries([*parts, f"{context} {spelled}"] if context else parts)
    if context:
        vectors = unit(np.float32(ALONE) * vectors[:-1] + vectors[-1])
    return Asked(parts, vectors, language, known)


def _parts(question: str, embedder: Embedder) -> Sequence[str]:
    """A text longer than any passage asks about several things: it is cut as prose is."""
    if embedder.count_tokens(question) <= MOST:
        return [question]
    cut = passages_of(ParsedDocument("", [Prose(question)]), "question", embedder.count_tokens)
    return [each.text for each in cut][:MOST_PARTS]
