"""A server that dies in every way a server dies, in processes of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from llm import supervising
from llm.errors import AnswerdeskError
from llm.serving import Command
from llm.supervising import supervise

SERVER = """
import http.server, os, sys
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
open(sys.argv[2], "a").write(f"{os.getpid()} {os.environ.get('VLLM_API_KEY')}\\n")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""


@dataclass
class Running:
    """A supervised server."""

    notes: Path
    came_up: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def up(self) -> None:
        self.came_up += 1
        self.news.set()

    async def wait(self) -> None:
        async with asyncio.timeout(60):
            await self.news.wait()
        self.news.clear()

    @property
    def starts(self) -> list[list[str]]:
        """Process id and key of each start."""
        return [line.split() for line in self.notes.read_text().splitlines()]


@asynccontextmanager
async def supervised(tmp_path: Path, port: int) -> AsyncIterator[Running]:
    running = Running(tmp_path / "notes")
    stopping = asyncio.Event()
    how = Command([sys.executable, "-c", SERVER, str(port), str(running.notes)], {}, f"http://127.0.0.1:{port}/health")
    task = asyncio.create_task(supervise(how, {"VLLM_API_KEY": "key"}, running.up, stopping))
    try:
        yield running
    finally:
        stopping.set()
        await task


@pytest.fixture
def port(unused_tcp_port_factory: Callable[[], int]) -> int:
    return unused_tcp_port_factory()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "LOOK", 0.05)


async def test_a_server_that_was_killed_is_started_again(tmp_path: Path, port: int) -> None:
    async with supervised(tmp_path, port) as running:
        await running.wait()
        os.kill(int(running.starts[0][0]), signal.SIGKILL)
        await running.wait()
        assert len(running.starts) == 2


async def test_the_key_is_given_by_a_variable(tmp_path: Path, port: int) -> None:
    async with supervised(tmp_path, port) as running:
        await running.wait()
        assert running.starts[0][1] == "key"


async def test_stopping_ends_the_server(tmp_path: Path, port: int) -> None:
    async with supervised(tmp_path, port) as running:
        await running.wait()
    with pytest.raises(ProcessLookupError):
        os.kill(int(running.starts[0][0]), 0)


async def test_a_server_that_goes_deaf_is_started_again(tmp_path: Path, port: int, monkeypatch) -> None:
    monkeypatch.setattr(supervising, "DEAF", 3.0)
    monkeypatch.setattr(supervising, "STOPPING", 0.2)
    async with supervised(tmp_path, port) as running:
        await running.wait()
        os.kill(int(running.starts[0][0]), signal.SIGSTOP)
        async with asyncio.timeout(60):
            while len(running.starts) < 2:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)


async def test_a_server_that_never_comes_up_is_given_up(monkeypatch) -> None:
    monkeypatch.setattr(supervising, "MOST_DEATHS", 1)
    how = Command([sys.executable, "-c", "raise SystemExit(3)"], {}, "http://127.0.0.1:1/health")
    with pytest.raises(AnswerdeskError, match="code 3"):
        await supervise(how, {}, lambda: None, asyncio.Event())


async def test_an_interpreter_that_is_not_there_is_told() -> None:
    with pytest.raises(AnswerdeskError, match="--python"):
        await supervise(Command(["/no/python"], {}, "http://127.0.0.1:1/health"), {}, lambda: None, asyncio.Event())
