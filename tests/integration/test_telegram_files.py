"""Fetching customers' files from a Telegram that fails."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import HttpUrl

from bot.errors import FileUnavailable
from connectors.telegram.connector import TelegramConnector, open_telegram
from tests.fakes.telegram import LARGEST_FILE, TOKEN, FakeTelegram
from tests.fakes.telegram_faults import BAD_GATEWAY, CUT, SERVER_ERROR, Fault, too_many
from tests.fakes.vllm import refusing_url
from tests.telegram_people import COMPANY, settings, storage

PHOTO = bytes(range(256)) * 1000


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        server.files["photo"] = PHOTO
        yield server


async def refused(connector: TelegramConnector, ref: str = "photo", limit: int = LARGEST_FILE) -> str:
    """Why a file isn't given."""
    with pytest.raises(FileUnavailable) as raised:
        await connector.fetch(ref, limit)
    return str(raised.value)


async def test_a_file_comes_whole(connector: TelegramConnector) -> None:
    assert await connector.fetch("photo", len(PHOTO)) == PHOTO


async def test_a_file_whose_path_has_odd_letters_comes_too(
    telegram: FakeTelegram, connector: TelegramConnector
) -> None:
    telegram.files["a b#c?d%20é"] = PHOTO
    assert await connector.fetch("a b#c?d%20é", len(PHOTO)) == PHOTO


async def test_a_file_that_is_gone_says_so(connector: TelegramConnector) -> None:
    assert "wrong file_id" in await refused(connector, "gone")


async def test_a_file_too_large_for_bots_says_what_to_do(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    telegram.files["film"] = bytes(LARGEST_FILE + 1)
    assert "another way" in await refused(connector, "film", 10**9)


async def test_a_file_above_the_limit_is_not_downloaded(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    telegram.fail("download", CUT)
    assert "more than 1,000 bytes" in await refused(connector, limit=1000)


@pytest.mark.parametrize("told", [{"file_size": 10}, {"file_size": None}])
async def test_a_file_that_turns_out_larger_is_not_taken(
    telegram: FakeTelegram, connector: TelegramConnector, told: dict[str, Any]
) -> None:
    telegram.described["photo"] = told
    assert "more than 1,000 bytes" in await refused(connector, limit=1000)


async def test_a_file_without_a_path_is_for_later(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    telegram.described["photo"] = {"file_path": None}
    assert "later" in await refused(connector)


async def test_a_server_that_keeps_files_to_itself_says_where(
    telegram: FakeTelegram, connector: TelegramConnector
) -> None:
    telegram.described["photo"] = {"file_path": f"/var/lib/telegram-bot-api/{TOKEN}/photos/1.jpg"}
    why = await refused(connector)
    assert "--local" in why
    assert "/photos/1.jpg" in why
    assert TOKEN not in why


@pytest.mark.parametrize("method", ["getFile", "download"])
@pytest.mark.parametrize("fault", [BAD_GATEWAY, SERVER_ERROR, CUT, too_many(5), Fault(401, "Unauthorized")])
async def test_trouble_is_one_clear_line_without_the_token(
    telegram: FakeTelegram,
    connector: TelegramConnector,
    method: str,
    fault: Fault,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    telegram.fail(method, fault, fault)  # a download whose connection breaks at once is tried again
    with pytest.raises(FileUnavailable) as raised:
        await connector.fetch("photo", LARGEST_FILE)
    assert str(raised.value).startswith(("The file can't be fetched", "Telegram has the file", "The download"))
    assert raised.value.__suppress_context__
    assert not any(TOKEN in said for said in (str(raised.value), caplog.text))


async def test_a_telegram_that_is_not_there_is_named(tmp_path: Path, telegram: FakeTelegram) -> None:
    away = settings(telegram).model_copy(update={"api_base": HttpUrl(refusing_url())})
    async with storage(tmp_path) as database, open_telegram(away, COMPANY, database) as connector:
        assert "telegram.api_base" in await refused(connector)
