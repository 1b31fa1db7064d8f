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

from bot.facts import Date, Fact, Kind, digit_runs, facts_of, link_value, normalise, spells
from bot.relations import alike, twisted
from bot.supporting import LEAST_SUPPORT, support
from bot.wording import can_negate, is_comparable, negates, whole
from retrieval.language import detect_language
from retrieval.passages import Passage

ECHO = 0.92
"""Likeness to the question from which on a sentence only repeats it."""


class Flaw(StrEnum):
    """Why a sentence is not shown."""

    UNCITED = "uncited"
    ECHO = "repeats_the_question"
    FACT = "unstated_fact"
    NEGATION = "changed_negation"
    RELATION = "twisted_relation"
    SUPPORT = "too_little_support"


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


def verify(sentence: str, cited: Sequence[Passage], question: str = "") -> Verdict:
    """Check a sentence, its markers taken off, against the passages it cites; `question` is what it should answer."""
    if not cited:
        return Verdict(Flaw.UNCITED)
    if _is_question(sentence) or _echoes(sentence, question):
        return Verdict(Flaw.ECHO, sentence)
    if unstated := _unstated_fact(sentence, cited):
        return Verdict(Flaw.FACT, unstated.written)
    language = detect_language(sentence)
    comparable = [passage for passage in cited if is_comparable(sentence, language, passage)]
    if not comparable:
        return Verdict()  # words can't be compared across languages; the facts were
    return _compared(sentence, comparable, language or comparable[0].language or detect_language(comparable[0].text))


def _compared(sentence: str, cited: Sequence[Passage], language: str) -> Verdict:
    """What the words say, of passages in the sentence's language."""
    if changed := _changed_negation(sentence, cited, language):
        return Verdict(Flaw.NEGATION, changed)
    if detail := twisted(sentence, cited, language):
        return Verdict(Flaw.RELATION, detail)
    if support(sentence, cited, language) < LEAST_SUPPORT:
        return Verdict(Flaw.SUPPORT, sentence)
    return Verdict()


def _is_question(sentence: str) -> bool:
    return sentence.rstrip("\"'”’»)）」』*_` ").endswith(("?", "？"))


def _echoes(sentence: str, question: str) -> bool:
    said, asked = (" ".join(re.findall(r"\w+", normalise(text).casefold())) for text in (sentence, question))
    return bool(said) and (said == asked or SequenceMatcher(None, said, asked, autojunk=False).ratio() > ECHO)


def _changed_negation(sentence: str, cited: Sequence[Passage], language: str) -> str:
    """The passage's sentence that says the same but for a negation; empty where there is none."""
    if not can_negate(language):
        return ""
    near = alike(sentence, cited, language)
    denied = negates(sentence, language)
    return "" if any(negates(each, language) == denied for each in near) else "".join(near[:1])


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
