"""Typing errors in questions, mended by the words that the company's own documents use."""

import re
from collections.abc import Callable, Iterable, Sequence

from rapidfuzz.distance import OSA

from retrieval.stemming import stem

SHORTEST = 5
"""Letters of a word that may be mended: shorter ones are too near to each other."""

_WORD = re.compile(r"[^\W\d_]+")


def is_mendable(word: str) -> bool:
    """Whether typing errors in a word can be told, and mended by it."""
    return len(word) >= SHORTEST and word.isalpha()


class Vocabulary:
    """The words of some passages that are `is_mendable`; `passages` gives the language and the words of each."""

    def __init__(self, passages: Iterable[tuple[str, Iterable[str]]]) -> None:
        self._languages: dict[str, set[str]] = {}
        for language, words in passages:
            self._languages.setdefault(language, set()).update(words)
        self._words = set().union(*self._languages.values())
        self._alike: dict[tuple[str, int], list[str]] = {}
        for word in self._words:
            self._alike.setdefault((word[0], len(word)), []).append(word)

    def __contains__(self, word: str) -> bool:
        return word in self._words

    def near(self, word: str, language: str) -> list[str]:
        """The words that are one slip of the finger away: a letter added, left out, changed, or two swapped.

        Few mistype the first letter, and another ending is no slip: the stem is the same. Where some passages are in
        the question's language, only their words are meant.
        """
        lengths = range(len(word) - 1, len(word) + 2)
        alike = (each for length in lengths for each in self._alike.get((word[0], length), ()))
        return [
            each
            for each in alike
            if OSA.distance(word, each, score_cutoff=1) == 1
            and each in self._languages.get(language, self._words)
            and stem(each, language) != stem(word, language)
            and not each.startswith(word)
            and not word.startswith(each)
        ]


def mend(text: str, language: str, vocabularies: Sequence[Vocabulary], count_tokens: Callable[[str], int]) -> str:
    """The text, in this language, with its typing errors mended.

    A word is one when no passage has it, when just one word of the passages is a slip away, and when the embedding
    model needs fewer tokens for that: what the model knows as a whole is a word, though not of these documents.
    """

    def mended(found: re.Match[str]) -> str:
        word = found[0].casefold()
        if not is_mendable(word) or any(word in each for each in vocabularies):
            return found[0]
        tokens = count_tokens(word)
        meant = {near for each in vocabularies for near in each.near(word, language) if count_tokens(near) < tokens}
        return meant.pop() if len(meant) == 1 else found[0]

    return _WORD.sub(mended, text)
