"""Across languages words can't be compared; meanings can, by their embeddings."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.citing import split_sentences
from llm.embeddings import Embedder
from retrieval.passages import Passage

LEAST_LIKENESS = 0.82
"""Cosine of a sentence and its translation. On XQuAD's paragraphs, 5 % of the translations into German, Spanish and
Russian are below .84, 8 % of those into Chinese below this; of sentences from another paragraph, 7 % are above."""
NEAR_BEST = 0.01
"""Sentences of the passages whose cosine is at most this much below the best one's are looked at, too."""


def like(sentence: str, cited: Sequence[Passage], embedder: Embedder) -> list[str]:
    """The sentences of the passages that may mean the same in another language, nearest first; empty where none may."""
    texts = [each for passage in cited for text in (passage.question, passage.text) for each in split_sentences(text)]
    if not texts:
        return []
    cosines = _vectors(embedder, tuple(texts)) @ _vectors(embedder, (sentence,))[0]
    best = float(cosines.max())
    if best < LEAST_LIKENESS:
        return []
    return [texts[place] for place in np.argsort(-cosines) if cosines[place] >= best - NEAR_BEST]


@lru_cache(maxsize=64)
def _vectors(embedder: Embedder, texts: tuple[str, ...]) -> NDArray[np.float32]:
    return embedder.embed_passages(texts)
