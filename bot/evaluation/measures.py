"""Retrieval measures of one question, and their means with 95 % intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean over questions, with its 95 % interval."""

    value: float
    low: float
    high: float
    count: int


def hit_at(ranking: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """1 if a relevant document stands among the first `depth`, else 0."""
    return float(any(grades.get(document, 0) > 0 for document in ranking[:depth]))


def average_precision(ranking: Sequence[str], grades: Mapping[str, float]) -> float:
    """The mean of the precision at each relevant document; one that is not in the ranking counts 0."""
    relevant = sum(grade > 0 for grade in grades.values())
    found, total = 0, 0.0
    for rank, document in enumerate(ranking, start=1):
        if grades.get(document, 0) > 0:
            found += 1
            total += found / rank
    return total / relevant if relevant else 0.0


def ndcg_at(ranking: Sequence[str], grades: Mapping[str, float], depth: int) -> float:
    """Discounted gain over that of the ideal ranking; the gain is the grade, the discount log2(rank + 1)."""

    def gain(values: Sequence[float]) -> float:
        return sum(value / math.log2(rank + 1) for rank, value in enumerate(values[:depth], start=1))

    ideal = gain(sorted(grades.values(), reverse=True))
    return gain([grades.get(document, 0) for document in ranking]) / ideal if ideal else 0.0


def mean(values: Sequence[float]) -> Measure:
    """The mean with its 95 % percentile-bootstrap interval (fixed seed: the same values give the same interval)."""
    if not values:
        return Measure(math.nan, math.nan, math.nan, 0)
    array = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(0).integers(0, len(array), (RESAMPLES, len(array)))
    low, high = np.percentile(array[draws].mean(axis=1), [2.5, 97.5])
    return Measure(float(array.mean()), float(low), float(high), len(array))
