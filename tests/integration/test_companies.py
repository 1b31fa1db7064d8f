"""Several companies in one process: each has its own chat, documents and bot, and nothing of another's."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.domain import Chat
from bot.intake import Intake
from bot.storage import conversations
from connectors.telegram.connector import open_telegram
from tests.command_line import answerdesk, server
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.fakes.vllm import refusing_url
from tests.telegram_people import COMPANY, PACE, settings, storage
from tests.visitor import Visitor

FILE = "[company]\nname = 'Halden'\n[companies.acme]\nname = 'Acme'\n"


@pytest.fixture
def served(tmp_path: Path, models_dir: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a service for two companies."""
    (tmp_path / "answerdesk.toml").write_text(FILE)
    (tmp_path / "hours.md").write_text("# Hours\n\n## When does Halden open?\n\nHalden opens at nine.\n")
    (tmp_path / "acme.md").write_text("# Hours\n\n## When does Acme open?\n\nAcme opens at six.\n")
    environment = {
        "ANSWERDESK_CONFIG": str(tmp_path / "answerdesk.toml"),
        "ANSWERDESK_DATA_DIR": str(tmp_path / "data"),
        "ANSWERDESK_MODELS_DIR": str(models_dir),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert answerdesk("ingest", tmp_path / "hours.md").code == 0
    assert answerdesk("ingest", tmp_path / "acme.md", "--company", "acme").code == 0
    with server("serve", "--port", str(port), url=f"http://127.0.0.1:{port}", **environment):
        yield port


def document(company: str) -> str:
    return answerdesk("documents", "--company", company, "--json").json["documents"][0]["id"]


def test_each_chat_is_its_companys_alone(served: int) -> None:
    halden, acme = Visitor(served), Visitor(served, "/acme")
    halden.says("When does Halden open?")
    acme.says("When does Acme open?")
    assert "opens at nine" in halden.hears("bot")["text"]
    assert "opens at six" in acme.hears("bot")["text"]
    url = f"http://127.0.0.1:{served}"
    theirs = document("acme")
    with httpx.Client(base_url=url, trust_env=False) as client:
        assert "Halden" in client.get("/chat").text
        page = client.get("/acme/chat")
        assert 'data-base="/acme"' in page.text
        assert "Path=/acme/chat" in page.headers["set-cookie"]
        assert client.get(f"/acme/chat/passages/{theirs}/0").status_code == 200
        assert client.get(f"/chat/passages/{theirs}/0").status_code == 404
        assert client.get(f"/chat/documents/{theirs}").status_code == 404
        assert client.get("/nobody/chat").status_code == 404
    # The same secret, put by hand where it doesn't belong, opens nothing of the other company.
    stolen = {"cookie": f"answerdesk_visitor={next(iter(acme.cookies.values()))}"}
    with httpx.stream("GET", f"{url}/chat/events", headers=stolen, trust_env=False, timeout=30) as events:
        told = (json.loads(line.removeprefix("data:")) for line in events.iter_lines() if line.startswith("data:"))
        assert next(told) == {"owner": "bot"}


def test_doctor_looks_at_every_company(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answerdesk.toml").write_text(FILE)
    monkeypatch.setenv("ANSWERDESK_CONFIG", str(tmp_path / "answerdesk.toml"))
    monkeypatch.setenv("ANSWERDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ANSWERDESK_MODELS_DIR", str(models_dir))
    monkeypatch.setenv("ANSWERDESK_COMPANIES_ACME_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("ANSWERDESK_COMPANIES_ACME_TELEGRAM_API_BASE", refusing_url())
    checks = {each["name"]: each for each in answerdesk("doctor", "--json").json["checks"]}
    assert checks["settings"]["message"] == "Companies default (Halden), acme (Acme)"
    assert "0 documents, 0 passages of acme" in checks["database"]["message"]
    expected = "Take documents in: answerdesk ingest FOLDER, answerdesk ingest FOLDER --company acme"
    assert checks["database"]["next"] == expected
    assert checks["telegram"]["status"] == "failed"
    assert "companies.acme.telegram.api_base" in checks["telegram"]["message"]


@pytest.mark.usefixtures("served")
def test_a_company_that_is_not_in_the_settings_is_told_which_are() -> None:
    ended = answerdesk("ask", "When?", "--company", "amce")
    assert ended.code == 1
    assert "They have default, acme." in ended.err


async def test_an_update_of_one_bot_lands_in_its_company_only(tmp_path: Path, telegram: FakeTelegram) -> None:
    async with FakeTelegram() as two, storage(tmp_path) as database:
        await database.write(conversations.add_company, "acme", "Acme", 0.0)
        async with (
            open_telegram(settings(telegram), COMPANY, database) as halden,
            open_telegram(settings(two), "acme", database) as acme,
        ):
            for connector in (halden, acme):
                await connector.start(Intake(database, PACE))
            chat = {"id": 7, "type": "private", "first_name": "Ann"}
            sender = {"id": 7, "is_bot": False, "first_name": "Ann"}
            two.update(message={"message_id": 1, "date": 1, "chat": chat, "from": sender, "text": "Hi"})
            async with asyncio.timeout(10):
                while await database.read(conversations.find, Chat("acme", "telegram", "7")) is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert await database.read(conversations.find, Chat(COMPANY, "telegram", "7")) is None
