"""A process that takes in messages and answers them, made to be killed. Its channel is a line of JSON over TCP.

It hears `{"event": ...}` and says `{"ack": ID}` once that is stored.
It says `{"send": KEY, ...}` and hears `{"ok": KEY}`.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from bot.conversation import Pace
from bot.domain import Answer, Chat, Draft, Outcome, Question
from bot.errors import FileUnavailable
from bot.intake import Intake
from bot.ports import Capabilities, Inbound, Inbox, Outgoing, Receipt, Sent
from bot.storage.migrate import migrate
from bot.turn import Turns
from bot.worker import Worker
from retrieval.database import open_database

PACE = Pace(quiet=0.05, longest_burst=0.2, lease=2.0, first_sign=600, unshown_turn=600, turn=600, deaths=100)
"""A short lease; but however slow the machine is, no person is called."""


class LineConnector:
    """Sends by the line, and waits for the other side's word."""

    channel = "line"
    capabilities = Capabilities()

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.waiting: dict[str, asyncio.Future[None]] = {}

    async def start(self, inbox: Inbox) -> None: ...

    async def stop(self) -> None: ...

    def say(self, **words: Any) -> None:
        self._writer.write(json.dumps(words).encode() + b"\n")

    async def send(self, message: Outgoing) -> Receipt:
        self.waiting[message.key] = asked = asyncio.get_running_loop().create_future()
        self.say(send=message.key, address=message.chat.address, text=message.text, author=message.author)
        await asked
        return Sent([message.key])

    async def show(self, _chat: Chat, _draft: str | None) -> bool:
        return False

    async def typing(self, chat: Chat) -> None: ...

    async def fetch(self, ref: str, _limit: int) -> bytes:
        raise FileUnavailable(f"There is no file {ref}.")


async def echo(question: Question) -> AsyncIterator[Draft | Answer]:
    await asyncio.sleep(0.01)
    yield Answer(Outcome.ANSWERED, question.text, 1.0, "en")


async def main(url: str, port: int) -> None:
    database = await open_database(url)
    await migrate(database)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connector = LineConnector(writer)
    connector.say(hello=os.getpid())
    worker = Worker(
        database,
        Turns(database, echo, {("acme", "line"): connector}, PACE).work,
        [("acme", "line")],
        PACE,
        concurrency=24,
    )
    intake = Intake(database, PACE)
    working = asyncio.create_task(worker.run())
    tasks: set[asyncio.Task[None]] = set()

    async def take(event: dict[str, Any]) -> None:
        await intake.receive(Inbound(event["id"], Chat("acme", "line", event["address"]), text=event["text"]))
        connector.say(ack=event["id"])

    while line := await reader.readline():
        heard = json.loads(line)
        if "ok" in heard:
            connector.waiting.pop(heard["ok"]).set_result(None)
        else:
            task = asyncio.create_task(take(heard["event"]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    await worker.stop()
    await working
    await database.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format=f"{os.getpid()} {time.time():.3f} %(message)s")
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
