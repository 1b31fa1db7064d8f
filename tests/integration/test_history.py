"""`answerdesk history` and `file`: what staff see of a conversation on Telegram, and the files in it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Answer, Chat, Draft, Owner, Question
from bot.ports import Attachment, Inbound
from bot.storage.conversations import find
from tests.command_line import Result, answerdesk
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.fakes.telegram_faults import Fault
from tests.telegram_people import COMPANY, Customer, Service, scripted, serving

PHOTO = b"\xff\xd8 a broken saddle"
NAME = "../\x1b[31mdamage.jpg"


EXPLANATION: dict[str, Any] = {
    "query": "Can I return it?",
    "passages": [{"passage": "returns#1", "score": 0.91, "cosine": 0.88, "keyword": 0.4}],
    "signals": {"cosine": 0.88, "margin": 0.1, "translated": False},
    "thresholds": {"answer": 0.67, "clarify": 0.25},
    "withheld": [{"sentence": "Returns cost 5 euros.", "flaw": "unstated_fact", "detail": "5"}],
}
SEEN = EXPLANATION["passages"]


async def explaining(question: Question) -> AsyncGenerator[Draft | Answer, None]:
    """Answers as the others of these tests, and says how it came about."""
    async for step in scripted(question):
        yield replace(step, explanation=EXPLANATION) if isinstance(step, Answer) else step


@dataclass
class Told:
    """A conversation with everything in it, and the command line beside it."""

    telegram: FakeTelegram
    service: Service
    id: str

    async def run(self, *arguments: str | Path) -> Result:
        return await asyncio.to_thread(answerdesk, *arguments, "--company", COMPANY)

    async def json(self, *arguments: str | Path) -> Any:
        return (await self.run(*arguments, "--json")).json


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command line is run."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ANSWERDESK_DATA_DIR", str(tmp_path))
    return tmp_path / "here"


@pytest.fixture
async def told(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Told]:
    async with FakeTelegram() as telegram, serving(tmp_path, telegram, answerer=explaining) as service:
        monkeypatch.setenv("ANSWERDESK_TELEGRAM_TOKEN", TOKEN)
        monkeypatch.setenv("ANSWERDESK_TELEGRAM_API_BASE", telegram.url)
        telegram.files["f1"] = PHOTO
        ada = Customer(telegram)
        ada.says("Can I return it?")
        await ada.reads("60 days")
        document = {"file_id": "f1", "file_unique_id": "u1", "file_name": NAME, "mime_type": "image/jpeg"}
        ada.says(document=document | {"file_size": len(PHOTO)})
        found = await service.until(42, lambda found: found.owner is Owner.WAITING)
        await service.handoffs.claim(COMPANY, found.id, "mia")
        await service.handoffs.reply(COMPANY, found.id, "mia", "We send a new saddle.", "Mia")
        await ada.reads("new saddle")
        await service.until(42, lambda found: found.queued == found.settled)
        yield Told(telegram, service, found.id)


async def test_the_json_has_all_that_was_said_and_done(told: Told) -> None:
    shown = await told.json("history", told.id[:8])
    assert {name: shown[name] for name in ("id", "company", "channel", "owner", "person", "customer")} == {
        "id": told.id,
        "company": COMPANY,
        "channel": "telegram",
        "owner": "human",
        "person": "mia",
        "customer": "Ada",
    }
    first, answer, sent, *_, last = shown["messages"]
    assert (first["seq"], first["author"], first["status"], first["text"]) == (
        1,
        "customer",
        "received",
        "Can I return it?",
    )
    assert (answer["outcome"], answer["status"]) == ("answered", "sent")
    assert answer["citations"][0]["title"] == "Returns and exchanges"
    assert sent["attachments"] == [{"number": 1, "name": NAME, "media_type": "image/jpeg", "size": len(PHOTO)}]
    assert (last["author"], last["sender"], last["text"]) == ("person", "Mia", "We send a new saddle.")


async def test_the_trail_tells_in_order_what_became_of_it(told: Told) -> None:
    events = (await told.json("history", told.id))["events"]
    kinds = [each["kind"] for each in events]
    assert [kind for kind in kinds if kind != "answered"] == ["opened", "handed_over", "claimed", "replied"]
    by_kind = {each["kind"]: each for each in events}
    assert by_kind["handed_over"]["data"]["reason"] == "file"
    assert (by_kind["claimed"]["actor"], by_kind["replied"]["actor"]) == ("mia", "mia")


async def test_people_read_it_as_a_chat(told: Told) -> None:
    shown = (await told.run("history", told.id[:8])).out
    assert "customer" in shown
    assert "bot, answered, sent" in shown
    assert "[1] Returns and exchanges" in shown
    assert "file 1: ../[31mdamage.jpg, image/jpeg, 18 bytes" in shown  # without what would steer the terminal
    assert "person Mia, sent\n    We send a new saddle.\n" in shown
    assert "claimed" not in shown


async def test_the_trail_stands_between_what_was_said(told: Told) -> None:
    lines = (await told.run("history", told.id[:8], "--events")).out.splitlines()

    def place(words: str) -> int:
        return next(number for number, line in enumerate(lines) if words in line)

    assert place("file 1:") < place("* handed over by bot: reason file") < place("* claimed by mia")
    assert place("* claimed by mia") < place("We send a new saddle.")


async def test_what_was_not_sent_is_marked(told: Told) -> None:
    told.telegram.fail("sendMessage", Fault(400, "Bad Request: not today"))
    await told.service.handoffs.reply(COMPANY, told.id, "mia", "One more thing.", "Mia")
    await told.service.until(42, lambda found: found.queued == found.settled)
    shown = (await told.run("history", told.id, "--events")).out
    assert "person Mia, failed\n    One more thing.\n" in shown
    assert "* send failed by channel" in shown


async def test_a_conversation_that_is_not_there_is_one_clear_line(told: Told) -> None:
    for arguments in (("history", "0x"), ("file", "0x", "1")):
        ended = await told.run(*arguments)
        assert (ended.code, ended.err.count("\n")) == (1, 1)


async def test_a_file_is_saved_under_its_name_and_nowhere_else(told: Told, folder: Path) -> None:
    saved = await told.json("file", told.id[:8], "1")
    assert saved == {"path": "[31mdamage.jpg", "name": NAME, "media_type": "image/jpeg", "size": len(PHOTO)}
    assert names(folder) == ["[31mdamage.jpg"]
    assert (folder / saved["path"]).read_bytes() == PHOTO


async def test_a_file_goes_where_it_is_told(told: Told, folder: Path) -> None:
    assert (await told.run("file", told.id, "1", "--out", "saddle.jpg")).code == 0
    (folder / "photos").mkdir()
    assert (await told.run("file", told.id, "1", "--out", "photos")).code == 0
    assert (folder / "saddle.jpg").read_bytes() == (folder / "photos" / "[31mdamage.jpg").read_bytes() == PHOTO


async def test_nothing_is_overwritten_unasked(told: Told, folder: Path) -> None:
    (folder / "saddle.jpg").write_text("mine")
    refused = await told.run("file", told.id, "1", "--out", "saddle.jpg")
    assert (refused.code, (folder / "saddle.jpg").read_text()) == (1, "mine")
    assert "--force" in refused.err
    assert (await told.run("file", told.id, "1", "--out", "saddle.jpg", "--force")).code == 0
    assert (folder / "saddle.jpg").read_bytes() == PHOTO


async def test_a_link_is_not_written_through_unasked(told: Told, folder: Path) -> None:
    (folder / "saddle.jpg").symlink_to(folder / "elsewhere")
    assert (await told.run("file", told.id, "1", "--out", "saddle.jpg")).code == 1
    assert not (folder / "elsewhere").exists()


async def test_a_place_that_can_not_be_written_is_named(told: Told) -> None:
    ended = await told.run("file", told.id, "1", "--out", "nowhere/saddle.jpg")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "nowhere/saddle.jpg" in ended.err


async def test_a_number_that_is_not_there_is_wrong_usage(told: Told) -> None:
    ended = await told.run("file", told.id, "2")
    assert ended.code == 2
    assert "answerdesk history" in ended.err


async def test_a_file_that_telegram_has_no_more_is_one_clear_line(told: Told, folder: Path) -> None:
    told.telegram.files.clear()
    ended = await told.run("file", told.id, "1")
    assert (ended.code, ended.err.count("\n"), names(folder)) == (1, 1, [])
    assert "Telegram doesn't give the file" in ended.err
    assert TOKEN not in ended.err


async def test_without_a_token_a_file_can_not_be_fetched(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANSWERDESK_TELEGRAM_TOKEN")
    ended = await told.run("file", told.id, "1")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "ANSWERDESK_TELEGRAM_TOKEN" in ended.err


@pytest.mark.parametrize(("channel", "why"), [("web", "it was erased"), ("fax", "channel fax")])
async def test_a_channel_without_files_says_so(told: Told, channel: str, why: str) -> None:
    chat = Chat(COMPANY, channel, "someone")
    attachments = (Attachment("x", "x.txt", "text/plain"),)
    await told.service.intake.receive(Inbound("e1", chat, text="Look", attachments=attachments))
    found = await told.service.database.read(find, chat)
    assert found
    ended = await told.run("file", found.id, "1")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert why in ended.err


async def test_an_answer_can_be_explained(told: Told) -> None:
    explained = await told.json("explain", f"{told.id[:8]}:2")
    assert (explained["outcome"], explained["seq"], explained["confidence"]) == ("answered", 2, 0.9)
    told_apart = {**explained, "passages": [{name: each[name] for name in SEEN[0]} for each in explained["passages"]]}
    assert {name: told_apart[name] for name in EXPLANATION} == EXPLANATION


async def test_the_confidence_is_told_against_its_thresholds(told: Told) -> None:
    assert (await told.json("explain", told.id[:8]))["band"] == "answer"
    assert "calls for: answer (answer from 0.67, clarify from 0.25" in (await told.run("explain", told.id[:8])).out


async def test_the_last_answer_is_explained_to_people(told: Told) -> None:
    shown = (await told.run("explain", told.id[:8])).out
    assert "answered, confidence" in shown
    assert "Searched for: Can I return it?" in shown
    assert "0.910" in shown
    assert "Withheld, unstated fact: 5\n  Returns cost 5 euros." in shown


@pytest.mark.parametrize(("message", "code"), [(":1", 1), (":x", 2)])
async def test_what_is_no_answer_can_not_be_explained(told: Told, message: str, code: int) -> None:
    assert (await told.run("explain", f"{told.id}{message}")).code == code
