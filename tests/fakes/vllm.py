"""A scripted OpenAI-compatible server over real HTTP on loopback, which can fail in every way that a real one does."""

import asyncio
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import uvicorn

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server does with one completion request, in this order."""

    status: int = 200
    message: str = ""
    """The error's text, for a status other than 200."""
    retry_after: str = ""
    delay: float = 0.0
    """Seconds before anything is sent."""
    tokens: Sequence[str] = ()
    interval: float = 0.0
    """Seconds before each token."""
    stall: bool = False
    """Send nothing more after the tokens, until the client goes away."""
    garbage: bytes = b""
    """Raw bytes after the tokens."""
    error_event: str = ""
    """An error in the midst of the stream, as vLLM sends one."""
    cut: bool = False
    """Break the connection after the tokens."""
    finish: str | None = "stop"
    """The finish reason; None ends the stream politely without one."""


def says(text: str) -> Reply:
    """Answer with a text, in pieces of 3 characters."""
    return Reply(tokens=[text[i : i + 3] for i in range(0, len(text), 3)])


@dataclass(slots=True)
class Request:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    disconnected: threading.Event = field(default_factory=threading.Event)
    """Set when the client went away before the reply was complete."""

    @property
    def prompt(self) -> str:
        """All messages in one text."""
        return "\n".join(message["content"] for message in self.body["messages"])


class FakeVLLM:
    """A server in a thread of its own; Replies are taken in order, the last one again and again."""

    def __init__(self, *replies: Reply, models: Sequence[str] = ("test-model",), context: int = 8192) -> None:
        self.replies = deque(replies or (says("Hello."),))
        self.models = list(models)
        self.context = context
        self.requests: list[Request] = []
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        config = uvicorn.Config(self._app, log_level="critical", lifespan="off", ws="none", interface="asgi3")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    @property
    def completions(self) -> list[Request]:
        """The requests for an answer."""
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()

    async def _app(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        request = Request(scope["path"], headers, json.loads(await _read(receive) or b"{}"))
        self.requests.append(request)
        path = scope["path"]
        if path.endswith("/v1/models"):
            await _send_json(send, 200, {"object": "list", "data": [self._card(name) for name in self.models]})
        elif path.endswith("/health"):
            await _send_json(send, 200, {})
        elif path.endswith("/tokenize"):
            count = len(request.body["prompt"].split())  # this model's tokens are words
            await _send_json(send, 200, {"count": count, "max_model_len": self.context, "tokens": [0] * count})
        elif path.endswith("/v1/chat/completions"):
            reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
            await _until_disconnected(self._reply(reply, request, send), receive, request)
        else:
            await _send_json(send, 404, {"detail": "Not Found"})

    async def _reply(self, reply: Reply, request: Request, send: Send) -> None:
        await asyncio.sleep(reply.delay)
        if reply.status != 200:
            error = {"message": reply.message, "type": "Error", "param": None, "code": reply.status}
            headers = [(b"retry-after", reply.retry_after.encode())] if reply.retry_after else []
            await _send_json(send, reply.status, {"error": error}, headers)
            return
        await send(_start(200, b"text/event-stream"))
        await send(_part(_event({"role": "assistant", "content": ""})))
        for token in reply.tokens:
            await asyncio.sleep(reply.interval)
            await send(_part(_event({"content": token})))
        if reply.stall:
            await asyncio.Event().wait()
        if reply.garbage:
            await send(_part(reply.garbage))
        if reply.error_event:
            await send(
                _part(b"data: " + json.dumps({"error": {"message": reply.error_event, "code": 500}}).encode() + b"\n\n")
            )
        if reply.cut:
            return  # uvicorn breaks the connection when a response was not completed
        if reply.finish:
            await send(_part(_event({"content": ""}, reply.finish)))
            if request.body.get("stream_options", {}).get("include_usage"):
                await send(_part(_usage(len(request.prompt.split()), len(reply.tokens))))
        await send(_part(b"data: [DONE]\n\n"))
        await send({"type": "http.response.body"})

    def _card(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": 0, "owned_by": "vllm", "max_model_len": self.context}


def refusing_url() -> str:
    """Return a base URL where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/v1"


@contextmanager
def silent_url() -> Iterator[str]:
    """A base URL where the system takes connections and nobody ever says a word."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"


async def _until_disconnected(work: Awaitable[None], receive: Receive, request: Request) -> None:
    reply = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnection(receive))
    await asyncio.wait((reply, gone), return_when=asyncio.FIRST_COMPLETED)
    if not reply.done():
        request.disconnected.set()
    for task in (reply, gone):
        task.cancel()
    await asyncio.gather(reply, gone, return_exceptions=True)


async def _disconnection(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return b"data: " + json.dumps(_chunk([choice])).encode() + b"\n\n"


def _chunk(choices: list[Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "test-model",
        "choices": choices,
    }


def _usage(prompt: int, written: int) -> bytes:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": prompt // 2},
    }
    return b"data: " + json.dumps(_chunk([]) | {"usage": usage}).encode() + b"\n\n"


def _start(status: int, content_type: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type), *headers]}


def _part(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _send_json(
    send: Send, status: int, body: dict[str, Any], headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    await send(_start(status, b"application/json", headers))
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
