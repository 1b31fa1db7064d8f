"""Updates delivered by webhook: whose are taken, and when the delivery is acknowledged."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import HttpUrl, SecretStr

from bot.ports import Inbound
from connectors.telegram.connector import TelegramConnector, open_telegram
from connectors.telegram.webhook import webhook_router
from connectors.web.app import LARGEST_BODY
from retrieval.errors import StoreUnavailable
from tests.chat_site import bound
from tests.fakes.telegram import FakeTelegram
from tests.telegram_people import COMPANY, Customer, Service, settings, storage, working

SECRET = "the-right-secret"
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@dataclass(slots=True)
class Site:
    """A service with a webhook, and how to call it."""

    service: Service
    http: httpx.AsyncClient
    path: str

    async def deliver(self, update: Any, secret: str | bytes | None = SECRET) -> httpx.Response:
        headers = [] if secret is None else [(HEADER.encode(), secret.encode() if isinstance(secret, str) else secret)]
        return await self.http.post(self.path, json=update, headers=headers)


@contextlib.asynccontextmanager
async def web(connector: TelegramConnector, listener: socket.socket) -> AsyncIterator[None]:
    """The route in an application as small as the service's, on a loopback port."""
    app = FastAPI(max_body_size=LARGEST_BODY)
    app.include_router(webhook_router(connector))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def site(tmp_path: Path, telegram: FakeTelegram) -> AsyncIterator[Site]:
    with bound(0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        given = settings(telegram, mode="webhook", webhook_url=HttpUrl(url), webhook_secret=SecretStr(SECRET))
        async with (
            storage(tmp_path) as database,
            open_telegram(given, COMPANY, database) as connector,
            working(database, connector) as service,
            web(connector, listener),
            httpx.AsyncClient(base_url=url, trust_env=False) as http,
        ):
            await connector.start(service.intake)
            await telegram.until(lambda: telegram.webhook)
            yield Site(service, http, connector.webhook_path)


def update(ada: Customer, number: int = 5, text: str = "hello there") -> dict[str, Any]:
    return {"update_id": number, "message": ada.message(text)}


async def test_telegram_delivers_and_the_customer_is_answered(
    site: Site, telegram: FakeTelegram, ada: Customer
) -> None:
    ada.says("Can I return it?")
    await ada.reads("60 days")
    assert telegram.called("getUpdates") == []


async def test_telegram_is_told_where_and_what_to_deliver(site: Site, telegram: FakeTelegram) -> None:
    assert telegram.webhook["url"].endswith(site.path)
    assert telegram.webhook["secret_token"] == SECRET
    assert "stopped_message_generation" in telegram.webhook["allowed_updates"]


@pytest.mark.parametrize("secret", [None, "", "the-wrong-secret", "the-right-secreT", SECRET + "x"])
async def test_who_has_not_the_secret_is_refused(site: Site, ada: Customer, secret: str | None) -> None:
    assert (await site.deliver(update(ada), secret)).status_code == 403


@pytest.mark.parametrize("secret", ["gehéim", "секрет", "秘密", b"\xff\xfe\x80", b"\xc3\xa9"])
async def test_a_secret_of_any_bytes_is_refused_as_well(site: Site, ada: Customer, secret: str | bytes) -> None:
    given = secret.encode() if isinstance(secret, str) else secret
    assert (await site.deliver(update(ada), given)).status_code == 403


async def test_what_was_refused_is_not_stored(site: Site, telegram: FakeTelegram, ada: Customer) -> None:
    await site.deliver(update(ada, text="forged"), "wrong")
    ada.says("hello there")
    await ada.reads("You said: hello there")
    assert await site.service.said(42) == ["hello there"]


async def test_a_delivery_is_acknowledged_when_it_is_stored(site: Site, ada: Customer) -> None:
    assert (await site.deliver(update(ada))).status_code == 200
    assert await site.service.said(42) == ["hello there"]


async def test_a_delivery_that_comes_twice_is_taken_once(site: Site, ada: Customer) -> None:
    given = update(ada)
    assert [(await site.deliver(given)).status_code for _ in range(3)] == [200, 200, 200]
    assert await site.service.said(42) == ["hello there"]


async def test_what_can_not_be_stored_comes_again(
    site: Site, telegram: FakeTelegram, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive, failures = site.service.intake.receive, iter([True, True])

    async def unsteady(event: Inbound) -> bool:
        if next(failures, False):
            raise StoreUnavailable("The disk is full.")
        return await receive(event)

    monkeypatch.setattr(site.service.intake, "receive", unsteady)
    number = ada.says("hello there")["update"]
    await ada.reads("You said: hello there")
    assert telegram.deliveries.count(number) == 3


async def test_a_malformed_update_is_not_asked_for_again(site: Site) -> None:
    assert (await site.deliver({"update_id": 5, "message": 7})).status_code == 200


async def test_a_body_that_is_no_json_is_not_asked_for_again(site: Site) -> None:
    response = await site.http.post(site.path, content=b"{", headers={HEADER: SECRET})
    assert response.status_code == 200


async def test_a_large_update_is_taken(site: Site, ada: Customer) -> None:
    given = update(ada, text="я" * 4096)
    given["message"]["reply_to_message"] = ada.message("я" * 40_000)
    response = await site.deliver(given)
    assert int(response.request.headers["content-length"]) > LARGEST_BODY
    assert response.status_code == 200


async def test_deliveries_wait_while_the_service_stops(site: Site, ada: Customer) -> None:
    await site.service.connector.stop()
    assert (await site.deliver(update(ada))).status_code == 503


async def test_without_a_secret_in_the_settings_the_token_makes_one(tmp_path: Path, telegram: FakeTelegram) -> None:
    given = settings(telegram, mode="webhook", webhook_url=HttpUrl("https://help.example.com"))
    async with storage(tmp_path) as database, open_telegram(given, COMPANY, database) as connector:
        await connector.start(None)  # type: ignore[arg-type] - nothing comes in
        await telegram.until(lambda: telegram.webhook)
        secret = telegram.webhook["secret_token"]
        assert connector.knows(secret)
        assert telegram.token not in secret


async def test_an_address_that_telegram_refuses_is_named(
    tmp_path: Path, telegram: FakeTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    given = settings(telegram, mode="webhook", webhook_url=HttpUrl("http://help.example.com"))
    async with storage(tmp_path) as database, open_telegram(given, COMPANY, database) as connector:
        await connector.start(None)  # type: ignore[arg-type] - nothing comes in
        await telegram.until(lambda: "HTTPS URL" in caplog.text)
