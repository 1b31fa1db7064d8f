"""How likely is it that the best passage answers the question? One number from 0 to 1."""

import math
from collections.abc import Sequence

from retrieval.passages import Scored, Signals

INTERCEPT, COSINE, MARGIN, TRANSLATED = -26.0, 26.81, 75.05, 2.49
MOST_MARGIN = 0.1
"""A larger lead says no more."""
COMPETITION = 2.0
"""A lead over n passages counts n / (n + this): among a handful, the next best is far behind for want of rivals."""


def signals_of(ranked: Sequence[Scored], language: str) -> Signals:
    """The signals of a ranking, best first, for a question in this language (two letters; empty if unknown)."""
    if not ranked:
        return Signals()
    best = ranked[0]
    others = [each for each in ranked[1:] if _says_something_else(each, best)]
    # A translation is no rival, so others in its language come first; where there are none, any is better than none.
    rival = next((each for each in others if each.passage.language == best.passage.language), next(iter(others), None))
    lead = min(best.score - rival.score if rival else MOST_MARGIN, MOST_MARGIN)
    return Signals(
        cosine=best.cosine,
        margin=lead * len(ranked) / (len(ranked) + COMPETITION),
        translated=bool(language and best.passage.language and best.passage.language != language),
    )


def confidence(signals: Signals) -> float:
    """The probability that the best passage answers.

    A logistic regression on questions of seven public sets, each with about half of its answers taken out; fitted by
    `benchmarks/confidence.py`, which also draws how far the numbers can be trusted (docs/retrieval.md).
    """
    if not signals.cosine:
        return 0.0
    evidence = INTERCEPT + COSINE * signals.cosine + MARGIN * signals.margin + TRANSLATED * signals.translated
    return 1 / (1 + math.exp(-evidence))


def _says_something_else(rival: Scored, best: Scored) -> bool:
    """Whether a passage may be a rival: no other part of the text, no other answer to the question."""
    same_heading = best.passage.heading and rival.passage.heading == best.passage.heading
    return not same_heading and (rival.passage.document != best.passage.document or rival.passage.is_entry)
