"""What tests of channels share: a Telegram and its people, and a free port."""

import logging
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from connectors.telegram.connector import TelegramConnector, open_telegram
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.telegram_people import COMPANY, Customer, settings, storage


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
