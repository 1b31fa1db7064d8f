"""Sending through a Telegram that fails in every way: what the receipts say, and what customers get to see."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import HttpUrl

from bot.conversation import Status
from bot.domain import Answer, Author, Chat, Draft, Outcome, Question
from bot.ports import Gone, Outgoing, Rejected, Retry, Sent, Unknown
from connectors.telegram import drafts
from connectors.telegram.connector import TelegramConnector, open_telegram
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_faults import BAD_GATEWAY, CUT, RESPONSE_LOST, SERVER_ERROR, UNDECODABLE, Fault, too_many
from tests.fakes.vllm import refusing_url
from tests.telegram_people import COMPANY, GROUP, SOURCE, Customer, serving, settings, storage

pytestmark = pytest.mark.usefixtures("no_token_in_logs")

CONVERSATION = "0123456789abcdef" * 2
LONG = "A sentence of some length that says nothing. " * 250


def outgoing(text: str = "Within **60 days**.", address: str = "42", **fields: Any) -> Outgoing:
    chat = Chat(COMPANY, "telegram", address)
    given = {"author": Author.BOT, "outcome": Outcome.ANSWERED, "language": "en", **fields}
    return Outgoing(f"{CONVERSATION}:2", chat, CONVERSATION, 2, given.pop("author"), text, 0.0, **given)


async def test_a_message_is_sent_and_known_by_its_id(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    receipt = await connector.send(outgoing())
    (shown,) = telegram.shown
    assert receipt == Sent([str(shown.id)])
    assert (shown.text, shown.marked("bold")) == ("Within 60 days.", ["60 days"])


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (too_many(5), Retry),
        (BAD_GATEWAY, Retry),
        (SERVER_ERROR, Retry),
        (CUT, Unknown),
        (RESPONSE_LOST, Unknown),
        (UNDECODABLE, Sent),
        (Fault(401, "Unauthorized"), Retry),
        (Fault(403, "Forbidden: user is deactivated"), Gone),
        (Fault(400, "Bad Request: chat not found"), Gone),
        (Fault(400, "Bad Request: not today"), Rejected),
    ],
)
async def test_what_telegram_says_is_the_receipt(
    telegram: FakeTelegram, connector: TelegramConnector, fault: Fault, kind: type
) -> None:
    telegram.fail("sendMessage", fault)
    assert isinstance(await connector.send(outgoing()), kind)
    assert len(telegram.called("sendMessage")) == 1


async def test_telegram_is_waited_for_as_long_as_it_says(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    telegram.fail("sendMessage", too_many(17))
    receipt = await connector.send(outgoing())
    assert isinstance(receipt, Retry)
    assert receipt.after == 17


async def test_a_message_that_never_left_can_be_sent_again(tmp_path: Path, telegram: FakeTelegram) -> None:
    unreachable = settings(telegram).model_copy(update={"api_base": HttpUrl(refusing_url())})
    async with storage(tmp_path) as database, open_telegram(unreachable, COMPANY, database) as connector:
        assert isinstance(await connector.send(outgoing()), Retry)


async def test_rejected_formatting_goes_out_plain(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    telegram.fail("sendMessage", Fault(400, "Bad Request: can't parse entities: unsupported"))
    assert isinstance(await connector.send(outgoing(citations=[SOURCE])), Sent)
    (shown,) = telegram.shown
    assert (shown.entities, "Helpful" in " ".join(shown.buttons)) == ([], True)


async def test_a_group_that_moved_says_where(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    telegram.migrated[GROUP] = -1007
    receipt = await connector.send(outgoing(address=f"{GROUP}/t3/u42"))
    assert isinstance(receipt, Gone)
    assert receipt.moved_to == "-1007/t3/u42"


async def test_a_long_message_has_its_buttons_at_the_end(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    receipt = await connector.send(outgoing(LONG, citations=[SOURCE]))
    assert isinstance(receipt, Sent)
    assert [bool(shown.buttons) for shown in telegram.shown] == [False, False, True]
    assert receipt.refs == [str(shown.id) for shown in telegram.shown]


async def test_a_long_message_goes_on_where_it_was_broken_off(
    telegram: FakeTelegram, connector: TelegramConnector
) -> None:
    message = outgoing(LONG)
    telegram.fail("sendMessage", None, too_many())
    receipt = await connector.send(message)
    assert isinstance(receipt, Retry)
    assert len(receipt.refs) == 1
    assert isinstance(await connector.send(replace(message, refs=receipt.refs)), Sent)
    assert "".join(shown.text for shown in telegram.shown).replace(" ", "") == LONG.replace(" ", "")


async def test_a_long_answer_that_was_broken_off_comes_whole_and_once(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer
) -> None:
    async def long_winded(question: Question) -> AsyncIterator[Answer]:
        yield Answer(Outcome.ANSWERED, LONG, 0.9, "en")

    telegram.fail("sendMessage", None, CUT, None, too_many())
    async with serving(tmp_path, telegram, answerer=long_winded) as service:
        ada.says("hello there")
        await telegram.until(lambda: len(telegram.shown) == 3)
        found = await service.until(42, lambda found: 0 < found.queued == found.settled)
        assert "".join(shown.text for shown in telegram.shown).replace(" ", "") == LONG.replace(" ", "")
        (_, answer) = await service.transcript(42)
        assert (answer.refs, found.lease) == (tuple(str(shown.id) for shown in telegram.shown), None)


async def test_topics_and_businesses_are_answered_where_they_are(
    telegram: FakeTelegram, connector: TelegramConnector
) -> None:
    await connector.send(outgoing(address="42/t7"))
    await connector.send(outgoing(address="42/bBC"))
    topic, business = (shown.params for shown in telegram.shown)
    assert (topic["message_thread_id"], business["business_connection_id"]) == ("7", "BC")


async def test_links_have_no_preview(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    await connector.send(outgoing("See https://halden.example"))
    assert telegram.shown[0].params["link_preview_options"] == {"is_disabled": True}


@pytest.mark.parametrize("fault", [too_many(), BAD_GATEWAY, SERVER_ERROR, CUT])
async def test_an_answer_that_did_not_get_through_comes_once(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer, fault: Fault
) -> None:
    telegram.fail("sendMessage", fault)
    async with serving(tmp_path, telegram) as service:
        ada.says("hello there")
        await ada.reads("You said: hello there")
        ada.says("bye now")
        await ada.reads("You said: bye now")
        assert [each.text for each in ada.screen] == ["You said: hello there", "You said: bye now"]
        await service.until(42, lambda found: found.settled == found.queued)
        sent = [each for each in await service.transcript(42) if each.author is Author.BOT]
        assert [each.status for each in sent] == [Status.SENT, Status.SENT]


async def test_an_answer_whose_receipt_was_lost_comes_twice_at_most(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer
) -> None:
    telegram.fail("sendMessage", RESPONSE_LOST)
    async with serving(tmp_path, telegram):
        ada.says("hello there")
        await ada.reads("hello there")
        await ada.reads("hello there")
        ada.says("bye now")
        await ada.reads("bye now")
        assert [each.text for each in ada.screen].count("You said: hello there") == 2


async def test_one_chat_that_has_to_wait_holds_up_no_other(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer
) -> None:
    bob = Customer(telegram, 43, "Bob")
    telegram.fail("sendMessage", too_many(3))
    async with serving(tmp_path, telegram):
        ada.says("hello there")
        await telegram.until(lambda: telegram.called("sendMessage"))
        bob.says("hello too")
        await bob.reads("hello too")
        assert ada.screen == []


async def test_who_blocked_the_bot_is_not_written_to(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram) as service:
        ada.says("hello there")
        await ada.reads("hello there")
        ada.blocks()
        await service.until(42, lambda found: found.gone == "blocked by the customer")
        ada.blocks(blocked=False)
        ada.says("I am back")
        await ada.reads("You said: I am back")
        assert (await service.conversation(42)).gone is None


async def test_who_blocked_the_bot_meanwhile_is_recorded(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram) as service:
        ada.says("Can I return it slowly?")
        await telegram.until(lambda: telegram.drafts[42])
        telegram.blocked.add(42)
        await service.until(42, lambda found: "blocked by the user" in (found.gone or ""))
        assert ada.screen == []


async def test_an_answer_follows_its_group(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram) as service:
        ada.in_group().says("@HaldenBot can I return it slowly?")
        await telegram.until(lambda: telegram.called("sendChatAction"))
        telegram.migrated[GROUP] = -1007
        moved = Customer(telegram, chat={"id": -1007, "type": "supergroup"})
        await moved.reads("60 days")
        assert (await service.conversation("-1007/u42")).gone is None


async def test_conversations_move_with_their_group(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram) as service:
        old = ada.in_group()
        old.says("@HaldenBot hello there")
        await old.reads("hello there")
        before = await service.conversation(f"{GROUP}/u42")
        telegram.migrated[GROUP] = -1007
        old.says(migrate_to_chat_id=-1007)
        moved = Customer(telegram, chat={"id": -1007, "type": "supergroup"})
        moved.says("@HaldenBot still here?")
        await moved.reads("still here?")
        assert (await service.conversation("-1007/u42")).id == before.id


async def test_a_group_answer_points_at_its_question(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram):
        grouped = ada.in_group()
        question = grouped.says("@HaldenBot can I return it?")
        shown = await grouped.reads("60 days")
        assert shown.params["reply_parameters"]["message_id"] == question["message_id"]


async def test_two_customers_of_a_group_get_an_answer_each(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer
) -> None:
    bob = Customer(telegram, 43, "Bob").in_group()
    async with serving(tmp_path, telegram):
        ada.in_group().says("@HaldenBot one")
        bob.says("@HaldenBot two")
        texts = {(await bob.reads("You said: ")).text, (await bob.reads("You said: ")).text}
        assert texts == {"You said: one", "You said: two"}


async def test_the_answer_grows_before_the_customers_eyes(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "INTERVAL", 0.2)
    async with serving(tmp_path, telegram):
        ada.says("Can I return it slowly?")
        final = await ada.reads("60 days")
        shown = telegram.drafts[42]
        assert 2 <= len(shown) < 10
        assert all(final.text.startswith(draft.removesuffix(".")) for draft in shown)
        assert len({params["draft_id"] for params in telegram.called("sendMessageDraft")}) == 1
        assert telegram.on_screen == {}


async def test_a_draft_has_a_stop_button(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram) as service:
        ada.says("Can I return it slowly?")
        await telegram.until(lambda: telegram.drafts[42])
        assert telegram.called("sendMessageDraft")[0]["can_stop"] == "true"
        ada.stops()
        ada.says("never mind")
        await ada.reads("You said: never mind")
        assert not any("60 days" in each.text for each in ada.screen)
        assert await service.said(42) == ["Can I return it slowly?", "", "never mind"]


async def test_the_answer_comes_where_drafts_are_refused(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    telegram.fail("sendMessageDraft", *[Fault(404, "Not Found: method not found")] * 20)
    async with serving(tmp_path, telegram) as service:
        ada.says("Can I return it slowly?")
        await ada.reads("60 days")
        assert len(telegram.called("sendMessageDraft")) == 1
        assert await service.connector.show(Chat(COMPANY, "telegram", "42"), "more") is False


async def test_drafts_wait_when_told_to(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "INTERVAL", 0.01)
    telegram.fail("sendMessageDraft", too_many(60))
    async with serving(tmp_path, telegram):
        ada.says("Can I return it slowly?")
        await ada.reads("60 days")
        assert len(telegram.called("sendMessageDraft")) == 1


async def test_a_group_gets_no_drafts(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram):
        grouped = ada.in_group()
        grouped.says("@HaldenBot can I return it slowly?")
        await grouped.reads("60 days")
        assert telegram.called("sendMessageDraft") == []
        assert telegram.called("sendChatAction")


async def test_a_question_that_goes_on_makes_a_new_draft(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "INTERVAL", 0.05)
    async with serving(tmp_path, telegram):
        for question in ("Can I return it slowly?", "And may a friend return a frame, slowly?"):
            ada.says(question)
            await ada.reads("60 days")
        assert len({params["draft_id"] for params in telegram.called("sendMessageDraft")}) == 2


async def test_a_stalled_answer_keeps_its_draft(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "REFRESH", 0.1)
    monkeypatch.setattr(drafts, "INTERVAL", 0.01)

    goes_on = asyncio.Event()

    async def stalled(question: Question) -> AsyncIterator[Draft | Answer]:
        yield Draft("So far")
        await goes_on.wait()
        yield Answer(Outcome.ANSWERED, "So far, so good.", 0.9, "en")

    async with serving(tmp_path, telegram, answerer=stalled):
        ada.says("hello there")
        await telegram.until(lambda: len(telegram.drafts[42]) > 3)
        assert set(telegram.drafts[42]) == {"So far"}
        goes_on.set()
        await ada.reads("So far, so good.")


async def test_a_pressed_button_is_used_up(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    async with serving(tmp_path, telegram):
        ada.says("Can I return it?")
        answer = await ada.reads("60 days")
        await ada.presses("👍 Helpful", answer)
        await telegram.until(lambda: list(answer.buttons) == ["Talk to a person"])


async def test_a_button_that_can_not_be_used_up_does_no_harm(
    tmp_path: Path, telegram: FakeTelegram, ada: Customer
) -> None:
    telegram.fail("editMessageReplyMarkup", too_many())
    async with serving(tmp_path, telegram) as service:
        ada.says("Can I return it?")
        answer = await ada.reads("60 days")
        for _ in range(2):
            assert await ada.presses("👍 Helpful", answer)
        assert (await service.trail(42)).count("feedback") == 1


async def test_typing_is_left_out_while_the_chat_has_to_wait(
    telegram: FakeTelegram, connector: TelegramConnector
) -> None:
    telegram.fail("sendChatAction", too_many(60))
    for _ in itertools.repeat(None, 3):
        await connector.typing(Chat(COMPANY, "telegram", "42"))
    assert len(telegram.called("sendChatAction")) == 1


@pytest.mark.parametrize("fault", [BAD_GATEWAY, CUT, SERVER_ERROR, Fault(403, "Forbidden")])
async def test_typing_never_fails(telegram: FakeTelegram, connector: TelegramConnector, fault: Fault) -> None:
    telegram.fail("sendChatAction", fault)
    await connector.typing(Chat(COMPANY, "telegram", "42"))
