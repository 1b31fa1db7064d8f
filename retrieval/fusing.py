"""How candidates are scored: dense and keyword search fused, across languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.asking import Asked
from retrieval.crossing import Bridge, Mixture, unit
from retrieval.passages import Passage, Scored

Floats = NDArray[np.float32]

SAME = 0.45
"""The cosine, less the mean of each language, from which on two passages are taken for translations of each other."""
FOREMOST = 10
"""Passages in other languages for which a translation is looked for."""
MATCHES = 3
"""The best keyword matches in the question's language: their mean is what a passage in another one lacks."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts beside the cosine."""

    entry_keywords: float = 0.05
    """What a full keyword match adds to a FAQ entry."""
    prose_keywords: float = 0.1
    """And to prose, which has more of the question's words."""
    own_language: float = 0.02
    """What a passage in the question's language gets on top, where there are others. With 0, translations go unseen."""


def fuse(
    asked: Asked,
    passages: Sequence[Passage],
    vectors: Floats,
    keywords: Floats,
    bridge: Bridge,
    mixture: Mixture,
    weights: Weights = Weights(),
) -> list[Scored]:
    """Score passages with these vectors (passages, dimensions) and keyword scores (parts, passages); best first."""
    languages = np.array([passage.language for passage in passages])
    cosines = np.empty((len(asked.parts), len(passages)), np.float32)
    for language in set(languages.tolist()):
        here = languages == language
        cosines[:, here] = bridge.move(asked.vectors, asked.language, language) @ vectors[here].T
    balanced = cosines + _lift(asked, languages, bridge, mixture)
    added = [weights.entry_keywords if each.is_entry else weights.prose_keywords for each in passages]
    scores = balanced + np.array(added, np.float32) * _as_if_translated(asked, languages, keywords, mixture)
    rows = np.arange(len(passages))
    part = scores.argmax(axis=0)
    score = _prefer_own_language(asked, scores[part, rows], languages, vectors, mixture, weights.own_language)
    order = np.argsort(-score, kind="stable")
    cosine, keyword = balanced[part, rows], keywords[part, rows]
    return [
        Scored(passages[row], float(score[row]), float(cosine[row]), float(keyword[row]), vectors[row], int(part[row]))
        for row in order
    ]


def reorder(ranked: Sequence[Scored], judged: Floats) -> list[Scored]:
    """The foremost passages in the mean of both orders: their scores, and the reranker's `judged` in their range.

    The scores keep their scale, which the confidence is estimated from.
    """
    count = len(judged)
    scores = np.array([each.score for each in ranked[:count]], np.float32)
    spread = float(np.ptp(judged))
    if count < 2 or spread == 0:
        return list(ranked)
    mapped = scores.min() + (judged - judged.min()) / spread * np.ptp(scores)
    mixed = (scores + mapped) / 2
    foremost = [replace(ranked[row], score=float(mixed[row])) for row in np.argsort(-mixed, kind="stable")]
    return [*foremost, *ranked[count:]]


def _lift(asked: Asked, languages: NDArray[np.str_], bridge: Bridge, mixture: Mixture) -> Floats:
    """What each passage's language lacks of the one that is nearest to the question: (parts, passages)."""
    lift = np.zeros((len(asked.parts), len(languages)), np.float32)
    if not mixture.means:
        return lift
    common = {
        language: bridge.move(asked.vectors, asked.language, language) @ mean
        for language, mean in mixture.means.items()
    }
    nearest = np.max(list(common.values()), axis=0)
    for language, mean in common.items():
        lift[:, languages == language] = (nearest - mean)[:, None]
    return lift


def _as_if_translated(asked: Asked, languages: NDArray[np.str_], keywords: Floats, mixture: Mixture) -> Floats:
    """Keyword scores (parts, passages) by which no passage is behind for being in another language than the question.

    It can't have the question's words; product codes, which are the same everywhere, count as they are.
    """
    own = languages == asked.language
    if not mixture.means or not own.any() or own.all():
        return keywords
    best = np.sort(np.minimum(keywords[:, own], 1.0), axis=1)[:, -MATCHES:].mean(axis=1)
    return np.where(own, keywords, np.maximum(keywords, best[:, None]))


def _prefer_own_language(
    asked: Asked, scores: Floats, languages: NDArray[np.str_], vectors: Floats, mixture: Mixture, preferred: float
) -> Floats:
    """A passage in the question's language stands above the passages that say the same in others."""
    own = np.flatnonzero(languages == asked.language)
    if not preferred or not mixture.means or not len(own) or len(own) == len(languages):
        return scores
    scores = scores.copy()
    scores[own] += np.float32(preferred)
    centred = unit(vectors - _means(languages, mixture.means, vectors))
    foremost = [row for row in np.argsort(-scores, kind="stable")[:FOREMOST] if languages[row] != asked.language]
    for row in foremost:
        alike = centred[own] @ centred[row]
        translation = own[alike.argmax()]
        if alike.max() >= SAME:
            scores[translation] = max(scores[translation], np.nextafter(scores[row], np.float32(np.inf)))
    return scores


def _means(languages: NDArray[np.str_], means: Mapping[str, Floats], vectors: Floats) -> Floats:
    """The mean of each row's language; zero for a language without one."""
    found = np.zeros_like(vectors)
    for language, mean in means.items():
        found[languages == language] = mean
    return found
