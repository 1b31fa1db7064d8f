"""What tests of channels share: a Telegram and its people, a web chat and its visitors, a browser, a free port."""

import logging
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from bot.storage.conversations import add_company
from connectors.telegram.connector import TelegramConnector, open_telegram
from retrieval.passages import Audience
from tests.browser import OpenContext, launched, opened, watched
from tests.chat_site import RETURNS, Site, document, serve
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.telegram_people import COMPANY, Customer, settings, storage
from tests.web_visitors import SECONDS


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """A Telegram of the test's own."""
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
def ada(telegram: FakeTelegram) -> Customer:
    """A customer there."""
    return Customer(telegram)


@pytest.fixture
async def connector(tmp_path: Path, telegram: FakeTelegram) -> AsyncIterator[TelegramConnector]:
    """Our bot, which doesn't listen."""
    async with storage(tmp_path) as database, open_telegram(settings(telegram), COMPANY, database) as opened:
        yield opened


@pytest.fixture
def no_token_in_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever the test does, nobody who reads the log learns the token."""
    caplog.set_level(logging.DEBUG)
    yield
    said = [record.getMessage() + str(record.exc_info or "") for record in caplog.get_records("call")]
    assert not any(TOKEN in each for each in said)


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
        return free


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A web chat with documents of two companies and for two audiences."""
    with serve(tmp_path_factory.mktemp("site")) as site:
        site.run(site.database.write(_add_other_company))
        site.add(
            document("returns", RETURNS),
            document(
                "manual", [("", "Grease the chain.")], url="https://halden.example/manual", page=7, title="Manual"
            ),
            document("odd/id #1", [("", "Odd.")], url="javascript:alert(1)"),
            document("internal", [("Secret?", "The margin is 40 %.")], audience=Audience.INTERNAL),
            document("other", [("Whose?", "Another company's.")], company="other"),
            document("deutsch", [("Wie lange kann ich zurückgeben?", "60 Tage.")], language="de"),
        )
        yield site


def _add_other_company(connection: Any) -> None:
    add_company(connection, "other", "Other", 0.0)


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Someone who has opened the chat."""
    async with httpx.AsyncClient(base_url=site.url, timeout=SECONDS) as client:
        await client.get("/chat")
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with launched() as browser:
        yield browser


@pytest.fixture
def open_context(browser: Browser) -> Iterator[OpenContext]:
    """Makes a visitor's browser; at the end, nothing may have been blocked or thrown in any of its pages."""
    with watched(browser) as make:
        yield make


@pytest.fixture
def page(site: Site, open_context: OpenContext) -> Page:
    """A visitor on a desktop who has opened the chat."""
    return opened(open_context().new_page(), site)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An empty folder to take documents from."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder
