"""What the model is told when nothing of its answer could be shown: what was wrong, sentence by sentence."""

from collections.abc import Sequence

from bot.answers.prompt import NOT_IN_DOCUMENTS
from bot.answers.verified import Withheld
from bot.verification.verifying import Flaw
from llm.chat import ChatMessage

LONGEST_ANSWER = 2_000
"""Characters of the first answer that are repeated."""
MOST_REASONS = 5
LONGEST_SENTENCE = 160

_REASONS = {
    Flaw.UNCITED: "it doesn't end with the number of one passage, such as [1]",
    Flaw.EMPTY: "it states nothing; don't repeat the question",
    Flaw.LANGUAGE: "it is not in the language of the question",
    Flaw.FACT: "the passage that it cites doesn't state {detail}",
    Flaw.NEGATION: "the passage says the opposite: {detail}",
    Flaw.RELATION: "the passage doesn't say this about {detail}",
    Flaw.SUPPORT: "the passage that it cites doesn't say this; keep to the words of the passage",
}


def asked_again(messages: Sequence[ChatMessage], written: str, withheld: Sequence[Withheld]) -> list[ChatMessage]:
    """The prompt for a second and last try; it begins with the first one, which is cached."""
    reasons = [
        f'- "{each.sentence[:LONGEST_SENTENCE]}": {_reason(each)}.'
        for each in withheld[:MOST_REASONS]
        if each.verdict.flaw
    ]
    told = "\n".join(
        (
            "None of this can be shown to the customer:",
            *reasons,
            "Write the answer anew by the rules, from the same passages. If they don't answer the question, write "
            f"{NOT_IN_DOCUMENTS} and nothing else.",
        )
    )
    return [*messages, ChatMessage("assistant", written[:LONGEST_ANSWER]), ChatMessage("user", told)]


def _reason(withheld: Withheld) -> str:
    flaw, detail = withheld.verdict.flaw, withheld.verdict.detail
    return _REASONS[flaw].format(detail=detail[:LONGEST_SENTENCE]) if flaw else ""
