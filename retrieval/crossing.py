"""Searching across languages: what a question in one language is worth beside passages in another.

An embedding model puts texts of one language closer together than their meaning does. Beside many passages in the
question's own language, a passage in another one is crowded out, however well it answers. Two things set that right
(measured: docs/retrieval.md):

- A question is moved half the way from its language to the passage's, as far as the same questions lie apart in both.
- What a language's passages have in common with the question is taken off each of them: only what a passage has beyond
  the mean of its language counts.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from retrieval.parallel import QUESTIONS

Floats = NDArray[np.float32]

MOVED = 0.5
"""How far a question is moved to another language: all the way loses some of what it asks."""
DOUBT = 10
"""A mean over n passages counts n / (n + this), the mean over all passages the rest: a single passage has no mean."""
LARGEST = 8
"""Languages of a company's knowledge that are balanced: those with the most passages."""


def unit(vectors: Floats) -> Floats:
    """The same directions, with length 1: over the last axis."""
    scaled: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


@dataclass(slots=True)
class Bridge:
    """Moves questions from language to language, as one embedding model has them. Blocks; any thread may call it."""

    embedder: Embedder
    moved: float = MOVED
    _means: dict[str, Floats] = field(default_factory=dict)
    _learning: threading.Lock = field(default_factory=threading.Lock)

    def move(self, questions: Floats, asked: str, held: str) -> Floats:
        """Questions (n, dimensions) in language `asked`, as compared with passages in language `held`."""
        if asked == held or asked not in QUESTIONS or held not in QUESTIONS:
            return questions
        return unit(questions + np.float32(self.moved) * (self.mean(held) - self.mean(asked)))

    def mean(self, language: str) -> Floats:
        """The mean of what any company is asked in this language; in English where there are no questions in it."""
        language = language if language in QUESTIONS else "en"
        with self._learning:
            if language not in self._means:
                self._means[language] = self.embedder.embed_queries(QUESTIONS[language]).mean(axis=0)
            return self._means[language]


@dataclass(frozen=True, slots=True)
class Mixture:
    """The languages that a company's passages are in, each with the mean of its vectors; none if there is only one."""

    means: Mapping[str, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, vectors: Mapping[str, Sequence[Floats]], sizes: Mapping[str, int]) -> "Mixture":
        """From some vectors of each language, and how many passages it has in all."""
        kept = sorted((each for each in vectors if len(vectors[each])), key=lambda each: (-sizes[each], each))[:LARGEST]
        if len(kept) < 2:
            return cls()
        sums = {each: np.sum(vectors[each], axis=0) for each in kept}
        overall = sum(sums[each] / len(vectors[each]) * sizes[each] for each in kept) / sum(sizes[e] for e in kept)
        return cls({e: (sums[e] + np.float32(DOUBT) * overall) / (len(vectors[e]) + DOUBT) for e in kept})

    def aims(self, questions: Floats) -> list[Floats]:
        """Vectors near which each language's best passages for these questions lie: (questions, dimensions) each.

        The first is that of the questions as they are, for the language that is nearest to them.
        """
        if not self.means:
            return [questions]
        nearest = max(self.means.values(), key=lambda mean: float((questions @ mean).mean()))
        others = (mean for mean in self.means.values() if mean is not nearest)
        return [questions, *(unit(questions + (mean - nearest)) for mean in others)]
