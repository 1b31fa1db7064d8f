"""How likely is it that the best passage answers the question? One number from 0 to 1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.passages import Scored


@dataclass(frozen=True, slots=True)
class Signals:
    """What the estimate is made from."""

    cosine: float
    """Similarity of the question and the best passage."""
    lift: float
    """How far that stands above what the question gets from an average passage."""
    margin: float
    """How far the best stands above the next one that says something else."""
    keyword: float
    """Share of the question's terms, weighed by rarity, that the best passage holds."""

    @classmethod
    def of(cls, ranked: Sequence[Scored], background: float) -> "Signals":
        """The signals of a ranking, best first; `background` is the cosine with the mean of all passages."""
        if not ranked:
            return cls(0.0, 0.0, 0.0, 0.0)
        best = ranked[0]
        rival = next(
            (
                each
                for each in ranked[1:]
                if each.passage.question != best.passage.question or not best.passage.question
            ),
            None,
        )
        return cls(
            cosine=best.cosine,
            lift=best.cosine - background,
            margin=best.score - rival.score if rival else best.cosine - background,
            keyword=best.keyword,
        )


def confidence(signals: Signals) -> float:
    """The probability of an answer."""
    return 1 / (1 + math.exp(-(40 * (signals.lift - 0.09) + 0 * signals.cosine)))
