"""A process that takes in messages and answers them, made to be killed. Its channel is a line of JSON over TCP.

It hears `{"event": ...}` and says `{"ack": ID}` once that is stored.
It says `{"send": KEY, ...}` and hears `{"ok": KEY}`.
Called with `hang`, its model says nothing until it hears `{"answer": true}`, and only the clock calls a person.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from bot.conversation import Pace
from bot.domain import Answer, Chat, Draft, Outcome, Question
from bot.errors import FileUnavailable
from bot.handoffs.overdue import Overdue
from bot.intake import Intake
from bot.ports import Capabilities, Inbound, Inbox, Outgoing, Receipt, Sent
from bot.sections import HandoffSettings
from bot.storage.migrate import migrate
from bot.turn import Turns
from bot.worker import Worker
from retrieval.database import open_database

PACE = Pace(quiet=0.05, longest_burst=0.2, lease=2.0, first_sign=600, unshown_turn=600, turn=600, deaths=100)
"""A short lease; but however slow the machine is, no person is called."""
HANGING = replace(PACE, lease=600, overdue=2.0)


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


class Model:
    """Answers with the question: at once, or when it is told to."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()

    async def __call__(self, question: Question) -> AsyncIterator[Draft | Answer]:
        await asyncio.sleep(0.01)
        await self.answers.wait()
        yield Answer(Outcome.ANSWERED, question.text, 1.0, "en")


async def main(url: str, port: int, *, hang: bool) -> None:
    pace, model = HANGING if hang else PACE, Model()
    database = await open_database(url)
    await migrate(database)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connector = LineConnector(writer)
    connector.say(hello=os.getpid())
    lines = [("acme", "line")]
    worker = Worker(database, Turns(database, model, {lines[0]: connector}, pace).work, lines, pace, concurrency=24)
    overdue = Overdue(database, {"acme": HandoffSettings()}, pace)
    intake = Intake(database, pace)
    working = [asyncio.create_task(worker.run())]
    if hang:
        working.append(asyncio.create_task(overdue.run()))
    else:
        model.answers.set()
    tasks: set[asyncio.Task[None]] = set()

    async def take(event: dict[str, Any]) -> None:
        await intake.receive(Inbound(event["id"], Chat("acme", "line", event["address"]), text=event["text"]))
        connector.say(ack=event["id"])

    while line := await reader.readline():
        heard = json.loads(line)
        if "ok" in heard:
            connector.waiting.pop(heard["ok"]).set_result(None)
        elif "answer" in heard:
            model.answers.set()
        else:
            task = asyncio.create_task(take(heard["event"]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    overdue.stop()
    await worker.stop()
    await asyncio.gather(*working)
    await database.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format=f"{os.getpid()} {time.time():.3f} %(message)s")
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), hang="hang" in sys.argv[3:]))
