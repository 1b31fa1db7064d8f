"""How long a customer has waited, and what a turn that failed makes of that: another attempt, or a person."""

from collections.abc import Sequence

from bot.conversation import Conversation, Message, Pace, Status
from bot.drafting import TooSlow
from bot.ports import SILENT

CALLED_WITHIN = 30.0
"""Seconds within which a person is called, whatever is down; `Pace` leaves a margin."""


def asks(message: Message) -> bool:
    """Whether the customer wants something by it."""
    return message.status is Status.RECEIVED and message.kind not in SILENT


def unanswered(conversation: Conversation, messages: Sequence[Message]) -> Sequence[Message]:
    """What a turn is about."""
    return [one for one in messages if asks(one) and conversation.done < one.seq <= conversation.asked]


def waited(conversation: Conversation, messages: Sequence[Message], now: float) -> float:
    """Seconds that the customer has waited for an answer by now, whichever workers have tried to give one.

    If nobody tried and a person should have been called long ago, the whole service was down: it begins anew.
    """
    seconds = now - min((message.at for message in unanswered(conversation, messages)), default=now)
    untried = not conversation.failures and not conversation.deaths
    return 0.0 if untried and seconds > CALLED_WITHIN else seconds


def next_attempt(
    error: Exception, conversation: Conversation, messages: Sequence[Message], pace: Pace, now: float
) -> float | None:
    """Seconds until a turn that failed is tried again; None where it is time to call a person."""
    if isinstance(error, TooSlow) or conversation.failures >= len(pace.retries):
        return None
    seconds = pace.retries[conversation.failures]
    return seconds if waited(conversation, messages, now) + seconds < pace.unshown_turn else None
