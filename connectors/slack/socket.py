"""Socket Mode: events come over a connection that we open, so nothing has to be reachable from outside."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from connectors.notices import Notices
from connectors.slack.calling import insist, pause
from connectors.slack.troubles import safe

log = logging.getLogger(__name__)

HEARTBEAT = 10.0
"""Seconds between pings; a connection that answers none of them within half of that is dead."""
LARGEST = 8 * 1024 * 1024
DRAIN_SECONDS = 5.0
_AGAIN = 1.0

Dispatch = Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]


class Socket:
    """Listens until it is stopped, over one connection after the other.

    Slack ends each after some hours and says so first: the next one is open before the old one is let go. `connected`
    is called whenever there is a new connection: what was said meanwhile may have been missed.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        session: ClientSession,
        app_token: str,
        dispatch: Dispatch,
        connected: Callable[[], Awaitable[None]],
    ) -> None:
        self._client = client
        self._session = session
        self._app_token = app_token
        self._dispatch = dispatch
        self._connected = connected
        self._stopping = asyncio.Event()
        self._handling: set[asyncio.Task[None]] = set()
        self._readers: set[asyncio.Task[None]] = set()
        self._notices = Notices("Slack, Socket Mode")

    async def run(self) -> None:
        """Listen until `stop`; what came is stored and acknowledged first."""
        try:
            while not self._stopping.is_set():
                await self._follow_one()
        finally:
            if self._handling:
                await asyncio.wait(self._handling, timeout=DRAIN_SECONDS)
            for reader in self._readers:
                reader.cancel()
            if self._readers:
                await asyncio.wait(self._readers)

    def stop(self) -> None:
        """Take in nothing more."""
        self._stopping.set()

    async def _follow_one(self) -> None:
        """One connection, until Slack wants another one in its place, or it breaks."""
        answer = await insist(
            lambda: self._client.apps_connections_open(app_token=self._app_token),
            "Slack, Socket Mode",
            self._stopping,
            app=True,
        )
        if answer is None:
            return
        try:
            connection = await self._session.ws_connect(
                str(answer["url"]), heartbeat=HEARTBEAT, max_msg_size=LARGEST, autoclose=True
            )
        except (ClientError, TimeoutError, OSError) as error:
            self._notices.trouble(f"the connection didn't come about ({safe(error) or type(error).__name__})")
            await pause(self._stopping, _AGAIN)
            return
        replaced = asyncio.Event()
        reader = asyncio.create_task(self._read(connection, replaced), name="slack socket")
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        stopped = asyncio.create_task(self._stopping.wait())
        changed = asyncio.create_task(replaced.wait())
        await asyncio.wait([reader, stopped, changed], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        changed.cancel()
        if reader.done() and not replaced.is_set() and not self._stopping.is_set():
            self._notices.trouble("the connection broke, and is made anew")
            await pause(self._stopping, _AGAIN)

    async def _read(self, connection: ClientWebSocketResponse, replaced: asyncio.Event) -> None:
        try:
            while True:
                message = await connection.receive()
                if message.type is WSMsgType.TEXT:
                    if await self._hear(connection, message.data):
                        replaced.set()  # this one is read on, until Slack closes it
                elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                    return
        finally:
            with suppress(ClientError, OSError):
                await connection.close()

    async def _hear(self, connection: ClientWebSocketResponse, text: str) -> bool:
        """Take in one message; True if Slack wants another connection."""
        try:
            said = json.loads(text)
        except ValueError:
            log.error("what came over Slack's socket was no JSON, and is passed over")
            return False
        match said:
            case {"type": "hello"}:
                self._notices.fine()
                task = asyncio.create_task(self._after_hello(), name="slack catch up")
            case {"type": "disconnect"}:
                if said.get("reason") == "link_disabled":
                    self._notices.trouble(
                        "Socket Mode is off for this app: turn it on at https://api.slack.com/apps, Socket Mode, "
                        "or set slack.mode = http"
                    )
                    await pause(self._stopping, 60.0)
                return True
            case {"envelope_id": str(envelope), "payload": dict(payload)} if not self._stopping.is_set():
                task = asyncio.create_task(self._handle(connection, envelope, payload, said), name="slack event")
            case _:
                return False
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)
        return False

    async def _after_hello(self) -> None:
        try:
            await self._connected()
        except Exception:
            log.exception("catching up after a new connection failed, which should not happen")

    async def _handle(
        self, connection: ClientWebSocketResponse, envelope: str, payload: dict[str, Any], said: Mapping[str, Any]
    ) -> None:
        """Store what came, then acknowledge it. What isn't acknowledged comes again."""
        try:
            response = await self._dispatch(AsyncBoltRequest(mode="socket_mode", body=payload, headers=_headers(said)))
        except Exception:
            log.exception("an event of Slack can't be taken in, which should not happen")
            return
        if response.status != 200:
            return
        ack: dict[str, Any] = {"envelope_id": envelope}
        if response.body and said.get("accepts_response_payload"):
            ack["payload"] = json.loads(response.body)
        with suppress(ClientError, OSError, RuntimeError):  # it broke meanwhile: the event comes again
            await connection.send_json(ack)


def _headers(said: Mapping[str, Any]) -> dict[str, str | Sequence[str]]:
    """What HTTP would say about a redelivery."""
    if not said.get("retry_attempt"):
        return {}
    return {
        "x-slack-retry-num": str(said["retry_attempt"]),
        "x-slack-retry-reason": str(said.get("retry_reason") or ""),
    }
