"""When a question goes to a person though it could be answered: rules of the staff, anger, and failing twice."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.conversation import Change, Conversation, Message, Opening, Reply, Status
from bot.domain import Answer, Author, Outcome, Owner, Reason
from bot.handoffs.hours import Hours
from bot.handoffs.mood import Mood, mood
from bot.handoffs.topics import Topics
from bot.intents import fold, small_talk
from bot.ports import Kind
from bot.sections import HandoffSettings

ASKED_AGAIN_WITHIN = 3600.0
"""Seconds: who asks the same later may well want to know it again."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Escalation:
    """What one company wants to go to people, and when they are there."""

    topics: Topics
    hours: Hours

    @classmethod
    def of(cls, settings: HandoffSettings) -> "Escalation":
        """The rules of a company."""
        return cls(Topics(settings.topics), Hours(settings.hours))

    def before(self, conversation: Conversation, messages: Sequence[Message], asked: str, now: float) -> Opening | None:
        """Why a question is not even tried to be answered, if so."""
        if topic := self.topics.found_in(asked):
            return Opening(Reason.RULE, topic)
        if mood(asked) is Mood.ANGRY:
            return Opening(Reason.ANGRY)
        said = [message for message in messages if message.seq > conversation.since]
        if not small_talk(asked) and (_was_unhelpful(said) or _was_answered_before(said, conversation, asked, now)):
            return Opening(Reason.REPEATED)
        return None

    def after(self, conversation: Conversation, messages: Sequence[Message], answer: Answer) -> Opening | None:
        """Why an answer is not given, if so: the bot would ask back twice in a row."""
        last = _last_answer([message for message in messages if message.seq > conversation.since])
        if last and _asks_back(last.outcome, last.reason) and _asks_back(answer.outcome, answer.reason):
            return Opening(Reason.REPEATED, suggestion=answer.proposal)
        return None

    def told(self, change: Change, now: float, language: str) -> Change:
        """The same, and whoever has to wait for a person is told when somebody is there."""
        if change.owner is not Owner.WAITING or not (waits := [reply for reply in change.replies if reply.reason]):
            return change
        away = self.hours.away(now, waits[-1].language or language)
        if not away:
            return change
        replies = [_with(reply, away) if reply is waits[-1] else reply for reply in change.replies]
        return replace(change, replies=replies)


def _with(reply: Reply, more: str) -> Reply:
    return replace(reply, text=f"{reply.text}\n\n{more}")


def _asks_back(outcome: Outcome | None, reason: Reason | None) -> bool:
    """`Did you mean`; not that a message is too long, or says nothing."""
    return outcome is Outcome.CLARIFY and reason is Reason.UNSURE


def _last_answer(messages: Sequence[Message]) -> Message | None:
    """The bot's last answer that the customer has, if no person has helped since.

    What the bot says in the middle of a turn has no outcome, and is none.
    """
    for message in reversed(messages):
        if message.author is Author.PERSON:
            return None
        answer = message.author is Author.BOT and message.outcome is not None
        if answer and message.status in (Status.SENT, Status.OUTBOX):
            return message
    return None


def _was_unhelpful(messages: Sequence[Message]) -> bool:
    """Whether the customer called the last answer so, and didn't think better of it."""
    last = _last_answer(messages)
    if last is None:
        return False
    judged = [m.text for m in messages if m.kind is Kind.FEEDBACK and m.ref == f"{last.conversation}:{last.seq}"]
    return judged[-1:] == ["unhelpful"]


def _was_answered_before(messages: Sequence[Message], conversation: Conversation, asked: str, now: float) -> bool:
    """Whether the customer asks in the same words what was answered a while ago."""
    words = _words(asked)
    last = _last_answer(messages)
    if not words or last is None or last.outcome is not Outcome.ANSWERED or not last.citations:
        return False
    return any(
        message.seq < last.seq and now - message.at < ASKED_AGAIN_WITHIN and _words(message.text) == words
        for message in messages
        if message.status is Status.RECEIVED and message.kind is Kind.MESSAGE and message.seq <= conversation.done
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text))
