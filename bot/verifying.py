"""Does a sentence stand in the passages it cites? A deterministic check, which rather withholds than lets pass.

What it can tell: facts that no cited passage states, sentences made of other words than the passage, a `not` that came
or went. What it can't: a wrong relation between right words.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

import snowballstemmer
from bm25s import stopwords

from bot.citing import split_sentences
from bot.facts import Date, Fact, Kind, digit_runs, facts_of, link_value, normalise, spells
from retrieval.language import detect_language
from retrieval.passages import Passage

LEAST_SUPPORT = 0.5
"""More than this share of a sentence's content words must stand in its passages: of two words, both."""
SAME_STATEMENT = 0.6
"""Share of a sentence's content words from which on a sentence of the passage counts as saying the same."""
NEAR_BEST = 0.15
"""Sentences of the passage whose share is at most this much below the best one's are looked at, too."""


class Flaw(StrEnum):
    """Why a sentence is not shown."""

    UNCITED = "uncited"
    FACT = "unstated_fact"
    SUPPORT = "too_little_support"
    NEGATION = "changed_negation"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a check."""

    flaw: Flaw | None = None
    detail: str = ""
    """Words of the sentence that the flaw is about: not for logs."""

    @property
    def supported(self) -> bool:
        """Whether the sentence may be shown."""
        return self.flaw is None


def verify(sentence: str, cited: Sequence[Passage]) -> Verdict:
    """Check a sentence, its markers taken off, against the passages it cites."""
    if not cited:
        return Verdict(Flaw.UNCITED)
    if unstated := _unstated_fact(sentence, cited):
        return Verdict(Flaw.FACT, unstated.written)
    language = detect_language(sentence)
    comparable = [passage for passage in cited if _comparable(sentence, language, passage)]
    if not comparable:
        return Verdict()  # words can't be compared across languages; the facts were
    words = _content(sentence, language or comparable[0].language)
    held = frozenset().union(*(_content(_whole(each), language or each.language) for each in comparable))
    if words and len(words & held) <= LEAST_SUPPORT * len(words):
        return Verdict(Flaw.SUPPORT, " ".join(sorted(words - held)))
    if changed := _changed_negation(sentence, words, comparable, language or comparable[0].language):
        return Verdict(Flaw.NEGATION, changed)
    return Verdict()


def _whole(passage: Passage) -> str:
    return "\n".join((passage.title, str(passage.location), passage.question, passage.text))


# Facts


def _unstated_fact(sentence: str, cited: Sequence[Passage]) -> Fact | None:
    claims = facts_of(sentence, claimed=True)
    if not claims:
        return None
    text = "\n".join(_whole(passage) for passage in cited)
    links = frozenset(link_value(passage.url) for passage in cited if passage.url)
    stated = _facts(text)
    return next((claim for claim in claims if not _is_stated(claim, stated, text, links)), None)


@lru_cache(maxsize=256)
def _facts(text: str) -> tuple[Fact, ...]:
    return tuple(facts_of(text))


def _is_stated(claim: Fact, stated: Sequence[Fact], text: str, links: frozenset[str]) -> bool:
    if claim.kind is Kind.LINK and claim.values <= links:
        return True
    if claim.kind is Kind.CODE:
        return spells(claim.written, text)
    if claim.kind is Kind.PHONE and claim.values <= digit_runs(text):
        return True
    return any(_states(fact, claim, stated) for fact in stated)


def _states(fact: Fact, claim: Fact, stated: Sequence[Fact]) -> bool:
    match claim.kind, fact.kind:
        case Kind.NUMBER, Kind.NUMBER:
            return claim.values == fact.values and (not claim.unit or not fact.unit or claim.unit == fact.unit)
        case Kind.NUMBER, Kind.DATE if claim.unit in ("", "year"):
            return bool(claim.values & {Decimal(part) for date in _dates(fact) for part in date if part is not None})
        case Kind.NUMBER, Kind.TIME if not claim.unit:
            return _as_hours(claim) == fact.values
        case Kind.TIME, Kind.NUMBER if not fact.unit:
            return claim.values == _as_hours(fact)
        case Kind.DATE, Kind.DATE:
            return any(_same_day(said, known, stated) for said in _dates(claim) for known in _dates(fact))
        case said, known:
            return said is known and claim.values == fact.values


def _dates(fact: Fact) -> list[Date]:
    return [value for value in fact.values if isinstance(value, tuple)]


def _as_hours(fact: Fact) -> set[Decimal]:
    return {value * 60 for value in fact.values if isinstance(value, Decimal)}


def _same_day(said: Date, known: Date, stated: Sequence[Fact]) -> bool:
    """Whether a stated date is the one said; it may be more precise, and its year may stand elsewhere."""
    (year, month, day), (known_year, known_month, known_day) = said, known
    if month != known_month or (day is not None and day != known_day):
        return False
    if year is None or year == known_year:
        return True
    return known_year is None and any(fact.values == {Decimal(year)} for fact in stated)


# Words

_STOPWORDS = {
    "en": frozenset(stopwords.STOPWORDS_EN_PLUS),
    "de": frozenset(stopwords.STOPWORDS_GERMAN),
    "es": frozenset(stopwords.STOPWORDS_SPANISH),
    "fr": frozenset(stopwords.STOPWORDS_FRENCH),
    "ru": frozenset(stopwords.STOPWORDS_RUSSIAN),
}
_STEMMERS = {"en": "english", "de": "german", "es": "spanish", "fr": "french", "ru": "russian"}
_HAN = re.compile(r"[\u3400-\u9fff]")
_EMPTY_HAN = frozenset(
    "的了是在您你我们他她它和与及或也都就可以能会要请把被对于从到这那有个为以其如果则并而且但将吗呢吧"
)
_ADDRESS = re.compile(r"[^\s\u3000-\u9fff]*(?:://|@|\bwww\.)[^\s\u3000-\u9fff]*")
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]{2,}")


def _comparable(sentence: str, language: str, passage: Passage) -> bool:
    if bool(_HAN.search(sentence)) != bool(_HAN.search(passage.text)):
        return False
    known = passage.language or detect_language(passage.text)
    return not language or not known or language == known


@lru_cache(maxsize=512)
def _content(text: str, language: str) -> frozenset[str]:
    """The words of a text that carry its matter, as stems; of Chinese, the characters."""
    plain = _ADDRESS.sub(" ", normalise(text).casefold())
    empty = _STOPWORDS.get(language, frozenset())
    words = [word for word in _WORD.findall(plain) if word not in empty]
    if language in _STEMMERS:
        words = snowballstemmer.stemmer(_STEMMERS[language]).stemWords(words)
    return frozenset(words) | frozenset(each for each in _HAN.findall(plain) if each not in _EMPTY_HAN)


# Negation

_NEGATIONS = {
    "en": r"\b(?:not|no|never|cannot|without|none|neither|nor|nothing|nobody|unable)\b|n't\b",
    "de": r"\b(?:nicht|nichts|kein\w*|nie|niemals|niemand\w*|ohne|weder)\b",
    "es": r"\b(?:no|nunca|jamás|sin|ningun[oa]?|ningún|tampoco|nada|nadie|ni)\b",
    "fr": r"\b(?:ne|pas|jamais|aucune?|sans|non|ni|rien|personne)\b|\bn'",
    "ru": r"\b(?:не|нет|ни|нельзя|без|никогда|никак\w*|невозможн\w+|недоступн\w+)\b",
    "zh": r"[不没無无未勿]|禁止|[并且绝]非|非(?=会员|法)|别(?=[再去用])",
}
_NO_NEGATIONS = {
    "en": r"\bnot (?:only|just|later|more|less)\b|\bno (?:later|more|less|matter|problem)\b|\bno\.? (?=\d)|^no[,.;:!]",
    "de": r"\bnicht (?:nur|später|mehr als|weniger als)\b",
    "es": r"\bno (?:solo|sólo|más de|menos de)\b|^no[,.;:!]",
    "fr": r"\bnon seulement\b|^non[,.;:!]|\bne\b(?=[^.]*\bque\b)",
    "ru": r"\bне (?:только|позднее|более|менее|позже)\b|^нет[,.;:!]",
    "zh": "不仅|不只|不但|不同|不过|不超过|不晚于|不少于|无论|无线|未来|^不,|^不是的?,",
}


def _negates(text: str, language: str) -> bool:
    plain = re.sub(_NO_NEGATIONS[language], " ", normalise(text).casefold())
    return re.search(_NEGATIONS[language], plain) is not None


def _changed_negation(sentence: str, words: frozenset[str], cited: Iterable[Passage], language: str) -> str:
    """The passage's sentence that says the same but for a negation; empty where there is none."""
    if language not in _NEGATIONS or not words:
        return ""
    shares = {
        each: len(words & _content(each, language)) / len(words)
        for passage in cited
        for text in (passage.question, passage.text)
        for each in split_sentences(text)
    }
    best = max(shares.values(), default=0.0)
    if best < SAME_STATEMENT:
        return ""
    alike = [each for each, share in shares.items() if share >= best - NEAR_BEST]
    negates = _negates(sentence, language)
    return "" if any(_negates(each, language) == negates for each in alike) else alike[0]
