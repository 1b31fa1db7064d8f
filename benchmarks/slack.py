"""How soon Slack is told "got it": each event is on disk by then. Slack waits for 3 s, and then delivers again.

Repeat it from the repository's root, on an otherwise idle machine:

    python benchmarks/slack.py

A Slack on loopback, in a process of its own, delivers messages of staff in the threads of 50 cases, over a socket and
signed over HTTP: first all at once (by HTTP 200 at a time), then at a steady rate. Ours stores each (SQLite,
synchronous=FULL), acknowledges it, and makes a note of it meanwhile. Taken is the time from delivery to
acknowledgement, and to the last note. Slack itself delivers at most 30,000 events an hour. The result goes to
benchmarks/results/slack.json.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvicorn
from aiohttp import ClientSession, TCPConnector, WSMsgType, web
from fastapi import FastAPI
from machine import machine
from pydantic import HttpUrl, SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, func, select, update

from bot.conversation import Pace
from bot.domain import Chat
from bot.handoffs.handoff import Handoffs
from bot.intake import Intake
from bot.ports import Inbound
from bot.sections import HandoffSettings, SlackSettings
from bot.storage.conversations import add_company, find
from bot.storage.migrate import migrate
from bot.storage.tables import handoffs, notes
from connectors.slack.connector import open_slack
from connectors.slack.webhook import webhook_router
from retrieval.database import open_database

RESULTS = Path(__file__).parent / "results" / "slack.json"
TOKEN, APP_TOKEN, SECRET = "xoxb-none", "xapp-none", "none"
CHANNEL, CASES = "C0SUPPORT", 50
AIMS = {"ack_p99_ms_burst": 3000, "ack_p99_ms_steady": 100}


class Server:
    """Delivers events, and notes when each is acknowledged."""

    def __init__(self) -> None:
        self.given: dict[str, float] = {}
        self.acknowledged: dict[str, float] = {}
        self.socket: web.WebSocketResponse | None = None
        self.url = ""
        self.connections = asyncio.Semaphore(200)

    async def api(self, request: web.Request) -> web.Response:
        answers: dict[str, dict[str, Any]] = {
            "auth.test": {"team_id": "T1", "user_id": "U0BOT", "bot_id": "B0"},
            "apps.connections.open": {"url": f"{self.url.replace('http', 'ws')}/socket"},
            "users.info": {"user": {"id": "U1", "profile": {"display_name": "Mia"}}},
            "conversations.replies": {"messages": []},
        }
        return web.json_response({"ok": True, **answers.get(request.match_info["method"], {})})

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello"})
        self.socket = socket
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.acknowledged.setdefault(json.loads(message.data)["envelope_id"], time.perf_counter())
        return socket

    async def over_socket(self, number: int) -> None:
        assert self.socket is not None
        key = f"e{number}"
        self.given[key] = time.perf_counter()
        await self.socket.send_json({"type": "events_api", "envelope_id": key, "payload": event(number)})

    async def over_http(self, number: int, session: ClientSession, address: str) -> None:
        key, body, stamp = f"e{number}", json.dumps(event(number)), str(int(time.time()))
        signature = hmac.new(SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"}
        headers["Content-Type"] = "application/json"
        async with self.connections:
            self.given[key] = time.perf_counter()
            async with session.post(address, data=body, headers=headers) as answer:
                assert answer.status == 200
            self.acknowledged[key] = time.perf_counter()


def event(number: int) -> dict[str, Any]:
    """A message of staff in the thread of a case."""
    said = {"type": "message", "channel": CHANNEL, "user": "U1", "text": f"Note {number}"}
    said |= {"ts": f"1700000000.{number:06}", "thread_ts": f"1600000000.{number % CASES:06}"}
    return {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{number}", "event": said}


async def measured(mode: str, messages: int, rate: int) -> dict[str, float]:
    """Our app in a process of its own: a burst, then a steady stream."""
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", server.api)
    app.router.add_get("/socket", server.listen)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    command = [sys.executable, __file__, "--app", mode, "--url", server.url]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().strip()
    try:
        async with ClientSession(connector=TCPConnector(limit=200)) as session:

            async def deliver(number: int) -> None:
                await (server.over_socket(number) if mode == "socket" else server.over_http(number, session, address))

            await _until(lambda: mode == "http" or server.socket is not None)
            await deliver(0)
            await _until(lambda: len(server.acknowledged) == 1)
            began = time.perf_counter()
            await asyncio.gather(*(deliver(number) for number in range(1, messages + 1)))
            await _until(lambda: len(server.acknowledged) == messages + 1)
            burst = time.perf_counter() - began
            await _noted(process, messages + 1)
            noted = time.perf_counter() - began
            tasks = []
            for number in range(messages + 1, messages + 1 + 10 * rate):
                tasks.append(asyncio.create_task(deliver(number)))
                await asyncio.sleep(1 / rate)
            await asyncio.gather(*tasks)
            await _until(lambda: len(server.acknowledged) == len(server.given))
    finally:
        process.kill()
        await process.wait()
        await runner.cleanup()
    late = [(server.acknowledged[key] - at) * 1000 for key, at in server.given.items()]
    early, steady = late[1 : messages + 1], late[messages + 1 :]
    return {
        "acknowledged_per_second": round(messages / burst, 1),
        "noted_per_second": round(messages / noted, 1),
        "burst_ack_p50_ms": round(statistics.median(early), 1),
        "burst_ack_p99_ms": round(statistics.quantiles(early, n=100)[98], 1),
        "steady_ack_p50_ms": round(statistics.median(steady), 1),
        "steady_ack_p99_ms": round(statistics.quantiles(steady, n=100)[98], 1),
    }


async def _noted(process: asyncio.subprocess.Process, count: int) -> None:
    """Wait until the app has carried out so many."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{count}\n".encode())
    await process.stdin.drain()
    await process.stdout.readline()


async def _until(condition: Any) -> None:
    while not condition():  # noqa: ASYNC110 - no event is worth a benchmark's while
        await asyncio.sleep(0.002)


async def app(mode: str, url: str) -> None:
    """Ours: prints where it listens; a number on stdin is answered when so many notes are made."""
    settings = SlackSettings(
        token=SecretStr(TOKEN),
        app_token=SecretStr(APP_TOKEN),
        signing_secret=SecretStr(SECRET),
        channel=CHANNEL,
        mode="http" if mode == "http" else "socket",
        api_base=HttpUrl(f"{url}/api/"),
    )
    with tempfile.TemporaryDirectory() as folder:
        database = await open_database(f"sqlite:///{folder}/answerdesk.db")
        await migrate(database)
        await database.write(add_company, "acme", "Acme", 0.0)
        for number in range(CASES):
            chat = Chat("acme", "web", f"visitor-{number}")
            await Intake(database, Pace()).receive(Inbound(f"e{number}", chat, text="Help!"))
            conversation = await database.read(find, chat)
            assert conversation is not None
            await Handoffs(database).claim("acme", conversation.id, "slack:U1", "Mia")
            await database.write(_name_thread, conversation.id, f"{CHANNEL}:1600000000.{number:06}")
        async with open_slack("acme", settings, HandoffSettings(), database, {}) as desk:
            served = FastAPI()
            served.include_router(webhook_router(desk))
            config = uvicorn.Config(served, port=0, log_config=None, lifespan="off", access_log=False)
            web_server = uvicorn.Server(config)
            serving = asyncio.create_task(web_server.serve())
            await _until(lambda: web_server.started)
            await desk.start()
            await asyncio.sleep(1)
            port = web_server.servers[0].sockets[0].getsockname()[1]
            print(f"http://127.0.0.1:{port}{desk.webhook_path}", flush=True)
            while wanted := await asyncio.to_thread(sys.stdin.readline):
                while await database.read(_count_notes) < int(wanted):  # noqa: ASYNC110 - it is in SQL
                    await asyncio.sleep(0.02)
                print("noted", flush=True)
            await serving


def _name_thread(connection: Connection, conversation: str, thread: str) -> None:
    connection.execute(update(handoffs).where(handoffs.c.conversation == conversation).values(thread=thread))


def _count_notes(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(notes)).scalar_one()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=50, help="messages a second in the steady part")
    parser.add_argument("--app", choices=["socket", "http"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.app:
        await app(options.app, options.url)
        return
    load = os.getloadavg()[0]
    figures = {mode: await measured(mode, options.messages, options.rate) for mode in ("socket", "http")}
    about = machine("slack-bolt", "slack-sdk", "aiohttp", "sqlalchemy")
    result = {"machine": about, "load": round(load, 1), "messages": options.messages, "rate": options.rate}
    RESULTS.write_text(json.dumps({**result, "figures": figures, "aims": AIMS}, indent=2) + "\n", encoding="utf-8")
    table = Table("", *figures)
    for name in figures["socket"]:
        table.add_row(name, *(str(each[name]) for each in figures.values()))
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
