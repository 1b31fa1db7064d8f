"""A question that takes for granted what the documents have otherwise: `since the warranty is 10 years, ...`.

Told by its facts alone: a value in words that assert it, and a passage that gives another value of the same kind to the
same thing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.verification.facts import Fact, Kind, facts_of
from bot.verification.relations import clauses
from bot.verification.sentences import split_sentences
from bot.verification.wording import content, is_comparable
from retrieval.language import detect_language
from retrieval.passages import Passage

_ASSERTS = re.compile(
    r"\b(?:since|because|as (?!soon|long|well|far)|given that|why|right\?|correct\?|true that|told me"
    r"|(?:is|are|do|does|was)n't|(?:i|we) (?:read|heard|saw|thought|know|was told|were told)"
    r"|you (?:say|said|promise|advertise|offer)|according to"
    r"|da |weil|warum|wieso|stimmt|oder\?|richtig\?|gelesen|gehört|dachte|sie sagen|ihr sagt|laut"
    r"|ya que|porque|por qué|puesto que|dado que|verdad\?|cierto\?|he leído|leí|oí|dijeron|según"
    r"|puisque|parce que|vu que|pourquoi|n'est-ce pas|c'est vrai|j'ai lu|entendu|vous dites|selon"
    r"|раз |поскольку|так как|потому что|почему|правда|верно|читал\w*|слышал\w*|думал\w*|вы пишете|сказали)"
    r"|既然|因为|为什么|为何|对吧|是吧|对吗|是吗|听说|看到|据说|你们说|不是",
    re.IGNORECASE,
)
_IN_UNITS = {"year": ("month", 12), "week": ("day", 7)}


@dataclass(frozen=True, slots=True)
class Correction:
    """What the customer takes for granted, and what a passage says instead."""

    passage: Passage
    said: str
    """The value as the customer wrote it."""
    stated: str
    """The sentence of the passage."""
    facts: frozenset[Fact]
    """The values of that kind in the sentence."""

    def is_made_by(self, text: str) -> bool:
        """Whether a text states the passage's value."""
        values = {value for fact in facts_of(text) for value in fact.values}
        return any(fact.values & values for fact in self.facts)


def false_premise(question: str, passages: Sequence[Passage]) -> Correction | None:
    """What the passages correct in a question; None where nothing is asserted or contradicted."""
    language = detect_language(question)
    comparable = [each for each in passages if is_comparable(question, language, each)]
    for asserted in _assertions(question):
        for clause in clauses(asserted, language):
            for fact in clause.facts:
                if _can_be_compared(fact) and (found := _contradicted(fact, clause.words, comparable, language)):
                    return found
    return None


def _assertions(question: str) -> list[str]:
    """The sentences that assert: by a word that says so, or by being no question where another one asks."""
    sentences = split_sentences(question)
    asks = any(each.endswith(("?", "？")) for each in sentences)
    return [each for each in sentences if _ASSERTS.search(each) or (asks and each.endswith((".", "。", "!", "！")))]


def _can_be_compared(fact: Fact) -> bool:
    return fact.kind is Kind.TIME or (fact.kind is Kind.NUMBER and bool(fact.unit))


def _measured(fact: Fact) -> tuple[str, frozenset[Decimal]]:
    """What a fact measures, and how much of it: two years are 24 months."""
    unit, factor = _IN_UNITS.get(fact.unit, (fact.unit, 1))
    return unit, frozenset(value * factor for value in fact.values if isinstance(value, Decimal))


def _contradicted(fact: Fact, words: frozenset[str], passages: Sequence[Passage], language: str) -> Correction | None:
    """The first passage that gives what the words name another value, unless any of them gives it this one."""
    other: Correction | None = None
    unit, values = _measured(fact)
    for passage in passages:
        above = content(passage.heading, language)
        for sentence in split_sentences(passage.text):
            for clause in clauses(sentence, language):
                same_kind = frozenset(
                    each for each in clause.facts if each.kind is fact.kind and _measured(each)[0] == unit
                )
                if not same_kind or not words & (clause.words | above):
                    continue
                if any(_measured(each)[1] & values for each in same_kind):
                    return None
                other = other or Correction(passage, fact.written, sentence, same_kind)
    return other
