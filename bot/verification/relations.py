"""Do the right words of a sentence stand in the right relation? Rules for how a true sentence is most often twisted.

Each rule compares with what the passages say and speaks only where they say something else: another value of the same
kind belongs to this noun, the limit is a lower one and not an upper, `can` became `must`, `open` became `closed`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from bot.verification.fact_words import MONTHS, WEEKDAYS
from bot.verification.facts import Fact, Kind, facts_of, normalise
from bot.verification.relation_words import (
    ALWAYS,
    AT_LEAST,
    AT_LEAST_BEHIND,
    AT_MOST,
    AT_MOST_BEHIND,
    CLAUSE_END,
    MAY,
    MUST,
    ONLY,
    OPPOSITES,
    USUALLY,
)
from bot.verification.sentences import split_sentences
from bot.verification.wording import content, whole
from retrieval.passages import Passage

SAME_STATEMENT = 0.6
"""Share of a sentence's content words from which on a sentence of the passage counts as saying the same."""
NEAR_BEST = 0.15
"""Sentences of the passage whose share is at most this much below the best one's are looked at, too."""
_LONGEST_BOUND = 24


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence, with the values it states and its content words."""

    facts: tuple[Fact, ...]
    words: frozenset[str]


def alike(sentence: str, cited: Sequence[Passage], language: str) -> list[str]:
    """The sentences of the passages that say the same, or the opposite; empty where none is near."""
    words = content(sentence, language)
    if not words:
        return []
    shares = {
        each: len(words & content(each, language)) / len(words)
        for passage in cited
        for text in (passage.question, passage.text)
        for each in split_sentences(text)
    }
    best = max(shares.values(), default=0.0)
    return [each for each, share in shares.items() if share >= best - NEAR_BEST] if best >= SAME_STATEMENT else []


def twisted(sentence: str, cited: Sequence[Passage], language: str) -> str:
    """What the sentence turns into something that its passages don't say; empty where no rule finds anything."""
    return (
        _misplaced(sentence, cited, language)
        or _among_other_words(sentence, cited, language)
        or _other_bound(sentence, cited)
        or _stronger(sentence, cited, language)
        or _opposite(sentence, cited, language)
        or _unknown_name(sentence, cited, language)
    )


def _misplaced(sentence: str, cited: Sequence[Passage], language: str) -> str:
    """A value that the passages give to something else, while they give this another one of the same kind."""
    topic = frozenset[str]().union(*(content(f"{each.title} {each.heading}", language) for each in cited))
    stated = [clauses(each, language) for passage in cited for each in split_sentences(passage.text)]
    together = [tuple(clause for part in stated for clause in part)]
    for said in clauses(sentence, language):
        for fact in said.facts:
            if fact.kind is Kind.NUMBER and not fact.unit:
                known = stated  # it may count anything: only in the same sentence there is a rival
            elif fact.kind in (Kind.NUMBER, Kind.TIME):
                known = together
            else:
                continue
            stating = [part for part in known if any(_same(fact, each) for clause in part for each in clause.facts)]
            if stating and all(_belongs_elsewhere(fact, said.words - topic, part, topic) for part in stating):
                return fact.written
    return ""


def _belongs_elsewhere(fact: Fact, words: frozenset[str], known: Sequence[Clause], topic: frozenset[str]) -> bool:
    same = [clause for clause in known if any(_same(fact, each) for each in clause.facts)]
    rivals = [clause for clause in known if clause not in same and any(_same_kind(fact, each) for each in clause.facts)]
    if not same or not rivals:
        return False
    near = max(len(words & clause.words) for clause in same)

    def takes(rival: Clause, own: Clause) -> bool:
        only_rival = words & (rival.words - own.words) - topic
        only_own = own.words - rival.words - words - topic
        return bool(only_rival and only_own) and len(words & rival.words - topic) >= near

    return any(all(takes(rival, own) for own in same) for rival in rivals)


def _same(one: Fact, other: Fact) -> bool:
    return one.kind is other.kind and bool(one.values & other.values) and one.unit in ("", other.unit)


def _same_kind(one: Fact, other: Fact) -> bool:
    return one.kind is other.kind and one.unit == other.unit and not one.values & other.values


@lru_cache(maxsize=1024)
def clauses(sentence: str, language: str) -> tuple[Clause, ...]:
    """The sentence cut so that each part has values, as far as there are any; what has none goes with the next."""
    parts: list[str] = []
    waiting = ""
    for piece in _pieces(normalise(sentence)):
        if facts_of(piece, claimed=True):
            parts.append(waiting + piece)
            waiting = ""
        else:
            waiting += piece
    if waiting and parts:
        parts[-1] += waiting
    return tuple(Clause(tuple(facts_of(part, claimed=True)), content(part, language)) for part in parts)


def _pieces(sentence: str) -> Iterator[str]:
    start = 0
    for match in CLAUSE_END.finditer(sentence):
        yield sentence[start : match.end()]
        start = match.end()
    yield sentence[start:]


def _among_other_words(sentence: str, cited: Sequence[Passage], language: str) -> str:
    """A number between words that the passages have around another number, and not around this one."""
    known = [place for passage in cited for place in _places(passage.text, language)]
    for number, before, behind in _places(sentence, language):
        own = [before & b or behind & a for value, b, a in known if value == number]
        others = [_are_mostly(before, b) or _are_mostly(behind, a) for value, b, a in known if value != number]
        if own and not any(own) and any(others):
            return number
    return ""


def _are_mostly(words: frozenset[str], others: frozenset[str]) -> bool:
    return bool(words) and len(words & others) >= SAME_STATEMENT * len(words)


@lru_cache(maxsize=256)
def _places(text: str, language: str) -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    """Each number with the content words of its sentence before and behind it, as far as the next number."""
    found = []
    for sentence in split_sentences(text):
        parts = re.split(r"((?<!\w)\d+(?:[.,]\d+)*(?!\w))", normalise(sentence))
        words = [content(part, language) for part in parts[::2]]
        found += [(number, words[place], words[place + 1]) for place, number in enumerate(parts[1::2])]
    return tuple(found)


def _other_bound(sentence: str, cited: Sequence[Passage]) -> str:
    """A number given as a lower limit where the passages have it as an upper one, or the reverse."""
    known = [(value, bound) for passage in cited for value, bound in _bounds(whole(passage))]
    for value, bound in _bounds(sentence):
        others = {other for number, other in known if number == value}
        if bound and others and bound not in others and others - {""}:
            return value
    return ""


@lru_cache(maxsize=256)
def _bounds(text: str) -> tuple[tuple[str, str], ...]:
    plain = normalise(text)
    found = []
    for match in re.finditer(r"\d+(?:[.,]\d+)?", plain):
        before = re.sub(r"[€$£¥]\s?$", "", plain[max(0, match.start() - _LONGEST_BOUND) : match.start()])
        behind = plain[match.end() : match.end() + 2 * _LONGEST_BOUND]
        least = AT_LEAST.search(before) or AT_LEAST_BEHIND.search(behind)
        most = AT_MOST.search(before) or AT_MOST_BEHIND.search(behind)
        found.append((match[0], "least" if least and not most else "most" if most and not least else ""))
    return tuple(found)


def _stronger(sentence: str, cited: Sequence[Passage], language: str) -> str:
    """`Only` or `all` that no passage says, `must` for `may`, a `usually` that is gone."""
    near = " ".join(alike(sentence, cited, language))
    said = near or "\n".join(whole(passage) for passage in cited)
    for words in (ONLY, ALWAYS):
        if (found := words.search(sentence)) and not words.search(said):
            return found[0]
    if (found := MUST.search(sentence)) and MAY.search(near) and not MUST.search(near):
        return found[0]
    hedge = USUALLY.search(near)
    if hedge and not USUALLY.search(sentence) and not MAY.search(sentence):
        return hedge[0]
    return ""


def _opposite(sentence: str, cited: Sequence[Passage], language: str) -> str:
    text = normalise("\n".join(whole(passage) for passage in cited))
    said = normalise(" ".join(alike(sentence, cited, language)))
    plain = normalise(sentence)
    for pair in _OPPOSITES:
        for one, other in (pair, pair[::-1]):
            found = one.search(plain)
            if found and not other.search(plain) and not one.search(text) and other.search(said):
                return found[0]
    return ""


def _word_pattern(pattern: str) -> re.Pattern[str]:
    bare = re.search(r"[\u4e00-\u9fff]", pattern)
    return re.compile(pattern if bare else rf"\b(?:{pattern})\b", re.IGNORECASE)


_OPPOSITES = tuple((_word_pattern(one), _word_pattern(other)) for one, other in OPPOSITES)

_NAME = re.compile(r"(?<![.!?:•*\n] )(?<=[\w,;(\"“«-] )[^\W\d_a-zа-яёà-öø-ÿ\u3000-\u9fff][^\W\d_]+")
_COMMON_START = 4
_ZH_LEAD = re.compile(r"^根据[^,，。]{0,14}[,，]")


def _unknown_name(sentence: str, cited: Sequence[Passage], language: str) -> str:
    """A name within the sentence that no passage has, not even in another form. German writes every noun so.

    Chinese marks no names; there, it is two characters on end that no passage has, which is stricter.
    """
    if language == "de":
        return ""
    if language == "zh":
        return _unknown_characters(sentence, cited)
    text = normalise("\n".join(whole(passage) for passage in cited)).casefold()
    for match in _NAME.finditer(normalise(sentence)):
        plain = match[0].casefold()
        is_known = plain in MONTHS or plain in WEEKDAYS or not content(match[0], language)
        if not is_known and not re.search(rf"\b{re.escape(plain[:_COMMON_START])}", text):
            return match[0]
    return ""


def _unknown_characters(sentence: str, cited: Sequence[Passage]) -> str:
    text = normalise("\n".join(whole(passage) for passage in cited))
    plain = _ZH_LEAD.sub("", normalise(sentence))
    for run in re.findall(r"[\u4e00-\u9fff]{2,}", plain):
        for pair in pairwise(run):
            if not any(each in text or each not in content(each, "zh") for each in pair):
                return "".join(pair)
    return ""
