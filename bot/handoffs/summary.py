"""A conversation in three lines for the person who takes over: extracted from it, the same each time, by no model."""

from collections.abc import Iterator, Sequence

from bot.conversation import Message, Opening, Status, asked
from bot.domain import Author, Outcome, Reason
from bot.intents import asks_for_person, small_talk
from bot.ports import Kind

LONGEST_LINE = 240
"""Characters."""

WHY = {
    Reason.NOT_COVERED: "No document covers this.",
    Reason.UNSURE: "The documents have something similar, which may not be the answer.",
    Reason.NOTHING_VERIFIED: "Nothing that the model wrote stood in the documents.",
    Reason.ASKED_FOR_PERSON: "The customer asked for a person.",
    Reason.FILE: "The customer sent a file, which only a person can look at.",
    Reason.NO_DOCUMENTS: "There are no documents to answer from.",
    Reason.FAILED: "Something broke on our side.",
    Reason.RULE: "This topic always goes to a person.",
    Reason.ANGRY: "The customer is angry.",
    Reason.REPEATED: "The assistant didn't help twice in a row.",
}
"""Why a case was opened, for staff."""


def summarized(messages: Sequence[Message], opening: Opening) -> Sequence[str]:
    """The problem in the customer's words, what was tried, and what is missing; a line each, as far as there is one."""
    lines = [_clipped(open_question(messages) or _last_words(messages)), _tried(messages), why(opening)]
    return tuple(line for line in lines if line)


def why(opening: Opening) -> str:
    """Why a case was opened; empty where a person took the conversation unasked."""
    if opening.reason is None:
        return ""
    said = WHY[opening.reason]
    return f"{said.removesuffix('.')}: {opening.detail}." if opening.detail else said


def open_question(messages: Sequence[Message]) -> str:
    """What the customer last asked, edits and deletions heeded: more than hello, or a wish for a person."""
    for burst in _bursts(messages):
        said = asked(burst, burst[-1].seq).text
        wanted = "\n".join(line for line in said.splitlines() if not (small_talk(line) or asks_for_person(line)))
        if wanted.strip():
            return wanted.strip()
    return ""


def _bursts(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """What the customer wrote without being answered in between, the latest first."""
    burst: list[Message] = []
    for message in reversed(messages):
        if message.status is Status.RECEIVED:
            burst.insert(0, message)
        elif burst and message.author is not Author.NOTICE:
            yield burst
            burst = []
    if burst:
        yield burst


def _tried(messages: Sequence[Message]) -> str:
    answers = [message for message in messages if message.outcome is Outcome.ANSWERED and message.citations]
    asked_back = sum(message.outcome is Outcome.CLARIFY for message in messages)
    unhelpful = sum(message.kind is Kind.FEEDBACK and message.text == "unhelpful" for message in messages)
    parts = []
    if answers:
        title = answers[-1].citations[0].title
        parts.append(f"{_times('answered', len(answers))}, last from “{title}”")
    if asked_back:
        parts.append(_times("asked back", asked_back))
    if unhelpful:
        parts.append(_times("called not helpful", unhelpful))
    return _clipped(f"The assistant: {'; '.join(parts)}.") if parts else ""


def _times(what: str, count: int) -> str:
    return what if count == 1 else f"{what} {count} times"


def _last_words(messages: Sequence[Message]) -> str:
    said = (m.text for m in reversed(messages) if m.author is Author.CUSTOMER and m.kind is Kind.MESSAGE and m.text)
    return next(said, "")


def _clipped(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1].rstrip()}…"
