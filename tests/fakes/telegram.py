"""A Bot API server over real HTTP on loopback. It does what Telegram does, and fails in the ways Telegram fails.

Updates are held back until there are any, and come again until they are confirmed; a second poller ends the first;
webhooks are called until they say 200. What bots send is checked, and kept as people would see it.
"""

import asyncio
import contextlib
import itertools
import json
import re
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import ClientError, ClientSession, web

from tests.fakes.loopback import started
from tests.fakes.telegram_faults import Fault, Refused, answer

BOT = 424242
TOKEN = f"{BOT}:no-token-of-any-real-bot-0123456789"
ME = {"id": BOT, "is_bot": True, "first_name": "Halden Bikes", "username": "HaldenBot"}
JSON_FIELDS = ("entities", "reply_markup", "link_preview_options", "reply_parameters", "allowed_updates", "commands")
REDELIVER_SECONDS = 0.1
LARGEST_FILE = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    params: dict[str, Any]


@dataclass(slots=True, eq=False)
class Shown:
    """A message of the bot, as people see it."""

    chat: int
    id: int
    text: str
    entities: list[dict[str, Any]]
    buttons: dict[str, str]
    """What is sent back by what they show."""
    params: dict[str, Any]

    def marked(self, kind: str) -> list[str]:
        """The pieces of the text that are formatted like this."""
        units = self.text.encode("utf-16-le")
        spans = [(e["offset"] * 2, (e["offset"] + e["length"]) * 2) for e in self.entities if e["type"] == kind]
        return [units[start:end].decode("utf-16-le") for start, end in spans]


class FakeTelegram:
    """The server. Everything is kept, to be looked at."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.calls: list[Call] = []
        self.shown: list[Shown] = []
        self.drafts: dict[int, list[str]] = defaultdict(list)
        self.on_screen: dict[int, str] = {}
        """The draft that a chat shows now."""
        self.commands: dict[str, list[dict[str, str]]] = {}
        self.answered: dict[str, str] = {}
        """Toasts by callback query."""
        self.blocked: set[int] = set()
        self.migrated: dict[int, int] = {}
        self.webhook: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        """What customers sent, by file id."""
        self.described: dict[str, dict[str, Any]] = {}
        """What is said of a file in place of the truth."""
        self.confirmed = 0
        self.deliveries: list[int] = []
        """Update ids in the order in which they were handed out, redeliveries included."""
        self.news = asyncio.Event()
        self._pending: list[dict[str, Any]] = []
        self._faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._update_ids = itertools.count(1000)
        self._message_ids = itertools.count(1)
        self._poller: asyncio.Event | None = None
        self._wake = asyncio.Event()
        self._delivering: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._handle)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        self._runner, self.url = await started(app)
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._stop_delivering()
        await self._runner.cleanup()

    # What tests do

    def fail(self, method: str, *faults: Fault | None) -> None:
        """The next calls of a method go wrong, one after the other; not at None."""
        self._faults[method].extend(faults)

    def update(self, **content: Any) -> int:
        """Something happened; returns the update's id."""
        update = {"update_id": next(self._update_ids), **content}
        self._pending.append(update)
        self._wake.set()
        return int(update["update_id"])

    def again(self, update: dict[str, Any]) -> None:
        """Hand an update out once more."""
        self._pending.append(update)
        self._wake.set()

    def message_id(self) -> int:
        return next(self._message_ids)

    def called(self, method: str) -> list[dict[str, Any]]:
        return [call.params for call in self.calls if call.method == method]

    async def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        """Wait for something to have happened."""
        async with asyncio.timeout(seconds):
            while not condition():
                self.news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), 0.05)

    # What bots see

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method, params = request.match_info["method"], _params(await request.post())
        self.calls.append(Call(method, params))
        self.news.set()
        fault = self._faults[method].popleft() if self._faults[method] else None
        try:
            if request.match_info["token"] != self.token:
                raise Refused(401, "Unauthorized")
            if fault is None or fault.accepted:
                result = await self._do(method, params)
        except Refused as refused:
            fault = refused.fault
        if fault is None:
            return web.json_response({"ok": True, "result": result})
        return answer(request, fault)

    async def _do(self, method: str, params: dict[str, Any]) -> Any:
        if method == "getUpdates":
            return await self._updates(params)
        does: dict[str, Callable[[dict[str, Any]], Any]] = {
            "getMe": lambda _: ME,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "setMyCommands": self._set_commands,
            "sendMessage": self._send,
            "sendMessageDraft": self._draft,
            "editMessageReplyMarkup": self._edit,
            "editMessageText": self._edit_text,
            "deleteMessage": self._delete,
            "sendPhoto": lambda params: self._send_file("photo", params),
            "sendDocument": lambda params: self._send_file("document", params),
            "answerCallbackQuery": self._answer_query,
            "getFile": self._get_file,
            "sendChatAction": lambda params: self._check_chat(int(params["chat_id"])),
        }
        if method not in does:
            raise Refused(404, "Not Found: method not found")
        result = does[method](params)
        self.news.set()
        return True if result is None else result

    async def _updates(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        if self.webhook:
            raise Refused(
                409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it"
            )
        offset = int(params.get("offset") or 0)
        self.confirmed = max(self.confirmed, offset - 1)

        def pending() -> list[dict[str, Any]]:
            self._pending = [update for update in self._pending if update["update_id"] >= offset]
            return self._pending

        if self._poller:
            self._poller.set()
        self._poller = ended = asyncio.Event()
        try:
            async with asyncio.timeout(int(params.get("timeout") or 0)):
                while not pending() and not ended.is_set():
                    self._wake.clear()
                    await _first_of(self._wake, ended)
        except TimeoutError:
            return []
        finally:
            self._poller = None if self._poller is ended else self._poller
        if ended.is_set():
            raise Refused(409, "Conflict: terminated by other getUpdates request; make sure that only one bot runs")
        batch = pending()[: int(params.get("limit") or 100)]
        self.deliveries += [update["update_id"] for update in batch]
        return batch

    def _send(self, params: dict[str, Any]) -> dict[str, Any]:
        chat, text = int(params["chat_id"]), params.get("text", "").strip()
        self._check_chat(chat)
        entities = params.get("entities", [])
        _check_text(text, entities)
        buttons = _check_buttons(params.get("reply_markup", {}))
        shown = Shown(chat, self.message_id(), text, entities, buttons, params)
        self.shown.append(shown)
        self.on_screen.pop(chat, None)
        kind = "private" if chat > 0 else "supergroup"
        return {"message_id": shown.id, "date": 0, "chat": {"id": chat, "type": kind}, "from": ME, "text": text}

    def _send_file(self, field: str, params: dict[str, Any]) -> dict[str, Any]:
        chat, upload = int(params["chat_id"]), params[params[field].removeprefix("attach://")]
        self._check_chat(chat)
        text = params.get("caption", "")
        shown = Shown(chat, self.message_id(), text, [], {}, {**params, field: (upload.filename, upload.file.read())})
        self.shown.append(shown)
        kind = "private" if chat > 0 else "supergroup"
        return {"message_id": shown.id, "date": 0, "chat": {"id": chat, "type": kind}, "from": ME, "caption": text}

    def _edit_text(self, params: dict[str, Any]) -> dict[str, Any]:
        self._edit(params)
        message = next(each for each in self.shown if each.id == int(params["message_id"]))
        _check_text(params["text"], params.get("entities", []))
        if params["text"] == message.text:
            raise Refused(400, "Bad Request: message is not modified: specified new message content is the same")
        message.text, message.entities = params["text"], params.get("entities", [])
        kind = "private" if message.chat > 0 else "supergroup"
        chat = {"id": message.chat, "type": kind}
        return {"message_id": message.id, "date": 0, "chat": chat, "from": ME, "text": message.text}

    def _delete(self, params: dict[str, Any]) -> None:
        if not any(each.id == int(params["message_id"]) for each in self.shown):
            raise Refused(400, "Bad Request: message to delete not found")
        self.shown = [each for each in self.shown if each.id != int(params["message_id"])]

    def _draft(self, params: dict[str, Any]) -> None:
        chat, identity, text = int(params["chat_id"]), int(params["draft_id"]), params.get("text", "")
        self._check_chat(chat)
        if chat < 0 or not identity:
            raise Refused(400, "Bad Request: drafts are for private chats, and have an id")
        _check_text(text or "…", params.get("entities", []))
        self.drafts[chat].append(text)
        self.on_screen[chat] = text

    def _edit(self, params: dict[str, Any]) -> None:
        message = next((each for each in self.shown if each.id == int(params["message_id"])), None)
        if message is None:
            raise Refused(400, "Bad Request: message to edit not found")
        message.buttons = _check_buttons(params.get("reply_markup", {}))

    def _answer_query(self, params: dict[str, Any]) -> None:
        if params["callback_query_id"] in self.answered:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.answered[params["callback_query_id"]] = params.get("text", "")

    def _set_commands(self, params: dict[str, Any]) -> None:
        self.commands[params.get("language_code", "")] = params["commands"]

    def _get_file(self, params: dict[str, Any]) -> dict[str, Any]:
        identity = params["file_id"]
        if identity not in self.files:
            raise Refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        size = len(self.files[identity])
        if size > LARGEST_FILE:
            raise Refused(400, "Bad Request: file is too big")
        told = {"file_id": identity, "file_unique_id": f"u{identity}", "file_size": size}
        return told | {"file_path": f"documents/{identity}"} | self.described.get(identity, {})

    async def _download(self, request: web.Request) -> web.StreamResponse:
        fault = self._faults["download"].popleft() if self._faults["download"] else None
        if fault is not None:
            return answer(request, fault)
        identity = request.match_info["path"].removeprefix("documents/")
        if request.match_info["token"] != self.token or identity not in self.files:
            return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)
        return web.Response(body=self.files[identity])

    def _delete_webhook(self, _params: dict[str, Any]) -> None:
        self.webhook = {}
        self._stop_delivering()

    def _check_chat(self, chat: int) -> None:
        if chat in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if chat in self.migrated:
            raise Refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self.migrated[chat],
            )

    def _set_webhook(self, params: dict[str, Any]) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", params.get("secret_token", "x")):
            raise Refused(400, "Bad Request: secret token contains unallowed characters")
        if not params["url"].startswith(("https://", "http://127.0.0.1")):
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook = params
        self._stop_delivering()
        self._delivering = asyncio.create_task(self._deliver())

    def _stop_delivering(self) -> None:
        if self._delivering:
            self._delivering.cancel()
            self._delivering = None

    async def _deliver(self) -> None:
        """Call the webhook with one update after the other, each until it is taken."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook.get("secret_token", "")}
        async with ClientSession() as session:
            while True:
                while not self._pending:
                    self._wake.clear()
                    await self._wake.wait()
                update = self._pending[0]
                self.deliveries.append(update["update_id"])
                with contextlib.suppress(ClientError):
                    async with session.post(self.webhook["url"], json=update, headers=headers) as response:
                        if response.ok:
                            self._pending.remove(update)
                            self.confirmed = update["update_id"]
                            continue
                await asyncio.sleep(REDELIVER_SECONDS)


def _params(form: Any) -> dict[str, Any]:
    return {key: json.loads(value) if key in JSON_FIELDS else value for key, value in form.items()}


def _check_text(text: str, entities: Sequence[dict[str, Any]]) -> None:
    length = len(text.encode("utf-16-le")) // 2
    if not text:
        raise Refused(400, "Bad Request: message text is empty")
    if length > 4096:
        raise Refused(400, "Bad Request: message is too long")
    for entity in entities:
        if entity["length"] < 1 or entity["offset"] < 0 or entity["offset"] + entity["length"] > length:
            raise Refused(400, "Bad Request: ENTITY_BOUNDS_INVALID")


def _check_buttons(markup: dict[str, Any]) -> dict[str, str]:
    buttons = [button for row in markup.get("inline_keyboard", []) for button in row]
    if any(not button["text"] or not 1 <= len(button["callback_data"].encode()) <= 64 for button in buttons):
        raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    return {button["text"]: button["callback_data"] for button in buttons}


async def _first_of(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
