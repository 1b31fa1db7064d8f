"""On a Slack that nobody here wrote: npm's `emulate`, where it is installed.

    npm install --prefix DIR emulate@0.12 node@22
    EMULATE="DIR/node_modules/node/bin/node DIR/node_modules/emulate/dist/index.js" pytest -k emulator

It has messages, threads, metadata, files and forms, but neither events over sockets nor buttons: what staff write comes
by catching up.
"""

import asyncio
import contextlib
import os
import shlex
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import ClientSession, web
from pydantic import SecretStr

from bot.domain import Owner
from bot.ports import Attachment
from connectors.slack.catching_up import catch_up
from tests.fakes.slack import FakeSlack
from tests.slack_people import Service, serving

EMULATE = shlex.split(os.environ.get("EMULATE", shutil.which("emulate") or ""))
BOT_TOKEN, MIA_TOKEN = "xoxb-emulated", "xoxp-emulated"
SEED = f"""
slack:
  users: [{{name: desk, real_name: Acme}}, {{name: mia, real_name: Mia Example}}]
  channels: [{{name: support}}]
  tokens: [{{token: {BOT_TOKEN}, user: desk}}, {{token: {MIA_TOKEN}, user: mia}}]
"""

pytestmark = pytest.mark.skipif(not EMULATE, reason="emulate of npm isn't installed: see the top of this file")


@dataclass
class Emulated(FakeSlack):
    """The emulator, by the address that our side is given."""

    url: str
    channel: str

    async def calls(self, method: str, **params: Any) -> dict[str, Any]:
        """A call of Mia's."""
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {MIA_TOKEN}"}
            answer = await client.post(f"{self.url}/api/{method}", json=params, headers=headers)
            found: dict[str, Any] = answer.json()
            assert found["ok"], found
            return found

    async def waits(self, condition: Callable[[list[dict[str, Any]]], Any], ts: str = "") -> Any:
        """Wait for the channel, or a thread, to be like that; returns what the condition gives."""
        method = "conversations.replies" if ts else "conversations.history"
        async with asyncio.timeout(20):
            while True:
                page = await self.calls(method, channel=self.channel, ts=ts)
                if found := condition(page["messages"]):
                    return found
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def posting(target: str) -> AsyncIterator[str]:
    """The emulator takes POST only, and Slack GET as well: says so in between."""
    async with ClientSession() as session:

        async def forward(request: web.Request) -> web.Response:
            body = await request.json() if request.content_type == "application/json" else dict(await request.post())
            given = {name: value for name, value in {**request.query, **body}.items() if value is not None}
            headers = {"Authorization": request.headers["Authorization"]}
            async with session.post(f"{target}{request.path}", json=given, headers=headers) as answer:
                return web.json_response(await answer.json(), status=answer.status)

        app = web.Application()
        app.router.add_route("*", "/api/{method}", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()


@pytest.fixture
async def emulated(tmp_path: Path) -> AsyncIterator[Emulated]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED, encoding="utf-8")
    command = [*EMULATE, "start", "--service", "slack", "--port", str(port), "--seed", str(seed)]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    try:
        async with posting(f"http://127.0.0.1:{port}") as url, asyncio.timeout(30):
            running = Emulated(url, "")
            while not _listens(port):  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.1)
            channels = (await running.calls("conversations.list"))["channels"]
            running.channel = next(each["id"] for each in channels if each["name"] == "support")
            yield running
    finally:
        process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
async def service(tmp_path: Path, emulated: Emulated) -> AsyncIterator[Service]:
    token = SecretStr(BOT_TOKEN)
    async with serving(tmp_path, emulated, token=token, channel=emulated.channel, mode="http") as running:
        yield running


async def test_a_case_from_its_thread_to_its_end(service: Service, emulated: Emulated) -> None:
    await service.asks("How long can I return <!channel> it?")
    [card] = await emulated.waits(lambda found: [each for each in found if each.get("metadata")])
    assert "Waiting for a person" in str(card["blocks"])
    case = await service.case()
    assert await service.app.threads.find_thread(case.id) == f"{emulated.channel}:{card['ts']}"
    assert await service.app.threads.find_thread("another") is None

    await emulated.calls("chat.postMessage", channel=emulated.channel, thread_ts=card["ts"], text="Only a note")
    await emulated.calls("chat.postMessage", channel=emulated.channel, thread_ts=card["ts"], text="!reply 60 days")
    await service.known()
    me = await service.app._who()
    assert await catch_up(service.app._desk, me, emulated.channel) <= 2
    await service.chat.until(lambda: service.chat.by_people == ["60 days"])
    await emulated.waits(lambda found: [each for each in found if "→ customer" in str(each.get("blocks"))], card["ts"])
    await emulated.waits(lambda found: "mia has it" in str(found[0]["blocks"]), card["ts"])

    service.chat.content["a"] = b"scratch"
    await service.asks("See", attachments=[Attachment("a", "scratch.txt", "text/plain")])
    await emulated.waits(lambda found: [each for each in found if each.get("files")], card["ts"])

    person = (await service.case()).person or ""
    await service.desk.handoffs.resolve("acme", case.conversation.id, person, "mia")
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    await emulated.waits(lambda found: "Resolved by mia" in str(found[0]["blocks"]), card["ts"])
    assert service.chat.by_people == ["60 days"]


async def test_an_archived_channel_is_told_plainly(
    service: Service, emulated: Emulated, caplog: pytest.LogCaptureFixture
) -> None:
    await emulated.calls("conversations.archive", channel=emulated.channel)
    await service.asks("How long can I return it?")
    async with asyncio.timeout(20):
        while "unarchive it" not in caplog.text:  # noqa: ASYNC110 - a log has no event
            await asyncio.sleep(0.05)
