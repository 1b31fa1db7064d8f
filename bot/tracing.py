"""A customer's turn as one trace, from the channel's event to the channel's receipt.

Its parts happen in several processes that share nothing but the database, so what names a part travels in the body of
each message: that of what came in names its intake, that of what goes out names the turn. Messages of one burst begin a
trace each; the turn is a part of the first one's and has links to the others.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from bot import metrics
from bot.conversation import Change, Conversation, Message
from bot.domain import Chat, Line, Outcome, Reason
from bot.patience import unanswered
from bot.ports import Receipt
from llm.telemetry import Attributes, Span, SpanKind, past_span, span, traceparent

CONVERSATION = "gen_ai.conversation.id"


@contextmanager
def intake(chat: Chat) -> Iterator[Span]:
    """The beginning of a trace: a channel's event is taken in."""
    with span("receive", _about(chat), kind=SpanKind.CONSUMER) as begun:
        yield begun


@dataclass(frozen=True, slots=True)
class Observed:
    """A turn that is under way."""

    span: Span
    chat: Chat
    asked_at: float
    """When the first message came that it is about."""

    def says(self, change: Change) -> Change:
        """The same change, whose messages name this turn."""
        named = traceparent(self.span)
        return replace(change, replies=[replace(reply, trace=named) for reply in change.replies]) if named else change

    def concluded(self, change: Change, now: float, *, shown: bool) -> None:
        """Note what it came to, and whether the customer saw some of it before."""
        outcome, manner, reason = outcome_of(change)
        line = metrics.of_line(self.chat.line)
        seconds = max(0.0, now - self.asked_at)
        metrics.turns.add(1, line | {"outcome": outcome, "manner": manner, "reason": reason})
        metrics.turn_seconds.record(seconds, line | {"outcome": outcome})
        if not shown and change.replies:
            metrics.first_text_seconds.record(seconds, line)
        self.span.set_attributes(
            {"answerdesk.outcome": outcome, "answerdesk.manner": manner, "answerdesk.reason": reason}
        )


@contextmanager
def turn(conversation: Conversation, messages: Sequence[Message], now: float) -> Iterator[Observed]:
    """An attempt at a turn, in the trace of the first message that it is about."""
    asked = unanswered(conversation, messages)
    asked_at = min((message.at for message in asked), default=now)
    first, *others = [message.trace for message in asked if message.trace] or [""]
    about = _about(conversation.chat) | {CONVERSATION: conversation.id, "answerdesk.messages": len(asked)}
    with span("turn", about, parent=first, links=others) as begun:
        if not conversation.failures and not conversation.deaths:
            past_span("queue", asked_at, first, about)
            metrics.queue_seconds.record(max(0.0, now - asked_at), metrics.of_line(conversation.chat.line))
        yield Observed(begun, conversation.chat, asked_at)


def commit() -> AbstractContextManager[Span]:
    """What a turn came to is stored."""
    return span("commit")


@dataclass(frozen=True, slots=True)
class Sending:
    """A message on its way."""

    span: Span
    line: Line

    def acknowledged(self, receipt: Receipt, seconds: float) -> None:
        """Note what the channel said to a message that was stored so many seconds ago."""
        kind = metrics.received(receipt, self.line, seconds)
        self.span.set_attribute("answerdesk.receipt", kind)
        self.span.add_event("acknowledged")


@contextmanager
def sending(conversation: Conversation, message: Message) -> Iterator[Sending]:
    """The end of a trace: a message is handed to its channel, until that says that it has it."""
    where: Attributes = {
        CONVERSATION: conversation.id,
        "answerdesk.message": message.seq,
        "answerdesk.attempt": message.attempts,
    }
    about = {**_about(conversation.chat), **where}
    with span("send", about, kind=SpanKind.PRODUCER, parent=message.trace) as begun:
        yield Sending(begun, conversation.chat.line)


def outcome_of(change: Change) -> tuple[str, str, str]:
    """What the customer got, where its words are from, and why no more."""
    answer = next((reply for reply in change.replies if reply.outcome), None)
    reason: Reason | None = answer.reason if answer else None
    manner = str(dict(change.events).get("answered", {}).get("manner", "fixed"))
    if change.handoff is not None:
        return Outcome.HANDOFF.value, manner, (change.handoff.reason or reason or Reason.FAILED).value
    if answer and answer.outcome:
        return answer.outcome.value, manner, reason.value if reason else ""
    return ("notice" if change.replies else "kept"), manner, ""


def _about(chat: Chat) -> dict[str, str | int]:
    return {"answerdesk.company": chat.company, "answerdesk.channel": chat.channel}
