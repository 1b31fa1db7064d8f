"""Two passages that contradict each other: which one is answered from, and what is said of it.

Only what is certain counts: the same statement in the same language, word for word but for a value of the same kind,
from two documents. Approved answers outweigh documents, newer documents older ones.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from bot.domain import Dispute, Ruling
from bot.verification.facts import Kind, facts_of
from bot.verification.sentences import split_sentences
from bot.verification.wording import content
from retrieval.confidence import confidence, margin
from retrieval.language import detect_language
from retrieval.passages import Found, Passage

SAME_WORDS = 0.8
"""Share of common content words, of all, from which on two statements are the same."""
FEWEST_WORDS = 2
NEWER_BY = 60.0
"""Seconds: documents that were taken in together have no order."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a document beside its text."""

    changed: float
    """When it was stored as it is: seconds since the epoch."""
    approved: bool
    """Whether a person approved it as an answer."""


def settle(found: Found, standings: Mapping[str, Standing]) -> tuple[Found, list[Dispute]]:
    """The passages without those that are contradicted by better ones, and what was in dispute.

    `standings` are by document; nothing is settled between documents of which one has none.
    """
    disputes = []
    lost: set[str] = set()
    for one, other in combinations([each.passage for each in found.passages], 2):
        values = contradiction(one, other)
        if not values or {one.id, other.id} & lost or not {one.document, other.document} <= standings.keys():
            continue
        kept, dropped, ruling = _judge(one, other, standings)
        said, otherwise = values if kept is one else values[::-1]
        disputes.append(Dispute(kept.id, dropped.id, said, otherwise, ruling))
        lost.add(dropped.id)
    if not disputes:
        return found, []
    kept_passages = [each for each in found.passages if each.passage.id not in lost]
    # What is settled is no rival any more.
    signals = replace(found.signals, margin=max(margin(kept_passages), found.signals.margin))
    surer = max(found.confidence, confidence(signals))
    return replace(found, passages=kept_passages, signals=signals, confidence=surer), disputes


def in_dispute(passages: Sequence[Passage]) -> set[str]:
    """The documents that contradict each other."""
    return {each.document for pair in combinations(passages, 2) if contradiction(*pair) for each in pair}


def about(disputes: Sequence[Dispute], cited: Collection[str]) -> list[Dispute]:
    """The disputes that an answer with these passages has part in."""
    return [each for each in disputes if each.kept in cited]


def contradiction(one: Passage, other: Passage) -> tuple[str, str] | None:
    """What one passage says and what the other says otherwise; None where they don't contradict each other."""
    if one.document == other.document or one.language != other.language or one.is_entry != other.is_entry:
        return None
    language = one.language or detect_language(one.text)
    if one.is_entry:
        same = _same_words(one.question, other.question, language)
        return (one.text, other.text) if same and _differ(one.text, other.text) else None
    for said in split_sentences(one.text):
        for otherwise in split_sentences(other.text):
            if _same_words(said, otherwise, language) and _differ(said, otherwise):
                return said, otherwise
    return None


def _same_words(one: str, other: str, language: str) -> bool:
    mine, theirs = content(one, language), content(other, language)
    return len(mine) >= FEWEST_WORDS and len(mine & theirs) >= SAME_WORDS * len(mine | theirs)


def _differ(one: str, other: str) -> bool:
    """Whether they have values of one kind and none in common, and otherwise the same codes and counts."""
    mine, theirs = _values(one), _values(other)
    plain = [(Kind.NUMBER, ""), (Kind.CODE, "")]
    if any(mine.get(kind) != theirs.get(kind) for kind in plain):
        return False
    return any(not mine[kind] & theirs[kind] for kind in mine.keys() & theirs.keys() - set(plain))


def _values(text: str) -> dict[tuple[Kind, str], set[object]]:
    values: dict[tuple[Kind, str], set[object]] = {}
    for fact in facts_of(text, claimed=True):
        values.setdefault((fact.kind, fact.unit), set()).update(fact.values)
    return values


def _judge(one: Passage, other: Passage, standings: Mapping[str, Standing]) -> tuple[Passage, Passage, Ruling]:
    mine, theirs = standings[one.document], standings[other.document]
    if mine.approved != theirs.approved:
        return (one, other, Ruling.APPROVED) if mine.approved else (other, one, Ruling.APPROVED)
    if abs(mine.changed - theirs.changed) > NEWER_BY:
        return (one, other, Ruling.NEWER) if mine.changed > theirs.changed else (other, one, Ruling.NEWER)
    return one, other, Ruling.OPEN
