"""What durability costs on Telegram: updates a second beside a bare aiogram echo bot, and the latency it adds.

Repeat it from the repository's root, on an otherwise idle machine:

    python benchmarks/telegram.py

A Bot API server on loopback, in a process of its own, hands out messages of as many chats and notes when each is
answered. First they lie ready, and the bot works as fast as it can; then they come at a steady rate, and the time from
message to answer is taken. The echo bot is aiogram's own polling, whose updates are lost in a crash; ours stores each
message and each answer (SQLite, synchronous=FULL) and answers at once, with the quiet time at zero. Each chat is new;
Telegram's limit of 30 messages a second is off. The processor's time is the bot's alone: it says something on a busy
machine, too. The result goes to benchmarks/results/telegram.json.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
from aiohttp import web
from machine import machine
from pydantic import HttpUrl, SecretStr
from rich.console import Console
from rich.table import Table

from bot.conversation import Pace
from bot.domain import Answer, Draft, Outcome, Question
from bot.intake import Intake
from bot.settings import TelegramSettings
from bot.storage.conversations import add_company
from bot.storage.migrate import migrate
from bot.turn import Turns
from bot.worker import Worker
from retrieval.database import open_database

RESULTS = Path(__file__).parent / "results" / "telegram.json"
TOKEN = "424242:no-token-of-any-real-bot-0123456789"  # noqa: S105 - of the server below
ME = {"id": 424242, "is_bot": True, "first_name": "Bot", "username": "Bot"}
AIMS = {"share_of_echo": 0.8, "latency_p50_ms": 20, "latency_p99_ms": 60}


@dataclass
class Server:
    """Hands out a message for each chat, and notes its answer."""

    waiting: list[dict[str, object]] = field(default_factory=list)
    given: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    chats: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def say(self) -> None:
        chat = next(self.chats)
        user = {"id": chat, "is_bot": False, "first_name": "Ada", "language_code": "en"}
        where = {"id": chat, "type": "private", "first_name": "Ada"}
        message = {"message_id": chat, "date": 1_700_000_000, "chat": where, "from": user, "text": f"Hello {chat}"}
        self.waiting.append({"update_id": chat, "message": message})
        self.given[chat] = time.perf_counter()
        self.arrived.set()

    async def handle(self, request: web.Request) -> web.Response:
        params = await request.post()
        method = request.match_info["method"].lower()
        if method == "getupdates":
            return await self._updates(int(str(params.get("offset") or 0)))
        if method == "sendmessage":
            chat = int(str(params["chat_id"]))
            self.answered.setdefault(chat, time.perf_counter())
            sent = {"message_id": chat, "date": 0, "chat": {"id": chat, "type": "private"}, "text": "x"}
            return web.json_response({"ok": True, "result": sent})
        return web.json_response({"ok": True, "result": ME if method == "getme" else True})

    async def _updates(self, offset: int) -> web.Response:
        self.waiting = [update for update in self.waiting if int(str(update["update_id"])) >= offset]
        if not self.waiting:
            self.arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.arrived.wait(), 10)
        return web.json_response({"ok": True, "result": self.waiting[:100]})


async def measured(bot: str, messages: int, rate: int, at_once: int) -> dict[str, float]:
    """One bot in a process of its own: its throughput, then its latency."""
    server = Server()
    app = web.Application()
    app.router.add_post("/bot{token}/{method}", server.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    command = [sys.executable, __file__, "--bot", bot, "--url", url, "--at-once", str(at_once)]
    process = await asyncio.create_subprocess_exec(*command)
    bots = psutil.Process(process.pid)
    try:
        server.say()
        await _until(lambda: len(server.answered) == 1)
        began, worked = time.perf_counter(), sum(bots.cpu_times()[:2])
        for _ in range(messages):
            server.say()
        await _until(lambda: len(server.answered) == messages + 1)
        seconds, worked = time.perf_counter() - began, sum(bots.cpu_times()[:2]) - worked
        await asyncio.sleep(1)
        for _ in range(10 * rate):
            server.say()
            await asyncio.sleep(1 / rate)
        await _until(lambda: len(server.answered) == len(server.given))
    finally:
        process.kill()
        await process.wait()
        await runner.cleanup()
    late = sorted((server.answered[chat] - server.given[chat]) * 1000 for chat in list(server.given)[-10 * rate :])
    cuts = statistics.quantiles(late, n=100)
    return {
        "updates_per_second": round(messages / seconds, 1),
        "cpu_ms_per_update": round(worked / messages * 1000, 2),
        "latency_p50_ms": round(cuts[49], 1),
        "latency_p99_ms": round(cuts[98], 1),
    }


async def _until(reached: Callable[[], bool], seconds: float = 300.0) -> None:
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110 - the pause keeps the server out of the figures
            await asyncio.sleep(0.005)


async def echo(url: str) -> None:
    """A bare aiogram bot."""
    from aiogram import Bot, Dispatcher
    from aiogram.client.session.aiohttp import AiohttpSession
    from aiogram.client.telegram import TelegramAPIServer
    from aiogram.types import Message

    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: Message) -> None:
        await message.answer(message.text or "")

    bot = Bot(TOKEN, session=AiohttpSession(api=TelegramAPIServer.from_base(url)))
    await dispatcher.start_polling(bot, handle_signals=False)


async def ours(url: str, at_once: int) -> None:
    """The durable core with an answerer that takes no time."""
    from connectors.telegram.connector import open_telegram

    async def instant(question: Question) -> AsyncIterator[Draft | Answer]:
        yield Answer(Outcome.ANSWERED, question.text, 1.0, "en")

    pace = Pace(quiet=0.0)
    given = TelegramSettings(token=SecretStr(TOKEN), api_base=HttpUrl(url), at_once=at_once)
    with tempfile.TemporaryDirectory() as folder:
        database = await open_database(f"sqlite:///{folder}/answerdesk.db")
        await migrate(database)
        await database.write(add_company, "acme", "Acme", time.time())
        async with open_telegram(given, "acme", database) as connector:
            connector.capabilities = replace(connector.capabilities, per_second=None)
            worker = Worker(
                database,
                Turns(database, instant, {("acme", "telegram"): connector}, pace).work,
                [("acme", "telegram")],
                pace,
            )
            await connector.start(Intake(database, pace))
            await worker.run()


async def compare(messages: int, rate: int) -> dict[str, dict[str, float]]:
    """All bots, one after the other."""
    found = {"aiogram echo": await measured("echo", messages, rate, 1)}
    for at_once in (1, 8):
        found[f"ours, at_once = {at_once}"] = await measured("ours", messages, rate, at_once)
    return found


def main() -> None:
    """Compare, show, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--rate", type=int, default=20, help="messages a second, for the latency")
    parser.add_argument("--bot", choices=("echo", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--at-once", type=int, default=1, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bot:
        asyncio.run(echo(chosen.url) if chosen.bot == "echo" else ours(chosen.url, chosen.at_once))
        return
    found = asyncio.run(compare(chosen.messages, chosen.rate))
    table = Table("", "updates/s", "CPU ms", "p50 ms", "p99 ms")
    for name, figures in found.items():
        table.add_row(name, *map(str, figures.values()))
    Console().print(table)
    result = {
        "machine": machine("aiogram", "aiohttp", "sqlalchemy"),
        "load": round(os.getloadavg()[0], 1),
        "messages": chosen.messages,
        "rate": chosen.rate,
        "figures": found,
        "aims": AIMS,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
