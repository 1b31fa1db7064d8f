"""How a customer feels, read from the words alone: deterministic, in six languages, with no model.

The phrases are data, in each language's catalogue. What counts as angry calls a person, so that it is kept narrow:
insults, threats, "I'm furious"; not the mere word for a complaint. tests/unit/test_mood.py measures it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from bot.conversation import Message, Status
from bot.intents import fold, small_talk
from bot.ports import Kind
from bot.texts import LANGUAGES, catalogue

LATEST = 3
"""Messages of the customer that tell how they feel now."""
LOOKED_AT = 2_000
"""Characters of a message."""
SHOUTED_LETTERS = 14
SHOUTED_WORDS = 3
SHOUTED_SHARE = 0.8

_EXCLAIMED = re.compile(r"[!?！？]{3,}")


class Mood(StrEnum):
    """How a customer feels."""

    CALM = "calm"
    UNHAPPY = "unhappy"
    """It took too long, it didn't help, it is broken: said with some heat."""
    ANGRY = "angry"
    """Insults, threats, shouting: a person should see to it."""


def mood(message: str) -> Mood:
    """How a message sounds. All languages are tried: people mix them."""
    if small_talk(message):
        return Mood.CALM
    words = fold(message[:LOOKED_AT])
    heard = max((_heard(words, language) for language in LANGUAGES), key=list(Mood).index)
    heated = _is_shouted(message) + bool(_EXCLAIMED.search(message))
    if heard is Mood.CALM:
        return Mood.UNHAPPY if _is_shouted(message) and heated == 2 else Mood.CALM
    return Mood.ANGRY if heated else heard


def mood_of(messages: Sequence[Message]) -> Mood:
    """How the customer feels by now: the worst of their last messages."""
    said = [message.text for message in messages if message.status is Status.RECEIVED and message.kind is Kind.MESSAGE]
    return max(map(mood, said[-LATEST:]), key=list(Mood).index, default=Mood.CALM)


@dataclass(frozen=True, slots=True)
class _Phrases:
    angry: re.Pattern[str]
    unhappy: re.Pattern[str]
    calm: re.Pattern[str]


@cache
def _phrases(language: str) -> _Phrases:
    patterns = catalogue(language)["mood"]
    return _Phrases(*(re.compile("|".join(patterns[name])) for name in ("angry", "unhappy", "calm")))


def _heard(words: str, language: str) -> Mood:
    phrases = _phrases(language)
    words = phrases.calm.sub("…", words)
    if phrases.angry.search(words):
        return Mood.ANGRY
    return Mood.UNHAPPY if phrases.unhappy.search(words) else Mood.CALM


def _is_shouted(message: str) -> bool:
    """Whether it is written in capitals; a word or a code in capitals is not."""
    letters = [character for character in message if character.upper() != character.lower()]
    if len(letters) < SHOUTED_LETTERS or len(message.split()) < SHOUTED_WORDS:
        return False
    return sum(map(str.isupper, letters)) >= SHOUTED_SHARE * len(letters)
