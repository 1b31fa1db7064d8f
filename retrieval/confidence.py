"""How likely is it that the best passage answers the question? One number from 0 to 1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.asking import Asked
from retrieval.crossing import Bridge
from retrieval.passages import Scored, Signals


@dataclass(frozen=True, slots=True)
class Scale:
    """How a company's own questions scale the evidence (Platt 1999); as it is where nobody has calibrated."""

    intercept: float = 0.0
    slope: float = 1.0
    questions: int = 0
    """On how many it was fitted."""


INTERCEPT, WEIGHTS = -36.94, (37.57, 34.11, 26.09, 0.9, 2.72)
"""A logistic regression on the signals, in the order of `values`.

Fitted by `benchmarks/confidence.py` on questions of public sets, each with about half of its answers taken out, and on
many small companies of 1 to 30 of their documents.
"""
MOST_EVIDENCE = 30.0
MOST_MARGIN = 0.1
"""A larger lead says no more."""
COMPETITION = 1.0
"""A lead over n passages counts n / (n + this): with a handful, the next best is far behind for want of rivals."""
SURROUNDING = 20
"""The next best passages that say something else: what they have in common with the best one doesn't set it apart."""
DOUBT = 5.0
"""So many questions that any company is asked stand among them, lest a handful be taken for what is usual."""


def signals_of(ranked: Sequence[Scored], asked: Asked, bridge: Bridge) -> Signals:
    """The signals of a question's ranking, best first.

    What is usual for question and passage is told as in speaker verification (adaptive score normalisation, Matejka
    et al. 2017): by what else comes near, and by a cohort that is always the same.
    """
    if not ranked or ranked[0].vector is None:
        return Signals()
    best, passage = ranked[0], ranked[0].vector
    question = asked.vectors[best.part]
    near = [each.vector for each in _rivals(ranked)[:SURROUNDING] if each.vector is not None]
    usual = (np.sum(near, axis=0) + DOUBT * bridge.mean(best.passage.language)) / (len(near) + DOUBT)
    return Signals(
        cosine=best.cosine,
        margin=margin(ranked),
        beyond=float((question - usual) @ (passage - usual)),
        known=asked.known,
        translated=bool(asked.language and best.passage.language and best.passage.language != asked.language),
    )


def margin(ranked: Sequence[Scored]) -> float:
    """How far the best stands above the next that says something else; 0 where nothing does."""
    rivals = _rivals(ranked)
    if not rivals:
        return 0.0
    return min(ranked[0].score - rivals[0].score, MOST_MARGIN) * len(rivals) / (len(rivals) + COMPETITION)


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
    return signals.cosine, signals.margin, signals.beyond, signals.known, float(signals.translated)


def _rivals(ranked: Sequence[Scored]) -> list[Scored]:
    """What stands below the best and says something else.

    A translation is no rival, so those in its language are; where there are none, any is better than none.
    """
    others = [each for each in ranked[1:] if _says_something_else(each, ranked[0])]
    return [each for each in others if each.passage.language == ranked[0].passage.language] or others


def _says_something_else(rival: Scored, best: Scored) -> bool:
    """Whether a passage may be a rival: no other part of the text, no other answer to the question."""
    same_heading = best.passage.heading and rival.passage.heading == best.passage.heading
    return not same_heading and (rival.passage.document != best.passage.document or rival.passage.is_entry)
