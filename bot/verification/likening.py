"""Across languages words can't be compared; meanings can, by their embeddings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.verification.sentences import split_sentences
from llm.embeddings import Embedder
from retrieval.passages import Passage

LEAST_LIKENESS = 0.82
"""Cosine of a sentence and its translation. On XQuAD's paragraphs, 5 % of the translations into German, Spanish and
Russian are below .84, 8 % of those into Chinese below this; of sentences from another paragraph, 7 % are above."""
NEAR_BEST = 0.01
"""Sentences of the passages whose cosine is at most this much below the best one's are looked at, too."""


class Likening:
    """Compares sentences with passages in other languages; for one answer, as it keeps what it embedded."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[tuple[str, ...], NDArray[np.float32]] = {}

    def like(self, sentence: str, cited: Sequence[Passage]) -> list[str]:
        """The sentences of the passages that may mean the same, nearest first; empty where none may."""
        texts = tuple(part for each in cited for text in (each.question, each.text) for part in split_sentences(text))
        if not texts:
            return []
        if texts not in self._known:
            self._known[texts] = self._embedder.embed_passages(texts)
        cosines = self._known[texts] @ self._embedder.embed_passages([sentence])[0]
        best = float(cosines.max())
        if best < LEAST_LIKENESS:
            return []
        return [texts[place] for place in np.argsort(-cosines) if cosines[place] >= best - NEAR_BEST]
