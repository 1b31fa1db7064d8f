"""What is found by words alone, while the embedding model can't be asked."""

from collections.abc import Mapping, Sequence

import numpy as np

from retrieval.confidence import probability
from retrieval.keywords import KeywordIndex
from retrieval.passages import Found, Passage, Scored, Signals

INTERCEPT, WEIGHTS = -2.07, (1.47, 7.46, 1.36)
"""A logistic regression on the best keyword score, its lead over the next one, and the share of known words.

Fitted as that of `retrieval.confidence` is; families predicted by a fit on the others: AUROC .77.
"""
MOST_SCORE, MOST_LEAD = 1.5, 1.0
MOST = 0.65
"""From here on the fit promised more than it kept: the customer is asked back, if nobody has set it otherwise."""


def nearest(keywords: KeywordIndex, query: str, language: str, count: int) -> dict[int, float]:
    """Up to `count` serials by falling keyword score."""
    scores = keywords.scores(query, language)
    return {serial: keywords.score_of(scores, serial) for serial in keywords.best(scores, count)}


def by_words(query: str, near: Mapping[int, float], passages: Mapping[int, Passage], known: float, count: int) -> Found:
    """The passages by falling keyword score, and how likely the best one answers."""
    ranked = [
        Scored(passages[serial], score, 0.0, score)
        for serial, score in sorted(near.items(), key=lambda item: -item[1])
        if serial in passages
    ]
    return Found(
        query, tuple(ranked[:count]), _confidence([each.score for each in ranked], known), Signals(known=known)
    )


def _confidence(scores: Sequence[float], known: float) -> float:
    if not scores:
        return 0.0
    lead = scores[0] - (scores[1] if len(scores) > 1 else 0.0)
    values = min(scores[0], MOST_SCORE), min(lead, MOST_LEAD), known
    return min(MOST, probability(INTERCEPT + float(np.dot(WEIGHTS, values))))
