"""What can go wrong with Telegram, in plain words: what it means, what to do, and how long to wait."""

import re
from dataclasses import dataclass

from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiohttp import ClientConnectorError

from bot.naming import variable_of
from bot.ports import Gone, Receipt, Rejected, Retry, Sent, Unknown

LONGEST_WAIT = 30.0
REFUSED_WAIT = 60.0
"""Seconds: a token that is refused will hardly be accepted again before someone changes the settings."""
_TOKEN = re.compile(r"\d+:[\w-]{20,}")
_GONE = (
    "chat not found",
    "user not found",
    "user is deactivated",
    "user_is_blocked",
    "peer_id_invalid",
    "chat was deleted",
    "group chat was deactivated",
    "chat_write_forbidden",
    "have no rights to send",
    "not enough rights",
    "need administrator rights",
    "message thread not found",
    "topic_closed",
    "topic_deleted",
    "business connection",
    "business_connection_invalid",
    "business_peer",
)
"""What Telegram says, in lower case, of chats that can't be written to."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a call failed, fit to be logged, and when to try again."""

    why: str
    wait: float


def explain(error: Exception, attempts: int, section: str) -> Trouble:
    """Say what is wrong; `attempts` are those that failed in a row so far, this one included.

    `section` is where the bot's settings stand.
    """
    wait = min(2.0 ** (attempts - 1), LONGEST_WAIT)
    match error:
        case TelegramRetryAfter(retry_after=seconds):
            return Trouble(f"Telegram asks to wait for {seconds} s", float(seconds))
        case TelegramUnauthorizedError() | TelegramNotFound():
            return Trouble(_refused(section), REFUSED_WAIT)
        case TelegramConflictError(message=message) if "webhook" in message.lower():
            return Trouble(
                "a webhook is set for this bot, so its updates go there. Start again to take them over, or set "
                f"{section}.mode = webhook",
                wait,
            )
        case TelegramConflictError():
            return Trouble(
                "another program fetches the updates of this bot: stop it, or give each a bot of its own. "
                "Only one process of a bot may have the role telegram",
                wait,
            )
        case ClientDecodeError():
            return Trouble("what answered isn't Telegram's usual JSON: a proxy's error page, as a rule", wait)
        case TelegramServerError():
            return Trouble(f"Telegram has trouble of its own ({safe(error)})", wait)
        case TelegramNetworkError():
            return Trouble(
                f"Telegram can't be reached ({safe(error)}): check the network, and {section}.api_base", wait
            )
        case _:
            return Trouble(safe(error), wait)


def _refused(section: str) -> str:
    return (
        "Telegram refuses the bot's token: it was revoked, or mistyped. Get the current one from @BotFather, "
        f"give it by {variable_of(f'{section}.token')}, and start again."
    )


def receipt(error: AiogramError, section: str) -> Receipt:
    """What a failed sending means for the message; `section` is where the bot's settings stand."""
    why = safe(error)
    match error:
        case TelegramRetryAfter(retry_after=seconds):
            return Retry(float(seconds), why)
        case TelegramMigrateToChat(migrate_to_chat_id=chat):
            return Gone(why, str(chat))
        case TelegramForbiddenError():
            return Gone(why)
        case TelegramUnauthorizedError() | TelegramNotFound():
            return Retry(REFUSED_WAIT, _refused(section))
        case TelegramServerError():
            return Retry(1.0, why)
        case TelegramNetworkError():
            # Where no connection came about, Telegram can't have the message.
            unconnected = isinstance(error.__cause__, ClientConnectorError)
            return Retry(1.0, why) if unconnected else Unknown(why)
        case ClientDecodeError(data=data):
            return _undecoded(data)
        case _ if any(words in why.lower() for words in _GONE):
            return Gone(why)
        case TelegramAPIError() if "too many requests" in why.lower():
            return Retry(LONGEST_WAIT, why)
        case _:
            return Rejected(why)


def _undecoded(data: object) -> Receipt:
    """Telegram said something else than expected: it may have taken the message all the same."""
    match data:
        case {"ok": True, "result": {"message_id": ref}}:
            return Sent([str(ref)])
        case {"ok": True}:
            return Sent()
        case _:
            return Retry(1.0, "the answer was no JSON: a proxy's error page, as a rule")


def rejects_entities(error: Exception) -> bool:
    """Whether Telegram doesn't like how a text is formatted, rather than the text."""
    return isinstance(error, TelegramBadRequest) and "entit" in safe(error).lower()


def safe(error: object) -> str:
    """The words of an error, without a token: addresses hold it."""
    return _TOKEN.sub("<token>", " ".join(str(error).split()))
