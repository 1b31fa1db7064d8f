"""Passages that contradict each other."""

from dataclasses import replace

import pytest

from bot.answers.contradictions import Standing, contradiction, settle
from bot.domain import Ruling
from retrieval.passages import Found, Passage, Scored


def entry(document: str, text: str, question: str = "How long is the warranty?", language: str = "en") -> Passage:
    return Passage(f"{document}#0", document, 0, document, text, question, language=language)


def prose(document: str, text: str) -> Passage:
    return entry(document, text, "")


OLD = entry("old", "The warranty is 2 years.")
NEW = entry("new", "The warranty is 3 years.")


def found(*passages: Passage) -> Found:
    scored = tuple(Scored(each, 0.9 - place / 100, 0.9, 0.5) for place, each in enumerate(passages))
    return Found("How long is the warranty?", scored, 0.4)


def kept(outcome: Found) -> list[str]:
    return [each.passage.document for each in outcome.passages]


def test_the_newer_document_is_answered_from():
    outcome, (dispute,) = settle(found(OLD, NEW), {"old": Standing(0, False), "new": Standing(1_000, False)})
    assert kept(outcome) == ["new"]
    assert (dispute.kept, dispute.other, dispute.ruling) == ("new#0", "old#0", Ruling.NEWER)


def test_an_approved_answer_outweighs_a_newer_document():
    outcome, (dispute,) = settle(found(OLD, NEW), {"old": Standing(0, True), "new": Standing(1_000, False)})
    assert kept(outcome) == ["old"]
    assert dispute.ruling is Ruling.APPROVED


def test_documents_taken_in_together_leave_it_open():
    outcome, (dispute,) = settle(found(OLD, NEW), {"old": Standing(0, False), "new": Standing(5, False)})
    assert kept(outcome) == ["old"]
    assert dispute.ruling is Ruling.OPEN


def test_what_is_settled_makes_the_answer_no_less_sure():
    other = replace(OLD, id="x#0", document="x", question="How do I pay?", text="By card.")
    outcome, _ = settle(found(OLD, NEW, other), {"old": Standing(0, False), "new": Standing(1_000, False)})
    assert outcome.confidence >= 0.4


def test_the_same_sentence_with_another_value_contradicts():
    one = prose("a", "We open at nine. Returning a bike by carrier costs €69.")
    other = prose("b", "Returning a bike by carrier costs 79 euros.")
    assert contradiction(one, other) == (
        "Returning a bike by carrier costs €69.",
        "Returning a bike by carrier costs 79 euros.",
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (OLD, entry("new", "The warranty lasts two years.")),
        (OLD, entry("new", "Die Garantie gilt 3 Jahre.", language="de")),
        (OLD, entry("new", "The battery lasts 3 years.", "How long does the battery last?")),
        (OLD, replace(NEW, document="old")),
        (prose("a", "The City 3 bike costs €69."), prose("b", "The City 4 bike costs €79.")),
        (prose("a", "Parts arrive in 3 days."), prose("b", "Bikes arrive in 8 days.")),
    ],
)
def test_other_statements_do_not_contradict(one, other):
    assert contradiction(one, other) is None
