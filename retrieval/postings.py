"""BM25 in arrays: built from the counted terms of each passage in some hundredths of a second, and read by term.

Lucene's variant, without its constant factor: idf * tf / (tf + k1 * (1 - b + b * length / mean length)), where the idf
is log(1 + (passages - df + 0.5) / (df + 0.5)) (Robertson and Zaragoza 2009). Written out here, as libraries read every
passage's words again for each change, and hold up all other threads while they do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

K1, B = 1.2, 0.75

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counted:
    """The terms of a passage, each by its number, and how often it has them."""

    terms: Numbers
    counts: Floats


def count(numbers: Sequence[int]) -> Counted:
    """From the numbers of a passage's terms, one for each time that it has one."""
    terms, counts = np.unique(np.asarray(numbers, dtype=np.int64), return_counts=True)
    return Counted(terms, counts.astype(np.float32))


class Postings:
    """Which passages have a term, and what it is worth to each. Terms are numbered below `terms`."""

    def __init__(self, passages: Sequence[Counted], terms: int) -> None:
        self.passages = len(passages)
        found = np.concatenate([each.terms for each in passages]) if passages else np.empty(0, np.int64)
        self._frequency = np.bincount(found, minlength=terms)
        self._end = np.cumsum(self._frequency)
        if not len(found):
            return
        counts = np.concatenate([each.counts for each in passages])
        lengths = np.array([each.counts.sum() for each in passages], np.float32)
        rows = np.repeat(np.arange(len(passages)), [len(each.terms) for each in passages])
        order = np.argsort(found, kind="stable")
        rows, counts = rows[order], counts[order]
        spread = K1 * (1 - B + B * lengths / lengths.mean())
        idf = np.array(self.rarity(self._frequency), np.float32)
        self._rows = rows
        self._worth = idf[found[order]] * counts / (counts + spread[rows])

    def frequency(self, term: int) -> int:
        """How many passages have the term."""
        return int(self._frequency[term]) if 0 <= term < len(self._frequency) else 0

    def rarity(self, frequency: int | Numbers) -> NDArray[np.float64]:
        """The idf of what so many passages have."""
        return np.asarray(np.log(1 + (self.passages - frequency + 0.5) / (np.asarray(frequency) + 0.5)))

    def scores(self, terms: Sequence[int]) -> Floats:
        """The BM25 of every passage for these terms."""
        scores = np.zeros(self.passages, dtype=np.float32)
        for term in terms:
            if held := self.frequency(term):
                here = slice(self._end[term] - held, self._end[term])
                scores[self._rows[here]] += self._worth[here]
        return scores
