"""A messenger for processes of `crash_worker`: delivers until it is acknowledged, and notes all that is sent to it."""

import asyncio
import contextlib
import json
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

COMPANY, CHANNEL = "acme", "line"


@dataclass(eq=False)
class Child:
    """A worker process, and the line to it."""

    process: asyncio.subprocess.Process
    writer: asyncio.StreamWriter

    def say(self, **words: Any) -> None:
        if not self.writer.is_closing():
            self.writer.write(json.dumps(words).encode() + b"\n")


@dataclass
class LineChannel:
    """The customers' side of all workers."""

    url: str
    seed: int
    children: list[Child] = field(default_factory=list)
    sent: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    """By address: key and text of everything that was sent, in order."""
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._ready: dict[int, asyncio.Future[Child]] = {}
        self._acknowledged: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._anyone = asyncio.Event()
        self.news = asyncio.Event()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["LineChannel"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            for child in tuple(self.children):
                await self.kill(child)
            server.close()

    async def spawn(self, *options: str) -> Child:
        command = [sys.executable, "-m", "tests.fakes.crash_worker", self.url, str(self._port), *options]
        process = await asyncio.create_subprocess_exec(*command)
        ready = asyncio.get_running_loop().create_future()
        self._processes[process.pid], self._ready[process.pid] = process, ready
        async with asyncio.timeout(60):
            return await ready

    async def kill(self, child: Child) -> None:
        child.process.kill()
        await child.process.wait()
        if child in self.children:
            self.children.remove(child)

    async def finish(self, child: Child) -> None:
        """Hang up: the process ends when it has done what it had begun."""
        child.writer.write_eof()
        async with asyncio.timeout(60):
            await child.process.wait()

    async def deliver(self, event: str, address: str, text: str) -> None:
        """Again and again, as a messenger does, until some process says that it has it."""
        acknowledged = self._acknowledged[event]
        while not acknowledged.is_set():
            self.redeliver(event, address, text)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(acknowledged.wait(), 1.0)

    def redeliver(self, event: str, address: str, text: str) -> None:
        if self.children:
            child = self.random.choice(self.children)
            child.say(event={"id": event, "address": address, "text": text})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = json.loads(await reader.readline())["hello"]
        child = Child(self._processes[hello], writer)
        self.children.append(child)
        self._ready[hello].set_result(child)
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self._hear(child, json.loads(line))
        if child in self.children:
            self.children.remove(child)
        writer.close()

    def _hear(self, child: Child, heard: dict[str, Any]) -> None:
        if "ack" in heard:
            self._acknowledged[heard["ack"]].set()
            return
        self.sent[heard["address"]].append((heard["send"], heard["text"]))
        if heard["author"] != "bot":
            self.notices.append(heard["text"])
        self.news.set()
        child.say(ok=heard["send"])
