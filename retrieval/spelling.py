"""Typing errors in questions, mended by the words that the company's own documents use."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from rapidfuzz.distance import OSA

SHORTEST = 4
"""Letters of a word that may be mended: shorter ones are too near to each other."""

_WORD = re.compile(r"[^\W\d_]+")


class Vocabulary:
    """The words of the passages of one company and audience, in lower case, with how many passages hold each."""

    def __init__(self, passages: Iterable[Iterable[str]]) -> None:
        self._held = Counter(word for words in passages for word in set(words) if len(word) >= SHORTEST)
        self._alike: dict[tuple[str, int], list[str]] = {}
        for word in self._held:
            self._alike.setdefault((word[0], len(word)), []).append(word)

    def __contains__(self, word: str) -> bool:
        return word in self._held

    def count(self, word: str) -> int:
        """How many passages hold the word."""
        return self._held[word]

    def near(self, word: str) -> list[str]:
        """The words that are one slip of the finger away: a letter added, left out, changed, or two swapped.

        Few mistype the first letter, and another ending is no slip: the stem is the same.
        """
        lengths = range(len(word) - 1, len(word) + 2)
        alike = (each for length in lengths for each in self._alike.get((word[0], length), ()))
        return [
            each
            for each in alike
            if OSA.distance(word, each, score_cutoff=1) == 1 and not each.startswith(word) and not word.startswith(each)
        ]


def mend(text: str, vocabularies: Sequence[Vocabulary], count_tokens: Callable[[str], int]) -> str:
    """The text with its typing errors mended.

    A word is one when no passage has it, when a word of the passages is one slip away, and when the embedding model
    needs fewer tokens for that: what the model knows as a whole is a word, though not of these documents.
    """

    def mended(found: re.Match[str]) -> str:
        word = found[0].casefold()
        if len(word) < SHORTEST or any(word in each for each in vocabularies):
            return found[0]
        tokens = count_tokens(word)
        better = {near for each in vocabularies for near in each.near(word) if count_tokens(near) < tokens}
        if not better:
            return found[0]
        return max(sorted(better), key=lambda near: sum(each.count(near) for each in vocabularies))

    return _WORD.sub(mended, text)
