"""How well do the cited passages account for the words of a sentence? One number from 0 to 1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from bot.verification.facts import normalise
from bot.verification.relation_words import CLAUSE_END
from bot.verification.sentences import split_sentences
from bot.verification.wording import content, terms, whole
from retrieval.passages import Passage

INTERCEPT, COVERED, TOGETHER, NEW = 0.56, 2.04, 0.75, -0.65
LEAST_SUPPORT = 0.6
"""The least that is shown: where a wrong sentence costs two good ones, the cost is about the least from here to .7."""
FEWEST_OF_A_PART, LEAST_OF_A_PART = 3, 0.34
"""Of a part of a sentence with so many content words, more than this share must stand in the passages."""
NEAR = 5
"""Two words of the passage stand together if at most this many terms further on."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What the support of a sentence is estimated from."""

    covered: float
    """Share of its content words in one sentence of a passage, that sentence's neighbour and the headings above."""
    together: float
    """Share of its neighbouring content words that stand near each other in a passage, too."""
    new: float
    """How many of its pairs of neighbouring words no passage has: the logarithm of 1 more."""


def support(sentence: str, cited: Sequence[Passage], language: str) -> float:
    """The probability that the passages support a sentence in their language that no rule finds anything wrong with.

    A logistic regression on WiCE's claims and FaithBench's sentences; fitted by `benchmarks/verification.py`, which
    also says what the threshold costs (docs/verification.md).
    """
    signals = signals_of(sentence, cited, language)
    evidence = INTERCEPT + COVERED * signals.covered + TOGETHER * signals.together + NEW * signals.new
    return 1 / (1 + math.exp(-evidence))


def unknown_part(sentence: str, cited: Sequence[Passage], language: str) -> str:
    """A part of a sentence that is mostly of words which no passage has: what was added to something true."""
    held = frozenset[str]().union(*(content(whole(each), language) for each in cited))
    for part in CLAUSE_END.split(normalise(sentence)):
        words = content(part, language)
        if len(words) >= FEWEST_OF_A_PART and len(words & held) <= LEAST_OF_A_PART * len(words):
            return part
    return ""


def signals_of(sentence: str, cited: Sequence[Passage], language: str) -> Signals:
    """The signals of a sentence; a sentence without words has nothing to account for."""
    words = content(sentence, language)
    spoken = terms(sentence, language)
    if not words:
        return Signals(1.0, 1.0, 0.0)
    carrying = [term for term in spoken if term in words]
    texts = [_Text.of(passage, language) for passage in cited]
    covered = max(len(words & stretch) for text in texts for stretch in text.stretches) / len(words)
    near = [any(pair in text.near for text in texts) for pair in _pairs(carrying)]
    return Signals(
        covered=covered,
        together=sum(near) / len(near) if near else covered,
        new=math.log1p(sum(all(pair not in text.pairs for text in texts) for pair in _pairs(spoken))),
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A passage, taken apart."""

    stretches: tuple[frozenset[str], ...]
    near: frozenset[tuple[str, str]]
    pairs: frozenset[tuple[str, str]]

    @staticmethod
    @lru_cache(maxsize=64)
    def of(passage: Passage, language: str) -> "_Text":
        above = content(f"{passage.title} {passage.location} {passage.question}", language)
        parts = [content(each, language) for each in split_sentences(passage.text)] or [frozenset[str]()]
        joined = [one | other for one, other in pairwise(parts)] or parts
        said = terms(whole(passage), language)
        near = {
            pair
            for start, term in enumerate(said)
            for other in said[start + 1 : start + 1 + NEAR]
            for pair in ((term, other), (other, term))
        }
        return _Text(tuple(each | above for each in joined), frozenset(near), frozenset(_pairs(said)))


def _pairs(said: Sequence[str]) -> list[tuple[str, str]]:
    return list(pairwise(said))
