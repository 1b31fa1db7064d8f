"""Fits the confidence to a company's own questions: an intercept and a slope on the evidence, no more.

With a few dozen questions, two numbers can be told from chance, six can't. What is shown is cross-validated: each
question is judged by a fit on the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.confidence import Scale

Floats = NDArray[np.float64]

FEWEST, FEWEST_OF_A_KIND = 40, 10
"""Questions, and questions of them that are found right, and wrong, below which nothing is fitted."""
FOLDS = 5
DOUBT = 1.0
"""How firmly the scale is held near what was fitted on public sets: the weight of a penalty on leaving it."""
TINY = 1e-9
BANDS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.0))


@dataclass(frozen=True, slots=True)
class Band:
    """Questions whose confidence lies between two bounds."""

    low: float
    high: float
    questions: int
    confidence: float
    """Their mean confidence."""
    right: float
    """The share of them for which the best passage was right."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far confidences can be trusted."""

    loss: float
    """The mean negative logarithm of the probability given to what was the case: less is better."""
    brier: float
    """The mean squared error of the probability: less is better."""
    bands: Sequence[Band]


def fit(evidence: Floats, right: NDArray[np.bool_]) -> Scale:
    """The scale under which the evidence says best whether the best passage is right.

    Newton's method, each step halved until it makes things better: far from the end, a whole one may overshoot.
    """
    columns = np.c_[np.ones(len(evidence)), evidence]
    start = np.array([0.0, 1.0])

    def loss(scale: Floats) -> float:
        log_odds = columns @ scale
        return float(
            np.logaddexp(0, np.where(right, -log_odds, log_odds)).sum() + DOUBT * ((scale - start) ** 2).sum() / 2
        )

    found = start.copy()
    for _ in range(50):
        predicted = _logistic(columns @ found)
        gradient = columns.T @ (predicted - right) + DOUBT * (found - start)
        curvature = (columns.T * (predicted * (1 - predicted))) @ columns + DOUBT * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while loss(found - step) > loss(found) and np.abs(step).max() > TINY:
            step /= 2
        found -= step
        if np.abs(step).max() <= TINY:
            break
    return Scale(float(found[0]), max(float(found[1]), 0.0), len(evidence))


def scaled(evidence: Floats, scale: Scale) -> Floats:
    """The confidences that a scale makes of evidence."""
    return _logistic(scale.intercept + scale.slope * evidence)


def cross_validated(evidence: Floats, right: NDArray[np.bool_]) -> Floats:
    """Each question's confidence by a fit on the others; folds are dealt in the order of the evidence."""
    fold = np.empty(len(evidence), int)
    fold[np.argsort(evidence, kind="stable")] = np.arange(len(evidence)) % FOLDS
    predicted = np.empty(len(evidence))
    for each in range(FOLDS):
        held_out = fold == each
        predicted[held_out] = scaled(evidence[held_out], fit(evidence[~held_out], right[~held_out]))
    return predicted


def reliability(confidence: Floats, right: NDArray[np.bool_]) -> Reliability:
    """How well confidences agree with what was the case."""
    kept = np.clip(confidence, 1e-6, 1 - 1e-6)
    loss = -np.mean(np.where(right, np.log(kept), np.log(1 - kept)))
    bands = []
    for low, high in BANDS:
        inside = (confidence >= low) & ((confidence < high) | (high == 1.0))
        if inside.any():
            bands.append(
                Band(low, high, int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
            )
    return Reliability(float(loss), float(np.mean((confidence - right) ** 2)), tuple(bands))


def _logistic(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -30, 30))))
