"""What can go wrong with Slack, in plain words: what it means, what to do, and what it means for a message."""

import asyncio
import logging
import re
from collections.abc import Mapping

from aiohttp import ClientConnectorError, ClientError
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.ports import Gone, Receipt, Rejected, Retry, Unknown

log = logging.getLogger(__name__)

Failures = (SlackClientError, ClientError, asyncio.TimeoutError, OSError)
"""All that a call to Slack raises when it fails."""
SETTINGS_WAIT = 60.0
"""Seconds: what somebody has to mend in Slack or in the settings is looked at again then."""
LONGEST_WAIT = 600.0
_BOT_REFUSED = (
    "Slack refuses the bot's token. Open the app at https://api.slack.com/apps, Install App, copy the Bot User OAuth "
    "Token, give it by ANSWERDESK_SLACK_TOKEN, and start again"
)
_APP_REFUSED = (
    "Slack refuses the app-level token. Open the app at https://api.slack.com/apps, Basic Information, "
    "App-Level Tokens, make one with the scope connections:write, give it by ANSWERDESK_SLACK_APP_TOKEN, and "
    "start again"
)
MENDABLE: Mapping[str, str] = {
    **dict.fromkeys(("invalid_auth", "not_authed", "token_revoked", "token_expired"), _BOT_REFUSED),
    "account_inactive": f"The app was removed from the workspace, or its bot deactivated: install it. {_BOT_REFUSED}",
    "not_allowed_token_type": _BOT_REFUSED,
    "missing_scope": "The app may not do that. Paste what `answerdesk slack manifest` prints into its App Manifest, "
    "and install the app again",
    "not_in_channel": "The bot is not in the channel: type /invite and its name there",
    "channel_not_found": "The bot sees no channel of the id in slack.channel: check the id. If the channel is private, "
    "type /invite and the bot's name there",
    "is_archived": "The channel is archived: unarchive it, or name another one by slack.channel",
    "restricted_action": "The workspace lets apps not write in this channel: change its posting permissions, or name "
    "another one by slack.channel",
    "team_access_not_granted": "The app isn't installed in this workspace: install it there",
    "org_login_required": "Slack is moving the workspace: this ends by itself",
    "ekm_access_denied": "The workspace's administrators have suspended access: ask them",
}
"""By Slack's own word for it: what is wrong in Slack or in the settings, and what to do."""
_GONE = (
    "message_not_found",
    "thread_not_found",
    "cant_update_message",
    "edit_window_closed",
    "cannot_reply_to_message",
)
_BUSY = ("ratelimited", "rate_limited", "message_limit_exceeded")
_OURS = ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org")
_TOKEN = re.compile(r"x(?:ox[a-z]|app)(?:\.x[a-z]+)?-[\w-]+")


def code(error: BaseException) -> str:
    """Slack's own word for what is wrong; empty if it said none."""
    data = getattr(getattr(error, "response", None), "data", None)
    return str(data.get("error") or "") if isinstance(data, Mapping) else ""


def explain(error: BaseException, *, app: bool = False) -> str:
    """What is wrong and what to do, fit for a log. `app`: the call was made with the app-level token."""
    word = code(error)
    if app and MENDABLE.get(word) == _BOT_REFUSED:
        return f"{_APP_REFUSED} ({word})"
    if word in MENDABLE:
        needed = _data(error).get("needed")
        return f"{MENDABLE[word]} ({word}{f': {needed}' if needed else ''})"
    if word:
        return f"Slack says {word}"
    if (status := _status(error)) is not None:
        return f"Slack, or a proxy before it, answered HTTP {status} without saying why"
    return f"Slack can't be reached ({safe(error) or type(error).__name__}): check the network, and slack.api_base"


def receipt(error: BaseException) -> Receipt:
    """What a failed call means for what it should have shown."""
    word, why = code(error), explain(error)
    if word in _BUSY:
        return Retry(retry_after(error), why)
    if word in MENDABLE:
        return Retry(SETTINGS_WAIT, why)
    if word in _GONE:
        return Gone(why)
    if word and word not in _OURS:
        return Rejected(why)
    # Where no connection came about, Slack can't have it. Anything else may have been taken before it broke.
    return Retry(1.0, why) if isinstance(error, ClientConnectorError) else Unknown(why)


def retry_after(error: BaseException) -> float:
    """Seconds that Slack wants to be left alone."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(float(told), LONGEST_WAIT) if str(told).isdecimal() else 30.0


def safe(error: object) -> str:
    """The words of an error on one line, without a token."""
    return _TOKEN.sub("<token>", " ".join(str(error).split()))


def _status(error: BaseException) -> int | None:
    if not isinstance(error, SlackApiError):
        return None
    status = getattr(error.response, "status_code", None) or getattr(error.response, "status", None)
    return int(status) if status is not None else None


def _data(error: BaseException) -> Mapping[str, object]:
    data = getattr(getattr(error, "response", None), "data", None)
    return data if isinstance(data, Mapping) else {}
