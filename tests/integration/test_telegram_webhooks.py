"""`answerdesk serve` with webhooks, in processes of its own: several companies, and a process that only listens."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.command_line import start
from tests.fakes.telegram import FakeTelegram
from tests.telegram_people import Customer

HEADER = "X-Telegram-Bot-Api-Secret-Token"
OTHER_TOKEN = "535353:no-token-of-any-real-bot-9876543210"
PATIENCE = 120.0
"""Seconds: the embedding model is loaded before customers are answered."""


@contextlib.asynccontextmanager
async def running(*arguments: str, **environment: str) -> AsyncIterator[None]:
    """A process that isn't waited for: it needs this one's Telegram to start."""
    process = start(*arguments, **environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(process.communicate, timeout=60)
        sys.stderr.write(log)


@pytest.fixture
async def other() -> AsyncIterator[FakeTelegram]:
    """Another company's Telegram."""
    async with FakeTelegram() as server:
        server.token = OTHER_TOKEN
        yield server


@pytest.fixture
def environment(tmp_path: Path, models_dir: Path, telegram: FakeTelegram, port: int) -> dict[str, str]:
    return {
        "ANSWERDESK_DATA_DIR": str(tmp_path / "data"),
        "ANSWERDESK_MODELS_DIR": str(models_dir),
        "ANSWERDESK_TELEGRAM_TOKEN": telegram.token,
        "ANSWERDESK_TELEGRAM_API_BASE": telegram.url,
        "ANSWERDESK_TELEGRAM_MODE": "webhook",
        "ANSWERDESK_TELEGRAM_WEBHOOK_URL": f"http://127.0.0.1:{port}",
    }


async def test_each_companys_customers_write_to_its_own_bot(
    environment: dict[str, str], tmp_path: Path, telegram: FakeTelegram, other: FakeTelegram, port: int
) -> None:
    (tmp_path / "answerdesk.toml").write_text("[companies.acme]\nname = 'Acme'\n")
    environment |= {"ANSWERDESK_CONFIG": str(tmp_path / "answerdesk.toml")}
    environment |= {
        name.replace("_TELEGRAM_", "_COMPANIES_ACME_TELEGRAM_"): value
        for name, value in environment.items()
        if "_TELEGRAM_" in name
    }
    environment |= {
        "ANSWERDESK_COMPANIES_ACME_TELEGRAM_TOKEN": other.token,
        "ANSWERDESK_COMPANIES_ACME_TELEGRAM_API_BASE": other.url,
    }
    async with running("serve", "--port", str(port), **environment):
        await telegram.until(lambda: telegram.webhook and other.webhook, PATIENCE)
        assert telegram.webhook["url"].endswith("/telegram/default/424242")
        assert other.webhook["url"].endswith("/telegram/acme/535353")
        for each in (telegram, other):
            ada = Customer(each)
            ada.says("Hello!")
            await ada.reads("Hello! How can I help you?")
            assert len(each.called("sendMessage")) == 1
        async with httpx.AsyncClient(trust_env=False) as client:
            header = {HEADER: telegram.webhook["secret_token"]}
            assert (await client.post(other.webhook["url"], json={"update_id": 1}, headers=header)).status_code == 403


async def test_a_process_may_do_nothing_but_take_in_what_is_delivered(
    environment: dict[str, str], telegram: FakeTelegram, ada: Customer, port: int
) -> None:
    url = f"http://127.0.0.1:{port}"
    async with running("serve", "--roles", "telegram", "--port", str(port), **environment):
        await telegram.until(lambda: telegram.webhook, PATIENCE)
        ada.says("Hello!")
        await telegram.until(lambda: telegram.confirmed)
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            assert (await client.get("/chat")).status_code == 404
        async with running("serve", "--roles", "worker", **environment):
            await telegram.until(lambda: telegram.shown, PATIENCE)
            await ada.reads("Hello! How can I help you?")
