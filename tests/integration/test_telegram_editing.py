"""What staff do with messages on Telegram: correct one that was sent, and send files."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain import Author, Chat
from bot.ports import Gone, Outgoing, Rejected, Retry, Sent
from bot.storage import files
from connectors.telegram.connector import TelegramConnector, open_telegram
from retrieval.database import Database
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_faults import CUT, Fault, too_many
from tests.telegram_people import COMPANY, SOURCE, Customer, settings, storage

CHAT = Chat(COMPANY, "telegram", "42")
LONG = "A sentence of some length that says nothing. " * 250

pytestmark = pytest.mark.usefixtures("no_token_in_logs")


def written(text: str, author: Author = Author.PERSON, **fields: object) -> Outgoing:
    message = Outgoing("c:2", CHAT, "c", 2, author, text, 0.0, sender="Mia" if author is Author.PERSON else "")
    return replace(message, **fields)  # type: ignore[arg-type]


async def sent(connector: TelegramConnector, message: Outgoing) -> Outgoing:
    """The message as it is once it was sent."""
    receipt = await connector.send(message)
    assert isinstance(receipt, Sent)
    return replace(message, refs=receipt.refs)


async def test_a_message_gets_another_text(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    message = await sent(connector, written("We open at **nine**.", Author.BOT, citations=[SOURCE]))
    assert await connector.edit(replace(message, text="We open at **ten**.")) == Sent()
    (shown,) = telegram.shown
    assert shown.text.startswith("We open at ten.\n\nSources")
    assert shown.marked("bold")[0] == "ten"


async def test_an_edit_that_was_made_already_is_made(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    message = await sent(connector, written("We open at nine."))
    corrected = replace(message, text="We open at ten.")
    assert [await connector.edit(corrected) for _ in range(2)] == [Sent(), Sent()]
    assert [shown.text for shown in telegram.shown] == ["Mia\nWe open at ten."]


async def test_parts_that_a_shorter_text_does_not_need_go(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    message = await sent(connector, written(LONG))
    assert len(telegram.shown) == 3
    assert await connector.edit(replace(message, text="Short.")) == Sent()
    assert [shown.text for shown in telegram.shown] == ["Mia\nShort."]


async def test_a_text_that_does_not_fit_is_refused(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    message = await sent(connector, written("Short."))
    receipt = await connector.edit(replace(message, text=LONG))
    assert isinstance(receipt, Rejected)
    assert "write a new message" in receipt.why
    assert [shown.text for shown in telegram.shown] == ["Mia\nShort."]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (too_many(5), Retry),
        (Fault(403, "Forbidden: bot was blocked by the user"), Gone),
        (Fault(400, "Bad Request: message can't be edited"), Rejected),
        (Fault(400, "Bad Request: message to edit not found"), Rejected),
    ],
)
async def test_what_telegram_says_to_an_edit_is_the_receipt(
    telegram: FakeTelegram, connector: TelegramConnector, fault: Fault, kind: type
) -> None:
    message = await sent(connector, written("Short."))
    telegram.fail("editMessageText", fault)
    assert isinstance(await connector.edit(replace(message, text="Shorter.")), kind)


async def test_rejected_formatting_is_edited_plain(telegram: FakeTelegram, connector: TelegramConnector) -> None:
    message = await sent(connector, written("We open at nine.", Author.BOT))
    telegram.fail("editMessageText", Fault(400, "Bad Request: can't parse entities: unsupported"))
    assert await connector.edit(replace(message, text="We open at **ten**.")) == Sent()
    assert (telegram.shown[0].text, telegram.shown[0].entities) == ("We open at ten.", [])


async def kept(database: Database, name: str, media_type: str, content: bytes) -> Outgoing:
    """A message with a file and without words."""
    file = await database.write(files.keep, CHAT, Author.PERSON, name, media_type, content, 0.0)
    return written("", files=[file])


async def test_a_photo_of_staff_is_a_photo_and_the_rest_are_documents(tmp_path: Path, telegram: FakeTelegram) -> None:
    async with storage(tmp_path) as database, open_telegram(settings(telegram), COMPANY, database) as connector:
        photo = await kept(database, "rim.jpg", "image/jpeg", b"\xff\xd8photo")
        manual = await kept(database, "manual.pdf", "application/pdf", b"%PDF")
        both = replace(photo, text="Look here.", files=[*photo.files, *manual.files])
        receipt = await connector.send(both)
        assert receipt == Sent([str(shown.id) for shown in telegram.shown])
    words, first, second = telegram.shown
    assert words.text == "Mia\nLook here."
    assert first.params["photo"] == ("rim.jpg", b"\xff\xd8photo")
    assert second.params["document"] == ("manual.pdf", b"%PDF")


async def test_a_file_without_words_says_who_sends_it(tmp_path: Path, telegram: FakeTelegram) -> None:
    async with storage(tmp_path) as database, open_telegram(settings(telegram), COMPANY, database) as connector:
        assert isinstance(await connector.send(await kept(database, "a.pdf", "application/pdf", b"%PDF")), Sent)
    assert [shown.text for shown in telegram.shown] == ["Mia"]


async def test_what_telegram_takes_for_no_photo_goes_as_a_document(tmp_path: Path, telegram: FakeTelegram) -> None:
    telegram.fail("sendPhoto", Fault(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"))
    async with storage(tmp_path) as database, open_telegram(settings(telegram), COMPANY, database) as connector:
        assert isinstance(await connector.send(await kept(database, "long.png", "image/png", b"PNG")), Sent)
    assert telegram.shown[0].params["document"] == ("long.png", b"PNG")


async def test_after_a_break_what_is_missing_is_sent(tmp_path: Path, telegram: FakeTelegram, ada: Customer) -> None:
    telegram.fail("sendDocument", CUT)
    async with storage(tmp_path) as database, open_telegram(settings(telegram), COMPANY, database) as connector:
        message = replace(await kept(database, "a.pdf", "application/pdf", b"%PDF"), text="Here it is.")
        broken = await connector.send(message)
        assert isinstance(await connector.send(replace(message, refs=broken.refs)), Sent)  # type: ignore[union-attr]
    assert [shown.text for shown in ada.screen] == ["Mia\nHere it is.", ""]


async def test_a_file_that_was_erased_is_named(tmp_path: Path, telegram: FakeTelegram) -> None:
    async with storage(tmp_path) as database, open_telegram(settings(telegram), COMPANY, database) as connector:
        message = await kept(database, "a.pdf", "application/pdf", b"%PDF")
        gone = replace(message, files=[replace(message.files[0], ref="nothing")])
        assert await connector.send(gone) == Rejected("the file a.pdf isn't there any more")
