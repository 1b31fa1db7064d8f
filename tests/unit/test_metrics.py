"""What answers cost, and what a turn counts as."""

import pytest

from bot.conversation import Asked, Change, Opening, Reply
from bot.domain import Answer, Author, Manner, Outcome, Owner, Reason
from bot.metrics import price
from bot.replying import answered
from bot.tracing import outcome_of
from llm.chat import Spent
from llm.settings import LLMSettings

SPENT = Spent("http://it/v1", 0.1, 0.5, prompt_tokens=1_000, cached_tokens=600, written_tokens=100)


@pytest.mark.parametrize(
    ("prices", "due"),
    [
        ({}, 0.0),
        ({"price_input": 2}, 2_000),
        ({"price_input": 2, "price_cached": 0.5}, 800 + 300),
        ({"price_input": 2, "price_cached": 0, "price_output": 8}, 800 + 800),
    ],
)
def test_an_answer_costs_what_its_tokens_do(prices: dict[str, float], due: float) -> None:
    assert price(SPENT, LLMSettings(**prices)) == pytest.approx(due / 1_000_000)


def of(outcome: Outcome, reason: Reason | None = None, manner: Manner = Manner.FIXED) -> Change:
    """What an answer comes to."""
    return answered(Asked(1, "What?"), Answer(outcome, "So.", 0.9, "en", reason=reason, manner=manner))


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        (of(Outcome.ANSWERED, manner=Manner.VERBATIM), ("answered", "verbatim", "")),
        (of(Outcome.CLARIFY, Reason.UNSURE), ("clarify", "fixed", "unsure")),
        (of(Outcome.HANDOFF, Reason.NOT_COVERED), ("handoff", "fixed", "not_covered")),
        (
            Change(1, [Reply("Soon.")], Owner.WAITING, handoff=Opening(Reason.ASKED_FOR_PERSON)),
            ("handoff", "fixed", "asked_for_person"),
        ),
        (Change(1, [Reply("Hello.", Author.NOTICE)]), ("notice", "fixed", "")),
        (Change(1, owner=Owner.HUMAN), ("kept", "fixed", "")),
    ],
)
def test_a_turn_counts_as_what_the_customer_got(change: Change, counted: tuple[str, str, str]) -> None:
    assert outcome_of(change) == counted
