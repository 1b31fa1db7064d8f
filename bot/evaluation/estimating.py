"""How sure a figure is: 95 % intervals, and whether two runs differ, by resampling the questions.

Percentile bootstrap, and its paired form for two runs (Efron & Tibshirani, An Introduction to the Bootstrap, chapters
13 and 16), with a fixed seed: the same values give the same figures.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
SIGNIFICANT = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure over questions, with its 95 % interval. It is not a number where there are no questions."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure of two runs on the same questions; the interval and `p` are those of later minus earlier."""

    earlier: float
    later: float
    difference: float
    low: float
    high: float
    p: float
    """Two-sided: how often chance alone would make as large a difference."""
    count: int

    @property
    def is_significant(self) -> bool:
        """Whether the runs differ by more than chance, at 5 %."""
        return self.p < SIGNIFICANT


class Statistic(Protocol):
    """What can be computed from resampled questions."""

    @property
    def strata(self) -> Sequence[int]:
        """The sizes of the groups of questions that are resampled apart."""
        ...

    def of(self, counts: Floats) -> Floats:
        """The value for each row of `counts`, which says how often each question was drawn."""
        ...


@dataclass(frozen=True)
class Ratio:
    """The sum of some values over the sum of their weights: a plain mean where all weights are 1."""

    values: Floats
    weights: Floats

    @property
    def strata(self) -> Sequence[int]:
        """All questions are one group."""
        return (len(self.values),)

    def of(self, counts: Floats) -> Floats:
        """See `Statistic`."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((counts @ self.values) / (counts @ self.weights))


@dataclass(frozen=True)
class Contrast:
    """The mean of a kernel over all pairs of an answerable and an unanswerable question.

    With the kernel of `separation` it is the area under the ROC curve; with that of `rightly_decided`, the mean of
    coverage and of the share of unanswerable questions that were not answered.
    """

    kernel: Floats
    """Answerable by unanswerable."""

    @property
    def strata(self) -> Sequence[int]:
        """The answerable questions and the others, so that no draw lacks either."""
        return self.kernel.shape

    def of(self, counts: Floats) -> Floats:
        """See `Statistic`."""
        answerable, unanswerable = np.split(counts, [len(self.kernel)], axis=1)
        pairs = answerable.sum(axis=1) * unanswerable.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(((answerable @ self.kernel) * unanswerable).sum(axis=1) / pairs)


def plain(values: Sequence[float]) -> Ratio:
    """The mean of the values."""
    array = np.asarray(values, dtype=np.float64)
    return Ratio(array, np.ones_like(array))


def separation(answerable: Sequence[float], unanswerable: Sequence[float]) -> Contrast:
    """How well the values tell the answerable questions from the others: AUROC, ties counting half."""
    upper, lower = np.asarray(answerable, np.float64)[:, None], np.asarray(unanswerable, np.float64)[None, :]
    return Contrast((upper > lower) + 0.5 * (upper == lower))


def rightly_decided(answerable: Sequence[float], unanswerable: Sequence[float]) -> Contrast:
    """(coverage + 1 - false answers) / 2, of values that are 1 where a question was answered."""
    upper, lower = np.asarray(answerable, np.float64)[:, None], np.asarray(unanswerable, np.float64)[None, :]
    return Contrast((upper + 1 - lower) / 2)


def estimate(statistic: Statistic) -> Measure:
    """The figure with its interval."""
    value = _value(statistic)
    if math.isnan(value):
        return Measure(math.nan, math.nan, math.nan, 0)
    low, high = _interval(statistic.of(_draws(statistic.strata)))
    return Measure(value, low, high, _count(statistic))


def compare(earlier: Statistic, later: Statistic) -> Difference:
    """The difference of two runs on the same questions in the same order: each draw is applied to both."""
    before, after = _value(earlier), _value(later)
    if math.isnan(before) or math.isnan(after):
        return Difference(before, after, math.nan, math.nan, math.nan, math.nan, 0)
    draws = _draws(later.strata)
    differences = later.of(draws) - earlier.of(draws)
    differences = differences[~np.isnan(differences)]
    low, high = _interval(differences)
    # One more on each side: p is never 0, as 2,000 draws can't show that.
    tail = 1 + min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    p = min(1.0, 2 * tail / (len(differences) + 1))
    return Difference(before, after, after - before, low, high, p, _count(later))


def _value(statistic: Statistic) -> float:
    if not all(statistic.strata):
        return math.nan
    return float(statistic.of(np.ones((1, sum(statistic.strata))))[0])


def _count(statistic: Statistic) -> int:
    if isinstance(statistic, Ratio):
        return int((statistic.weights > 0).sum())
    return sum(statistic.strata)


def _draws(strata: Sequence[int]) -> Floats:
    """How often each question is drawn, in each of the resamples."""
    random = np.random.default_rng(0)
    drawn = [random.multinomial(size, np.full(size, 1 / size), RESAMPLES) for size in strata]
    return np.hstack(drawn).astype(np.float64)


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
