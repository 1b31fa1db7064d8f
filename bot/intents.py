"""Messages that need no search: the customer asks for a person, or says no more than hello, thanks or goodbye.

The phrases are data, in each language's catalogue. All languages are tried on each message: people mix them.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from bot.texts import LANGUAGES, catalogue

SmallTalk = Literal["greeting", "thanks", "goodbye"]

LONGEST_SMALL_TALK = 120
"""In characters. Anything longer says more than hello."""

_APOSTROPHES = re.compile("['’‘`´ʼ]")
_STRETCHED = re.compile(r"([^\W\d])\1{2,}")
_KEPT_MARK = "\N{COMBINING BREVE}"  # й is a letter of its own
_CJK = "\u4e00-\u9fff"


def asks_for_person(message: str) -> bool:
    """Whether the customer plainly asks to talk to a human."""
    return _person_language(message) is not None


def small_talk(message: str) -> SmallTalk | None:
    """What a message is that says nothing else. `Thanks, bye` is a goodbye, `hello, thank you` is thanks."""
    found = _small_talk(message)
    return found[0] if found else None


def phrase_language(message: str) -> str | None:
    """The language of a set phrase, else None. `hola` and `转人工` are too short for language detection."""
    found = _small_talk(message)
    return found[1] if found else _person_language(message)


@dataclass(frozen=True, slots=True)
class _Phrases:
    asks: re.Pattern[str]
    never: re.Pattern[str]
    small_talk: re.Pattern[str]
    kinds: dict[SmallTalk, re.Pattern[str]]


def _person_language(message: str) -> str | None:
    folded = fold(message)
    for language in LANGUAGES:
        phrases = _phrases(language)
        if phrases.asks.search(phrases.never.sub("…", folded)):
            return language
    return None


def _small_talk(message: str) -> tuple[SmallTalk, str] | None:
    if len(message) > LONGEST_SMALL_TALK:
        return None
    folded = _STRETCHED.sub(r"\1", fold(message))
    for language in LANGUAGES:
        phrases = _phrases(language)
        if phrases.small_talk.fullmatch(folded):
            for kind, pattern in phrases.kinds.items():
                if pattern.search(folded):
                    return kind, language
    return None


@cache
def _phrases(language: str) -> _Phrases:
    data = catalogue(language)
    person, talk = data["person"], data["small_talk"]
    words: dict[str, str] = person["words"]
    everything = [phrase for phrases in talk.values() for phrase in phrases]
    return _Phrases(
        asks=_any_of(person["asks"], words),
        never=_any_of(person["never"], words),
        small_talk=re.compile(rf"\W*(?>{_alternatives(everything)}\W*)+"),
        kinds={kind: re.compile(_alternatives(talk[kind])) for kind in reversed(get_args(SmallTalk))},
    )


def _any_of(patterns: Iterable[str], words: dict[str, str]) -> re.Pattern[str]:
    joined = "|".join(patterns)
    for name, alternatives in words.items():
        joined = joined.replace(f"<{name}>", alternatives)
    return re.compile(joined)


def _alternatives(phrases: Iterable[str]) -> str:
    """Longest first, since `thank you` must win over `thank`. Words end where they end; Chinese has no such limits."""
    folded = sorted({fold(phrase) for phrase in phrases}, key=len, reverse=True)
    return rf"(?:(?<![^\W{_CJK}])(?:{'|'.join(map(re.escape, folded))})(?:(?<=[{_CJK}])|(?!\w)))"


def fold(message: str) -> str:
    """Lower case without accents and apostrophes, since people leave them out; full-width forms made plain."""
    decomposed = unicodedata.normalize("NFKD", message.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c) or c == _KEPT_MARK)
    return " ".join(_APOSTROPHES.sub("", unicodedata.normalize("NFC", bare)).split())
