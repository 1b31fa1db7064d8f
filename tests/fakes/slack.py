"""A Slack over real HTTP and real web sockets on loopback: it does what Slack does, and fails as Slack fails.

Events go to whoever has a socket open, one connection each, and come again until they are acknowledged; or they are
posted, signed, to an address. What apps write is checked, and kept as people would see it.
"""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlencode

from aiohttp import ClientSession, WSMsgType, web

from tests.fakes.loopback import started
from tests.fakes.slack_blocks import BOT, BOT_USER, Shown, checked, checked_view
from tests.fakes.slack_faults import Fault, Refused, answer

TOKEN, APP_TOKEN, SECRET = "xoxb-no-real-token", "xapp-no-real-token", "no-real-signing-secret"
TEAM, CHANNEL = "T0ACME", "C0SUPPORT"
REDELIVER_SECONDS = 0.3


class FakeSlack:
    """The server. Everything is kept, to be looked at."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.shown: list[Shown] = []
        self.views: list[dict[str, Any]] = []
        """Forms that were opened."""
        self.homes: dict[str, dict[str, Any]] = {}
        self.answers: list[dict[str, Any]] = []
        """What was said to a command."""
        self.prompts: list[dict[str, Any]] = []
        self.statuses: list[str] = []
        self.titles: list[str] = []
        self.people: dict[str, dict[str, Any]] = {}
        self.channels: dict[str, dict[str, bool]] = {CHANNEL: {"is_archived": False, "is_member": True}}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.expired: set[str] = set()
        """Triggers that came too late."""
        self.delivered = 0
        self.acknowledged: list[dict[str, Any]] = []
        self.url = ""
        self.news = asyncio.Event()
        self.sockets: list[web.WebSocketResponse] = []
        self.connections = 0
        self.redeliver = True
        self._faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._numbers = itertools.count(1)
        self._clock = 0.0
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", self._handle)
        app.router.add_get("/socket", self._socket)
        app.router.add_post("/upload/{id}", self._upload)
        app.router.add_get("/files/{id}", self._download)
        app.router.add_post("/response/{id}", self._response)
        self._runner, self.url = await started(app)
        return self

    async def __aexit__(self, *exception: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in self.sockets:
            await socket.close()
        await self._runner.cleanup()

    # What tests do

    def fail(self, method: str, *faults: Fault | None) -> None:
        """The next calls of a method go wrong, one after the other; not at None."""
        self._faults[method].extend(faults)

    def called(self, method: str) -> list[dict[str, Any]]:
        return [params for name, params in self.calls if name == method]

    def ts(self) -> str:
        """The next message's id: Slack's clock never stands still."""
        self._clock = max(self._clock + 0.000_01, time.time())
        return f"{self._clock:.6f}"

    def number(self) -> int:
        return next(self._numbers)

    def write(self, user: str, text: str, thread: str = "", channel: str = CHANNEL, **more: Any) -> Shown:
        """Somebody writes; nobody is told of it."""
        shown = Shown(channel, self.ts(), user, text, thread, **more)
        self.shown.append(shown)
        self.news.set()
        return shown

    async def until(self, condition: Callable[[], Any], seconds: float = 30.0) -> Any:
        """Wait for something to have happened; returns what the condition gives then."""
        async with asyncio.timeout(seconds):
            while not (found := condition()):
                self.news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), 0.05)
        return found

    async def deliver(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send something over a socket until it is acknowledged; returns what came with that."""
        envelope = f"envelope-{self.number()}"
        self._waiting[envelope] = asyncio.get_running_loop().create_future()
        attempt = 0
        async with asyncio.timeout(60):
            while True:
                await self.until(lambda: self.sockets)
                said = {"type": kind, "envelope_id": envelope, "payload": payload, "accepts_response_payload": True}
                said |= {"retry_attempt": attempt, "retry_reason": "timeout"} if attempt else {}
                attempt += 1
                self.delivered += 1
                with contextlib.suppress(ConnectionError):
                    await self.sockets[-1].send_json(said)
                with contextlib.suppress(TimeoutError):
                    wait = asyncio.shield(self._waiting[envelope])
                    return await asyncio.wait_for(wait, REDELIVER_SECONDS if self.redeliver else None)

    async def post(
        self, address: str, payload: dict[str, Any], kind: str = "event", secret: str = SECRET, at: float | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Deliver something to an address, signed; returns the answer's status and body."""
        form = payload if kind == "command" else {"payload": json.dumps(payload)}
        body = json.dumps(payload) if kind == "event" else urlencode(form)
        stamp = str(int(at if at is not None else time.time()))
        signature = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"}
        headers["Content-Type"] = "application/json" if kind == "event" else "application/x-www-form-urlencoded"
        async with ClientSession() as session, session.post(address, data=body, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else {}

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask for another connection in place of this one, as Slack does every few hours."""
        old = self.sockets[-1]
        await old.send_json({"type": "disconnect", "reason": reason})

    async def cut(self) -> None:
        """All connections break, without a word."""
        for socket in list(self.sockets):
            transport = socket._req.transport if socket._req else None
            if transport:
                transport.abort()
        await self.until(lambda: not self.sockets)

    # What apps see

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        await socket.send_json({"type": "hello", "num_connections": len(self.sockets) + 1})
        self.sockets.append(socket)
        self.news.set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    said = json.loads(message.data)
                    self.acknowledged.append(said)
                    waiting = self._waiting.get(said["envelope_id"])
                    if waiting and not waiting.done():
                        waiting.set_result(said.get("payload") or {})
                    self.news.set()
        finally:
            self.sockets.remove(socket)
            self.news.set()
        return socket

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method, params = request.match_info["method"], await _params(request)
        self.calls.append((method, params))
        fault = self._faults[method].popleft() if self._faults[method] else None
        result: dict[str, Any] = {}
        try:
            wanted = APP_TOKEN if method == "apps.connections.open" else TOKEN
            if request.headers.get("Authorization") != f"Bearer {wanted}":
                raise Refused("invalid_auth")
            if fault is None or fault.accepted:
                result = self._do(method, params)
        except Refused as refused:
            fault = refused.fault
        self.news.set()
        return web.json_response({"ok": True, **result}) if fault is None else answer(request, fault)

    def _do(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        does: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
            "auth.test": lambda _: {
                "team_id": TEAM,
                "user_id": BOT_USER,
                "bot_id": BOT,
                "url": self.url,
                "user": "desk",
            },
            "apps.connections.open": lambda _: {"url": f"{self.url.replace('http', 'ws')}/socket"},
            "users.info": self._person,
            "chat.postMessage": self._post_message,
            "chat.postEphemeral": self._whisper,
            "chat.update": self._update,
            "chat.startStream": self._start_stream,
            "chat.appendStream": self._append_stream,
            "chat.stopStream": self._stop_stream,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.info": self._info,
            "views.open": self._open_view,
            "views.publish": lambda params: self.homes.__setitem__(params["user_id"], checked_view(params["view"])),
            "files.getUploadURLExternal": self._get_upload_url,
            "files.completeUploadExternal": self._complete_upload,
            "assistant.threads.setSuggestedPrompts": self.prompts.append,
            "assistant.threads.setStatus": lambda params: self.statuses.append(params["status"]),
            "assistant.threads.setTitle": lambda params: self.titles.append(params["title"]),
        }
        if method not in does:
            raise Refused("unknown_method")
        return does[method](params) or {}

    def _person(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["user"] not in self.people:
            raise Refused("user_not_found")
        return {"user": self.people[params["user"]]}

    def _check_channel(self, channel: str) -> None:
        if channel.startswith(("D", "U")):
            return
        if channel not in self.channels:
            raise Refused("channel_not_found")
        if self.channels[channel]["is_archived"]:
            raise Refused("is_archived")
        if not self.channels[channel]["is_member"]:
            raise Refused("not_in_channel")

    def _post_message(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_channel(params["channel"])
        thread = params.get("thread_ts") or ""
        if thread and not any(each.ts == thread for each in self.shown):
            raise Refused("thread_not_found")
        shown = Shown(params["channel"], self.ts(), BOT_USER, params["text"], thread, checked(params.get("blocks")))
        shown.metadata = params.get("metadata") or {}
        self.shown.append(shown)
        return {"channel": shown.channel, "ts": shown.ts}

    def _whisper(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_channel(params["channel"])
        blocks = checked(params.get("blocks"))
        thread = params.get("thread_ts") or ""
        shown = Shown(params["channel"], self.ts(), BOT_USER, params["text"], thread, blocks, only_for=params["user"])
        self.shown.append(shown)
        return {"message_ts": shown.ts}

    def _find(self, params: dict[str, Any]) -> Shown:
        found = next((each for each in self.shown if each.ts == params["ts"] and not each.only_for), None)
        if found is None:
            raise Refused("message_not_found")
        return found

    def _update(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_channel(params["channel"])
        shown = self._find(params)
        if shown.streaming:
            raise Refused("streaming_state_conflict")
        shown.text, shown.blocks = params["text"], checked(params.get("blocks"))
        shown.metadata = params.get("metadata") or shown.metadata
        shown.edits += 1
        return {"ts": shown.ts}

    def _start_stream(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_channel(params["channel"])
        if not params.get("thread_ts") or not params.get("recipient_user_id"):
            raise Refused("missing_recipient_user_id")
        shown = Shown(params["channel"], self.ts(), BOT_USER, "", params["thread_ts"], streaming=True)
        shown.text = _chunks(params)
        self.shown.append(shown)
        return {"channel": shown.channel, "ts": shown.ts}

    def _append_stream(self, params: dict[str, Any]) -> dict[str, Any]:
        shown = self._find(params)
        if not shown.streaming:
            raise Refused("message_not_in_streaming_state")
        shown.text += _chunks(params)
        return {"ts": shown.ts}

    def _stop_stream(self, params: dict[str, Any]) -> dict[str, Any]:
        self._append_stream(params)
        shown = self._find(params)
        shown.streaming = False
        shown.blocks = [{"type": "markdown", "text": shown.text}, *checked(params.get("blocks"))]
        shown.metadata = params.get("metadata") or {}
        return {"ts": shown.ts}

    def _history(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_channel(params["channel"])
        oldest = float(params.get("oldest") or 0)
        found = [each for each in self._public(params) if not each.thread and float(each.ts) > oldest]
        return _page([each.described for each in reversed(found)], params)

    def _replies(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_channel(params["channel"])
        oldest = float(params.get("oldest") or 0)
        root = [each for each in self._public(params) if each.ts == params["ts"]]
        if not root:
            raise Refused("thread_not_found")
        found = [each for each in self._public(params) if each.thread == params["ts"] and float(each.ts) > oldest]
        return _page([each.described for each in (*root, *found)], params)

    def _public(self, params: dict[str, Any]) -> list[Shown]:
        return [each for each in self.shown if each.channel == params["channel"] and not each.only_for]

    def _info(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["channel"] not in self.channels:
            raise Refused("channel_not_found")
        return {"channel": {"id": params["channel"], "name": "support", **self.channels[params["channel"]]}}

    def _open_view(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["trigger_id"] in self.expired:
            raise Refused("expired_trigger_id")
        view = checked_view(params["view"]) | {"id": f"V{self.number()}"}
        self.views.append(view)
        return {"view": view}

    def _get_upload_url(self, params: dict[str, Any]) -> dict[str, Any]:
        identity = f"F{self.number()}"
        self.files[identity] = (params["filename"], b"")
        return {"file_id": identity, "upload_url": f"{self.url}/upload/{identity}"}

    def _complete_upload(self, params: dict[str, Any]) -> dict[str, Any]:
        contents = {each["id"]: self.files[each["id"]] for each in params["files"]}
        files = [{"id": id_, "name": name, "size": len(content)} for id_, (name, content) in contents.items()]
        shown = Shown(params["channel_id"], self.ts(), BOT_USER, "", params.get("thread_ts") or "", files=files)
        self.shown.append(shown)
        return {"files": files}

    async def _upload(self, request: web.Request) -> web.Response:
        name, _ = self.files[request.match_info["id"]]
        self.files[request.match_info["id"]] = (name, await request.read())
        return web.Response(text="OK")

    async def _download(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(text="<html>sign in</html>", content_type="text/html")
        return web.Response(body=self.files[request.match_info["id"]][1])

    async def _response(self, request: web.Request) -> web.Response:
        self.answers.append(await request.json())
        self.news.set()
        return web.Response(text="ok")


async def _params(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        found = await request.json()
        return {name: value for name, value in found.items() if value is not None}
    found = {**request.query, **(await request.post())}
    for name in ("blocks", "metadata", "view", "prompts", "chunks", "files"):
        if isinstance(found.get(name), str):
            found[name] = json.loads(str(found[name]))
    return found


def _chunks(params: dict[str, Any]) -> str:
    return "".join(each["text"] for each in params.get("chunks") or ())


def _page(messages: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    start, limit = int(params.get("cursor") or 0), int(params.get("limit") or 100)
    more = start + limit if start + limit < len(messages) else 0
    return {"messages": messages[start : start + limit], "response_metadata": {"next_cursor": str(more or "")}}
