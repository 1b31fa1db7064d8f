"""Fetching updates from a Telegram that fails in every way: a message is stored, once, before it is acknowledged."""

import asyncio
import itertools
from pathlib import Path

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from bot.ports import Inbound, Inbox
from bot.settings import TelegramSettings
from bot.texts import LANGUAGES
from connectors.telegram.connector import open_telegram
from llm.errors import SettingsError
from retrieval.errors import StoreUnavailable
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.fakes.telegram_faults import BAD_GATEWAY, CUT, RESPONSE_LOST, SERVER_ERROR, Fault, too_many
from tests.telegram_people import COMPANY, Customer, serving, settings, storage, working

pytestmark = pytest.mark.usefixtures("no_token_in_logs")


class Unsteady:
    """An inbox that can't store at first, or only when it is told to, or never comes back from it."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.open = asyncio.Event()
        self.open.set()
        self.dies = False
        self.asked: list[str] = []
        self.inbox: Inbox | None = None

    async def receive(self, event: Inbound) -> bool:
        self.asked.append(event.text)
        await self.open.wait()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("The disk is full.")
        fresh = await self.inbox.receive(event) if self.inbox else True
        if self.dies:
            await asyncio.Event().wait()
        return fresh


async def test_a_question_is_answered(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram):
        ada.says("Can I return it?")
        assert "60 days" in (await ada.reads("60 days")).text


async def test_an_update_is_acknowledged_only_when_it_is_stored(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer
) -> None:
    inbox = Unsteady()
    inbox.open.clear()
    async with serving(tmp_path, telegram, inbox=inbox):
        ada.says("one")
        await telegram.until(lambda: inbox.asked)
        assert telegram.confirmed == 0
        inbox.open.set()
        await telegram.until(lambda: telegram.confirmed == telegram.deliveries[-1])


async def test_a_crash_before_the_commit_loses_nothing(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    inbox = Unsteady(failures=1)
    async with serving(tmp_path, telegram, inbox=inbox) as service:
        inbox.inbox = service.intake
        ada.says("hello there")
        await ada.reads("You said: hello there")
        assert inbox.asked == ["hello there", "hello there"]
        assert await service.said(42) == ["hello there"]


async def test_what_can_not_be_stored_holds_up_no_other_chat(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer
) -> None:
    bob = Customer(telegram, 43, "Bob")
    inbox = Unsteady(failures=1)
    ada.says("hello there")
    bob.says("hello too")
    async with serving(tmp_path, telegram, inbox=inbox) as service:
        inbox.inbox = service.intake
        await bob.reads("You said: hello too")
        await ada.reads("You said: hello there")
        assert [len(ada.screen), len(bob.screen)] == [1, 1]


async def test_a_crash_after_the_commit_doubles_nothing(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with (
        storage(tmp_path) as database,
        open_telegram(settings(telegram), COMPANY, database) as first,
        open_telegram(settings(telegram), COMPANY, database) as second,
        working(database, second) as service,
    ):
        inbox = Unsteady()
        inbox.inbox, inbox.dies = service.intake, True
        update = ada.says("hello there")["update"]
        await first.start(inbox)
        await ada.reads("You said: hello there")
        for task in first._listening:
            task.cancel()
        assert telegram.confirmed < update
        await second.start(service.intake)
        ada.says("and again")
        await ada.reads("You said: and again")
        assert telegram.deliveries.count(update) == 2
        assert await service.said(42) == ["hello there", "and again"]
        assert [each.text for each in ada.screen] == ["You said: hello there", "You said: and again"]


async def test_a_redelivered_update_is_known(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram) as service:
        telegram.fail("getUpdates", RESPONSE_LOST)
        update = ada.says("hello there")["update"]
        await ada.reads("You said: hello there")
        assert telegram.deliveries.count(update) == 2
        ada.says("bye now")
        await ada.reads("You said: bye now")
        assert await service.said(42) == ["hello there", "bye now"]


async def test_a_malformed_update_hides_no_other(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    ada.says("before")
    telegram.update(message={"message_id": "no number", "text": "private words"})
    telegram.update(message="nonsense")
    ada.says("after")
    async with serving(tmp_path, telegram):
        await ada.reads("before\nafter")
        await telegram.until(lambda: telegram.confirmed == 1003)
    assert "update 1001 is malformed" in caplog.text
    assert "private words" not in caplog.text


async def test_a_message_with_something_unreadable_in_it_is_read_without(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer
) -> None:
    ada.says("Can I return it?", photo="a kind of photo yet to be invented")
    async with serving(tmp_path, telegram):
        await ada.reads("60 days")


async def test_an_unknown_kind_of_update_is_passed_over(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    telegram.update(telepathy={"from": ada.user, "thought": "hm"})
    async with serving(tmp_path, telegram):
        ada.says("hello there")
        await ada.reads("You said: hello there")


async def test_messages_of_a_chat_are_read_in_order(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    words = [f"message {number}" for number in range(30)]
    for each in words:
        ada.says(each)
    async with serving(tmp_path, telegram) as service:
        await ada.reads("message 29")
        assert await service.said(42) == words


async def test_an_edit_may_come_before_its_message(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    said = ada.message("Where is my helmet")
    ada.edits(said, "Where is my bicycle")
    telegram.update(message=said)
    async with serving(tmp_path, telegram):
        await ada.reads("You said: Where is my bicycle")


async def test_an_album_that_was_split_is_one_message(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    photos = [[{"file_id": name, "file_unique_id": name, "width": 9, "height": 9}] for name in ("front", "back")]
    async with serving(tmp_path, telegram) as service:
        ada.says(photo=photos[0], media_group_id="7", caption="Can I return it?")
        await ada.reads("I've added your file")
        ada.says(photo=photos[1], media_group_id="7")
        await service.until(42, lambda found: found.done == found.asked == 4)
        assert len(telegram.shown) == 2
        kept = [file.ref for message in await service.transcript(42) for file in message.attachments]
        assert kept == ["front", "back"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (too_many(), "asks to wait for 1 s"),
        (BAD_GATEWAY, "isn't Telegram's usual JSON"),
        (SERVER_ERROR, "trouble of its own"),
        (CUT, "can't be reached"),
        (Fault(409, "Conflict: can't use getUpdates method while webhook is active"), "telegram.mode = webhook"),
    ],
)
async def test_fetching_goes_on_after_trouble(
    tmp_path: Path,
    telegram: FakeTelegram,
    ada: Customer,
    fault: Fault,
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    telegram.fail("getUpdates", fault)
    ada.says("hello there")
    async with serving(tmp_path, telegram):
        await ada.reads("You said: hello there")
        await telegram.until(lambda: "works again" in caplog.text)
    assert said in caplog.text


async def test_a_second_poller_is_named_and_outlasted(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, telegram), ClientSession() as other:
        await telegram.until(lambda: telegram.called("getUpdates"))
        (await other.post(f"{telegram.url}/bot{TOKEN}/getUpdates", data={"timeout": "0"})).release()
        await telegram.until(lambda: "another program" in caplog.text)
        ada.says("hello there")
        await ada.reads("You said: hello there")


async def test_a_revoked_token_is_named_and_stopping_needs_no_patience(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, telegram):
        ada.says("hello there")
        await ada.reads("hello there")
        telegram.token = "1:another"
        ada.says("anyone?")
        await telegram.until(lambda: "@BotFather" in caplog.text)


async def test_a_token_that_is_refused_at_the_start_is_an_error(tmp_path: Path, telegram: FakeTelegram) -> None:
    given = settings(telegram)
    telegram.token = "1:another"
    async with storage(tmp_path) as database, open_telegram(given, COMPANY, database) as connector:
        with pytest.raises(SettingsError, match="ANSWERDESK_TELEGRAM_TOKEN"):
            await connector.start(Unsteady())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (TelegramSettings(), "There is no Telegram token"),
        (TelegramSettings(token=SecretStr("nonsense")), "is no token"),
        (TelegramSettings(token=SecretStr(TOKEN), mode="webhook"), "telegram.webhook_url"),
    ],
)
async def test_settings_that_can_not_work_are_named(tmp_path: Path, given: TelegramSettings, said: str) -> None:
    async with storage(tmp_path) as database:
        with pytest.raises(SettingsError, match=said):
            await open_telegram(given, COMPANY, database).__aenter__()


async def test_a_telegram_that_is_down_at_the_start_is_waited_for(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer
) -> None:
    telegram.fail("getMe", BAD_GATEWAY, too_many())
    async with serving(tmp_path, telegram):
        ada.says("hello there")
        await ada.reads("You said: hello there")


async def test_polling_takes_the_webhook_away(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    telegram.webhook = {"url": "https://elsewhere.example"}
    async with serving(tmp_path, telegram):
        ada.says("hello there")
        await ada.reads("You said: hello there")


async def test_the_commands_are_registered_in_every_language(tmp_path: Path, telegram: FakeTelegram) -> None:
    telegram.fail("setMyCommands", too_many())
    async with serving(tmp_path, telegram):
        await telegram.until(lambda: len(telegram.commands) == len(LANGUAGES) + 1)
    names = {tuple(each["command"] for each in commands) for commands in telegram.commands.values()}
    assert names == {("start", "help", "human", "new", "language", "privacy")}


async def test_after_a_silence_telegram_may_count_anew(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.telegram.polling.POLL_SECONDS", 1)
    async with serving(tmp_path, telegram):
        ada.says("hello there")
        await ada.reads("You said: hello there")
        await telegram.until(lambda: telegram.confirmed and "offset" not in telegram.called("getUpdates")[-1])
        telegram._update_ids = itertools.count(10)
        ada.says("first")
        await ada.reads("You said: first")


async def test_stopping_acknowledges_what_is_stored(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    inbox = Unsteady()
    inbox.open.clear()
    async with serving(tmp_path, telegram, inbox=inbox) as service:
        ada.says("hello there")
        await telegram.until(lambda: inbox.asked)
        stopping = asyncio.create_task(service.connector.stop())
        await asyncio.sleep(0.05)
        assert not stopping.done()
        inbox.open.set()
        await stopping
        assert telegram.confirmed == telegram.deliveries[-1]


async def test_a_stopped_connector_still_sends(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram) as service:
        ada.says("Can I return it slowly?")
        await telegram.until(lambda: telegram.drafts)
        await service.connector.stop()
        await ada.reads("60 days")
