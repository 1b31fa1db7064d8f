"""Topics that always go to a person: words and phrases of the settings, found in whatever form a customer writes them.

Words are compared by their stems, in every language at once; never by a part of a word: `law` isn't in `lawn`. Where a
script writes no spaces, the characters of the topic are looked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import snowballstemmer

from bot.intents import fold

STEMMERS = ("english", "german", "spanish", "french", "russian")
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")

Stems = tuple[frozenset[str], ...]
"""Of each word, what it may be a form of."""


@dataclass(frozen=True, slots=True)
class Topics:
    """What to look for."""

    topics: Sequence[str] = ()

    def found_in(self, message: str) -> str:
        """The first topic that the message is about, as the settings spell it; empty if it is about none."""
        if not self.topics:
            return ""
        stems, joined = _stems(message), "".join(fold(message).split())
        return next((topic for topic in self.topics if _holds(stems, joined, topic)), "")


def _holds(stems: Stems, joined: str, topic: str) -> bool:
    if _UNSPACED.search(topic):
        return "".join(fold(topic).split()) in joined
    wanted = _stems(topic)
    return bool(wanted) and any(
        all(a & b for a, b in zip(wanted, stems[start:], strict=False)) for start in range(len(stems) - len(wanted) + 1)
    )


def _stems(text: str) -> Stems:
    return tuple(map(_forms, _WORD.findall(text.casefold())))


@lru_cache(maxsize=50_000)
def _forms(word: str) -> frozenset[str]:
    """Accents are left out before or after stemming: people write both."""
    bare = fold(word)
    stemmed = {form for stem in _stemmers() for form in (fold(stem.stemWord(word)), stem.stemWord(bare))}
    return frozenset(stemmed | {bare})


@cache
def _stemmers() -> Sequence[snowballstemmer.stemmer]:
    return [snowballstemmer.stemmer(language) for language in STEMMERS]
