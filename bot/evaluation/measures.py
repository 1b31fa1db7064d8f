"""Measures of one question, and their means with 95 % intervals."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

from bot.evaluation.estimating import Measure, estimate, plain

__all__ = ["Measure", "average_precision", "hit_at", "holds", "mean", "ndcg_at"]

_MARKER = re.compile(r"\[\d{1,3}\]")


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
    return estimate(plain(values))


def holds(text: str, golds: Sequence[str]) -> bool:
    """Whether a reply states one of the gold answers: whole words, whatever their case, width and spacing."""
    said = _folded(_MARKER.sub("", text))
    return any(_stands_in(folded, said) for folded in map(_folded, golds) if folded)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _stands_in(gold: str, said: str) -> bool:
    """`3` does not stand in `1923`, nor `art` in `party`; scripts without spaces have no such bounds."""
    before = rf"(?<!{_same(gold[0])})"
    behind = rf"(?!{_same(gold[-1])})"
    return re.search(f"{before}{re.escape(gold)}{behind}", said) is not None


def _same(char: str) -> str:
    """What would go on with the number or the word that this character belongs to."""
    if char.isdigit():
        return r"\d"
    return r"[^\W\d_\u2e80-\u9fff\uf900-\ufaff]" if char.isalpha() and not "\u2e80" <= char <= "\ufaff" else r"[^\s\S]"
