"""How likely is it that the best passage answers the question? One number from 0 to 1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.asking import Asked
from retrieval.passages import Scored, Signals


@dataclass(frozen=True, slots=True)
class Scale:
    """How a company's own questions scale the evidence (Platt 1999); as it is where nobody has calibrated."""

    intercept: float = 0.0
    slope: float = 1.0
    questions: int = 0
    """On how many it was fitted."""


INTERCEPT, WEIGHTS = -25.55, (49.04, 49.72, 2.18, -24.68, 1.19)
"""A logistic regression on the signals, in the order of `values`.

Fitted by `benchmarks/confidence.py` on questions of public sets, each with about half of its answers taken out.
"""
MOST_EVIDENCE = 30.0
MOST_MARGIN = 0.1
"""A larger lead says no more."""
NEIGHBOURS = 50
"""Passages that count as being around."""
DOUBT, USUAL_GAP = 5, 0.06
"""So many passages more are taken to lie so far below the best one."""
COMPETITION = 2.0
"""A lead over n passages counts n / (n + this): among a handful, the next best is far behind for want of rivals."""


def signals_of(ranked: Sequence[Scored], asked: Asked) -> Signals:
    """The signals of a question's ranking, best first."""
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
        translated=bool(asked.language and best.passage.language and best.passage.language != asked.language),
        around=_around([each.cosine for each in ranked], best.cosine),
        known=asked.known,
    )


def _around(cosines: Sequence[float], best: float) -> float:
    """The mean of the highest cosines; a handful of them says little, and counts as what is usual."""
    near = sorted(cosines, reverse=True)[:NEIGHBOURS]
    return (sum(near) + DOUBT * (best - USUAL_GAP)) / (len(near) + DOUBT)


def confidence(signals: Signals, scale: Scale = Scale()) -> float:
    """The probability that the best passage answers."""
    if not signals.cosine:
        return 0.0
    return probability(scale.intercept + scale.slope * evidence(signals))


def evidence(signals: Signals) -> float:
    """The logarithm of the odds that the best passage answers, as fitted on public sets."""
    return INTERCEPT + sum(weight * value for weight, value in zip(WEIGHTS, values(signals), strict=True))


def probability(log_odds: float) -> float:
    """The logistic function."""
    return 1 / (1 + math.exp(-max(-MOST_EVIDENCE, min(MOST_EVIDENCE, log_odds))))


def values(signals: Signals) -> tuple[float, ...]:
    """The signals as numbers, in the order of the weights."""
    return signals.cosine, signals.margin, float(signals.translated), signals.around, signals.known


def _says_something_else(rival: Scored, best: Scored) -> bool:
    """Whether a passage may be a rival: no other part of the text, no other answer to the question."""
    same_heading = best.passage.heading and rival.passage.heading == best.passage.heading
    return not same_heading and (rival.passage.document != best.passage.document or rival.passage.is_entry)
