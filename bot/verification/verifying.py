"""Does a sentence stand in the passages it cites? A check that is the same every time, and rather withholds.

Rules first: facts that no cited passage states, a `not` that came or went, relations that were twisted. Then the
support score: how well the passages account for all of the sentence's words. What rules and score can't tell is a
relation that is wrong in other ways than the rules know.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from enum import StrEnum
from functools import lru_cache

from bot.verification.facts import Date, Fact, Kind, digit_runs, facts_of, link_value, normalise, spells
from bot.verification.likening import Likening
from bot.verification.orders import gives_orders
from bot.verification.relation_words import YES_OR_NO
from bot.verification.relations import alike, twisted
from bot.verification.supporting import LEAST_SUPPORT, support, unknown_part
from bot.verification.wording import can_negate, content, is_comparable, negates, negations, terms, whole
from retrieval.language import detect_language
from retrieval.passages import Passage

ECHO = 0.92
"""Likeness to the question from which on a sentence only repeats it."""
FEWEST_WORDS, FEWEST_CHARACTERS = 3, 6
"""A sentence of fewer words, of Chinese characters, which also states no fact, says nothing by itself."""
VERBATIM = 0.9
"""Share of common content words, of all, from which on two sentences should deny equally often."""
TOLD_LANGUAGE = 5
"""Words from which on the language of a sentence can be told."""


class Flaw(StrEnum):
    """Why a sentence is not shown."""

    UNCITED = "uncited"
    EMPTY = "says_nothing"
    LANGUAGE = "other_language"
    FACT = "unstated_fact"
    NEGATION = "changed_negation"
    RELATION = "twisted_relation"
    SUPPORT = "too_little_support"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a check."""

    flaw: Flaw | None = None
    detail: str = ""
    """Words that the flaw is about: not for logs."""

    @property
    def supported(self) -> bool:
        """Whether the sentence may be shown."""
        return self.flaw is None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a sentence should be an answer to."""

    question: str = ""
    languages: frozenset[str] = frozenset()
    """Those that it may be written in; empty means any."""


def verify(
    sentence: str, cited: Sequence[Passage], wanted: Wanted | None = None, likening: Likening | None = None
) -> Verdict:
    """Check a sentence, its markers taken off, against the passages it cites.

    Where sentence and passages are in different languages, meanings are compared by `likening`; without it, only facts
    are.
    """
    wanted = wanted or Wanted()
    if not cited:
        return Verdict(Flaw.UNCITED)
    language = detect_language(sentence)
    if _says_nothing(sentence, cited, wanted.question, language):
        return Verdict(Flaw.EMPTY, sentence)
    if wanted.languages and language and language not in wanted.languages:
        if _is_telling(sentence, language):
            return Verdict(Flaw.LANGUAGE, language)
        language = ""  # too short to be sure
    if unstated := _unstated_fact(sentence, cited):
        return Verdict(Flaw.FACT, unstated.written)
    comparable = [passage for passage in cited if is_comparable(sentence, language, passage)]
    if comparable:
        return _compared(
            sentence, comparable, language or comparable[0].language or detect_language(comparable[0].text)
        )
    return _compared_across(sentence, cited, language, likening) if likening else Verdict()


def without_verdict(sentence: str, question: str) -> str:
    """The sentence without a leading yes or no, unless what follows is about what was asked.

    What a `yes` affirms is the question, and that stands in no passage.
    """
    opening = YES_OR_NO.match(sentence)
    if not opening:
        return sentence
    rest = sentence[opening.end() :].lstrip()
    language = detect_language(sentence)
    asked = content(question, language)
    if len(asked & content(rest, language)) * 2 >= len(asked):
        return sentence
    return rest[:1].upper() + rest[1:]


def _compared(sentence: str, cited: Sequence[Passage], language: str) -> Verdict:
    """What the words say, of passages in the sentence's language."""
    near = alike(sentence, cited, language)
    if near and _denies_otherwise(sentence, language, [(each, language) for each in near]):
        return Verdict(Flaw.NEGATION, near[0])
    if changed := _denies_more_or_less(sentence, near, language):
        return Verdict(Flaw.NEGATION, changed)
    if detail := twisted(sentence, cited, language):
        return Verdict(Flaw.RELATION, detail)
    if invented := unknown_part(sentence, cited, language):
        return Verdict(Flaw.SUPPORT, invented)
    if support(sentence, cited, language) < LEAST_SUPPORT:
        return Verdict(Flaw.SUPPORT, sentence)
    return Verdict()


def _denies_more_or_less(sentence: str, near: Sequence[str], language: str) -> str:
    """The sentence of the passages that is the same word for word but for a negation among others."""
    words = content(sentence, language)
    same = [
        each for each in near if len(words & content(each, language)) >= VERBATIM * len(words | content(each, language))
    ]
    if not same or not can_negate(language):
        return ""
    denied = negations(sentence, language)
    return "" if any(negations(each, language) == denied for each in same) else same[0]


def _compared_across(sentence: str, cited: Sequence[Passage], language: str, likening: Likening) -> Verdict:
    """What the meanings say, of passages in another language."""
    near = likening.like(sentence, cited)
    if not near:
        return Verdict(Flaw.SUPPORT, sentence)
    if _denies_otherwise(sentence, language, [(each, detect_language(each)) for each in near]):
        return Verdict(Flaw.NEGATION, near[0])
    return Verdict()


def _denies_otherwise(sentence: str, language: str, near: Sequence[tuple[str, str]]) -> bool:
    """Whether the sentence denies and none of those near it does, or the reverse."""
    if not can_negate(language):
        return False
    told = [negates(each, spoken) for each, spoken in near if can_negate(spoken)]
    return bool(told) and negates(sentence, language) not in told


def _says_nothing(sentence: str, cited: Sequence[Passage], question: str, language: str) -> bool:
    """Whether it is a question, an order to a model, the customer's own words, a heading, or a bare yes."""
    if gives_orders(sentence):
        return True
    bare = sentence.strip("\"'”’»*_` ")
    if bare.endswith(("?", "？")) or (bare.startswith("(") and bare.rstrip(".。").endswith(")")):
        return True
    fewest = FEWEST_CHARACTERS if language == "zh" else FEWEST_WORDS
    is_bare = len(terms(sentence, language)) < fewest or not content(sentence, language)
    if is_bare and not facts_of(sentence, claimed=True):
        return True
    said, asked, *headings = (
        " ".join(re.findall(r"\w+", normalise(text).casefold()))
        for text in (sentence, question, *(each.title for each in cited), *(str(each.location) for each in cited))
    )
    return said in (asked, *headings) or SequenceMatcher(None, said, asked, autojunk=False).ratio() > ECHO


def _is_telling(sentence: str, language: str) -> bool:
    return len(terms(sentence, language)) >= TOLD_LANGUAGE


# Facts


def _unstated_fact(sentence: str, cited: Sequence[Passage]) -> Fact | None:
    claims = facts_of(sentence, claimed=True)
    if not claims:
        return None
    text = "\n".join(whole(passage) for passage in cited)
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
