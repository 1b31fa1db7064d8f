"""What Slack says has happened, as errands to carry out. Nothing in here asks or changes anything."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.storage.errands import Errand
from connectors.slack.calling import Me
from connectors.slack.text import mentioned, without_mention

MESSAGE, CHANGED, DELETED, QUESTION = "message", "changed", "deleted", "question"
PRESS, SUBMIT, SEND, COMMAND, HOME, ASSISTANT = "press", "submit", "send", "command", "home", "assistant"
"""The kinds of errands."""
_PLAIN = (None, "file_share", "thread_broadcast", "me_message")
"""Subtypes of messages that people write; joins, topics, reminders and bots have others."""
_THREADED = re.compile(r"\d{1,12}\.\d{1,6}")
_MOST_TEXT = 40_000


@dataclass(frozen=True, slots=True)
class Place:
    """A thread of a channel."""

    channel: str
    ts: str
    """The id of the message that the thread hangs on."""

    @property
    def ref(self) -> str:
        """How it is kept."""
        return f"{self.channel}:{self.ts}"

    @classmethod
    def of(cls, ref: str) -> "Place":
        """A thread as it was kept."""
        channel, _, ts = ref.partition(":")
        return cls(channel, ts)


def message_id(channel: str, ts: str) -> str:
    """Names what was made of a message, whichever way it came: an event, an event again, or the channel's history."""
    return f"slack:{channel}:{ts}"


def translate(body: Mapping[str, Any], company: str, me: Me, channel: str, now: float) -> Errand | None:
    """What a request of Slack asks for; None where it is no business of ours, or can't be read.

    `channel` is the one for handoffs.
    """
    match body:
        case {"type": "event_callback", "event": {"type": str()} as event}:
            return _event(event, str(body.get("event_id") or ""), company, me, channel)
        case {"type": "block_actions", "actions": [{"action_id": str()} as action, *_], "user": {"id": str(user)}}:
            return _press(body, action, user, company, now)
        case {"type": "view_submission", "view": {"id": str()} as view, "user": {"id": str(user)}}:
            return _submission(view, user, company, now)
        case {
            "type": "message_action",
            "callback_id": "send_to_customer",
            "message": {"ts": str()} as message,
            "channel": {"id": str(where)},
            "user": {"id": str(user)},
        }:
            return _shortcut(message, where, user, body, company, now)
        case {"command": str(), "user_id": str(user), "response_url": str(answer)}:
            said = {"user": user, "text": str(body.get("text") or "")[:_MOST_TEXT], "answer": answer}
            key = f"slack:command:{body.get('trigger_id') or now}"
            return Errand(company, key[:255], f"user:{user}", now, COMMAND, said)
        case _:
            return None


def message_errand(event: Mapping[str, Any], company: str, me: Me, channel: str) -> Errand | None:
    """A message in a thread of the handoffs' channel, or a question if it names the bot; None for what apps write."""
    match event:
        case {"channel": str(where), "ts": str(ts), "user": str(user)} if where == channel:
            thread = str(event.get("thread_ts") or "")
            if not _is_written(event, me) or not _THREADED.fullmatch(thread) or not _THREADED.fullmatch(ts):
                return None
            if thread == ts:
                return None
            if me.user in mentioned(str(event.get("text") or "")):
                return _question(event, company, me)
            said = _said(event) | {"channel": where, "thread": thread, "user": user}
            return Errand(company, message_id(where, ts), f"{where}:{thread}", float(ts), MESSAGE, said)
        case _:
            return None


def _event(event: Mapping[str, Any], identity: str, company: str, me: Me, channel: str) -> Errand | None:
    match event:
        case {"type": "message", "channel_type": "im"} | {"type": "app_mention"}:
            return _question(event, company, me)
        case {"type": "message", "subtype": "message_changed" | "message_deleted"}:
            return _amendment(event, company, me, channel)
        case {"type": "message"}:
            return message_errand(event, company, me, channel)
        case {"type": "app_home_opened", "user": str(user), "tab": "home"}:
            return Errand(company, f"slack:{identity}", f"home:{user}", _at(event), HOME, {"user": user})
        case {"type": "assistant_thread_started", "assistant_thread": {"channel_id": str(where), "thread_ts": str(ts)}}:
            said = {"channel": where, "thread": ts}
            return Errand(company, f"slack:{identity}", f"{where}:{ts}", _at(event), ASSISTANT, said)
        case _:
            return None


def _question(event: Mapping[str, Any], company: str, me: Me) -> Errand | None:
    """What somebody asks the bot, in its own chat or by its name; in a thread, that is where the answer belongs."""
    match event:
        case {"channel": str(where), "ts": str(ts), "user": str(user)} if _is_written(event, me):
            if not _THREADED.fullmatch(ts):
                return None
            thread = str(event.get("thread_ts") or ts)
            said = _said(event) | {"channel": where, "thread": thread, "user": user}
            said |= {"text": without_mention(str(said["text"]), me.user), "private": event.get("channel_type") == "im"}
            return Errand(company, message_id(where, ts), f"{where}:{thread}", float(ts), QUESTION, said)
        case _:
            return None


def _amendment(event: Mapping[str, Any], company: str, me: Me, channel: str) -> Errand | None:
    match event:
        case {
            "subtype": "message_changed",
            "channel": str(where),
            "message": {"ts": str(ts), "user": str(user), "edited": {"ts": str(edited)}} as message,
        } if where == channel and _is_written(message, me):
            if (event.get("previous_message") or {}).get("text") == message.get("text"):
                return None  # a link was unfurled, or a file was described
            said = _said(message) | {"channel": where, "thread": str(message.get("thread_ts") or ""), "user": user}
            lane = f"{where}:{said['thread']}"
            return Errand(company, f"{message_id(where, ts)}:{edited}", lane, _number(edited), CHANGED, said)
        case {
            "subtype": "message_deleted",
            "channel": str(where),
            "deleted_ts": str(ts),
            "previous_message": {"user": str(user)} as message,
        } if where == channel and _is_written(message, me):
            said = {"ts": ts, "channel": where, "thread": str(message.get("thread_ts") or ""), "user": user}
            key, lane = f"{message_id(where, ts)}:deleted", f"{where}:{said['thread']}"
            return Errand(company, key, lane, _at(event), DELETED, said)
        case _:
            return None


def _press(body: Mapping[str, Any], action: Mapping[str, Any], user: str, company: str, now: float) -> Errand | None:
    container = body.get("container") or {}
    where, message = str(container.get("channel_id") or ""), str(container.get("message_ts") or "")
    thread = str(container.get("thread_ts") or message)
    done = str(action.get("action_ts") or now)
    said = {
        "action": str(action["action_id"]),
        "value": str(action.get("value") or ""),
        "user": user,
        "channel": where,
        "thread": thread,
        "message": message,
    }
    lane = f"{where}:{thread}" if where else f"home:{user}"
    key = f"slack:press:{user}:{action['action_id']}:{done}"
    return Errand(company, key[:255], lane, _number(done) or now, PRESS, said)


def _submission(view: Mapping[str, Any], user: str, company: str, now: float) -> Errand:
    values: dict[str, str] = {}
    for fields in ((view.get("state") or {}).get("values") or {}).values():
        for name, field in fields.items():
            chosen = (field.get("selected_option") or {}).get("value")
            values[name] = str(field.get("value") or chosen or "")[:_MOST_TEXT]
    said = {
        "form": str(view.get("callback_id") or ""),
        "about": str(view.get("private_metadata") or ""),
        "values": values,
        "user": user,
    }
    return Errand(company, f"slack:view:{view['id']}", f"view:{view['id']}", now, SUBMIT, said)


def _shortcut(
    message: Mapping[str, Any], where: str, user: str, body: Mapping[str, Any], company: str, now: float
) -> Errand:
    thread = str(message.get("thread_ts") or "")
    written = not message.get("bot_id") and message.get("subtype") in _PLAIN
    said = _said(message) | {"channel": where, "thread": thread, "user": user, "written": written}
    key = f"slack:send:{where}:{message['ts']}:{body.get('action_ts') or now}"
    return Errand(company, key[:255], f"{where}:{thread}", _number(str(body.get("action_ts"))) or now, SEND, said)


def _said(message: Mapping[str, Any]) -> dict[str, Any]:
    """What a message holds: its text with Slack's markup, its emoji, its files."""
    return {
        "ts": str(message["ts"]),
        "text": str(message.get("text") or "")[:_MOST_TEXT],
        "blocks": [block for block in _items(message.get("blocks")) if _is_rich(block)],
        "files": [_file(each) for each in _items(message.get("files")) if isinstance(each, Mapping)],
    }


def _file(file: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(file.get("id") or ""),
        "name": str(file.get("name") or file.get("title") or "file")[:255],
        "type": str(file.get("mimetype") or "application/octet-stream")[:255],
        "size": int(file.get("size") or 0),
        "url": str(file.get("url_private_download") or file.get("url_private") or ""),
    }


def _items(listed: object) -> Sequence[Any]:
    return listed if isinstance(listed, list) else ()


def _is_rich(block: object) -> bool:
    return isinstance(block, Mapping) and block.get("type") == "rich_text"


def _is_written(message: Mapping[str, Any], me: Me) -> bool:
    """Whether a person wrote it."""
    if message.get("bot_id") or message.get("app_id") or message.get("user") in (None, me.user, "USLACKBOT"):
        return False
    return message.get("subtype") in _PLAIN and not message.get("hidden")


def _at(event: Mapping[str, Any]) -> float:
    return _number(str(event.get("event_ts") or "0"))


def _number(ts: str) -> float:
    return float(ts) if _THREADED.fullmatch(ts) else 0.0


Files = Sequence[Mapping[str, Any]]
"""Of a message: id, name, type, size and address."""
