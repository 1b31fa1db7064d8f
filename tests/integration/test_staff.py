"""Staff accounts from the command line to the open desk, over processes and companies."""

import io
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.command_line import answerdesk, server
from tests.desk_people import PASSWORD, filled, token_in
from tests.integration.test_roles import HOURS, environment, running, web

__all__ = ["environment"]

pytestmark = pytest.mark.usefixtures("environment")


class TestTheCommands:
    def test_an_account_comes_with_a_link(self) -> None:
        made = answerdesk("staff", "add", "Mia", "--name", "Mia Chen", "--json").json
        assert (made["id"], made["name"], made["ready"]) == ("mia", "Mia Chen", False)
        assert made["link"].startswith("http://127.0.0.1:8080/desk/welcome/")

    def test_the_link_begins_as_the_settings_say(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ANSWERDESK_DESK_URL", "https://help.example.com")
        assert "https://help.example.com/desk/welcome/" in answerdesk("staff", "add", "mia").out

    def test_a_password_can_come_from_stdin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
        assert answerdesk("staff", "add", "mia", "--password-stdin", "--json").json["ready"]

    def test_one_that_is_too_short_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
        refused = answerdesk("staff", "add", "mia", "--password-stdin")
        assert refused.code == 2
        assert "at least 10 characters" in refused.err

    def test_without_any_account_the_list_says_how_to_make_one(self) -> None:
        assert "answerdesk staff add mia" in answerdesk("staff", "list").err

    def test_everybody_is_listed(self) -> None:
        answerdesk("staff", "add", "mia", "--name", "Mia Chen")
        answerdesk("staff", "link", "mia", "U0123")
        assert answerdesk("staff", "list", "--json").json == {
            "staff": [{"id": "mia", "name": "Mia Chen", "slack": "U0123", "ready": False}]
        }
        assert "not yet" in answerdesk("staff", "list").out

    def test_a_removed_account_is_gone(self) -> None:
        answerdesk("staff", "add", "mia")
        assert answerdesk("staff", "remove", "mia").code == 0
        gone = answerdesk("staff", "password", "mia")
        assert gone.code == 2
        assert "There is no account mia" in gone.err

    def test_a_new_link_voids_the_password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
        answerdesk("staff", "add", "mia", "--password-stdin")
        assert "/desk/welcome/" in answerdesk("staff", "password", "mia").out
        assert answerdesk("staff", "list", "--json").json["staff"][0]["ready"] is False

    def test_each_company_has_accounts_of_its_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "answerdesk.toml").write_text("[companies.acme]\nname = 'Acme'\n")
        monkeypatch.setenv("ANSWERDESK_CONFIG", str(tmp_path / "answerdesk.toml"))
        assert "/acme/desk/welcome/" in answerdesk("staff", "add", "mia", "--company", "acme").out
        assert answerdesk("staff", "list", "--json").json == {"staff": []}


def enter(client: httpx.Client, link: str) -> str:
    """Follow a link, choose a password; returns what the open desk's requests bring along."""
    path = urlsplit(link).path
    chosen = client.post(path, data=filled(client.get(path).text, password=PASSWORD))
    assert chosen.url.path.endswith("/desk"), chosen.text
    return token_in(chosen.text)


def test_staff_ask_in_a_web_process_and_a_worker_elsewhere_answers(
    environment: dict[str, str], tmp_path: Path, port: int
) -> None:
    (tmp_path / "hours.md").write_text(HOURS)
    (tmp_path / "margin.md").write_text("# Margin\n\n## What is our margin?\n\nOur margin is forty percent.\n")
    assert answerdesk("ingest", tmp_path / "hours.md").code == 0
    assert answerdesk("ingest", tmp_path / "margin.md", "--audience", "internal").code == 0
    link = answerdesk("staff", "add", "mia", "--json").json["link"]
    with (
        web(port, environment),
        running("serve", "--roles", "worker", **environment),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, trust_env=False, timeout=60) as client,
    ):
        headers = {"x-csrf-token": enter(client, link)}
        answer = client.post("/desk/ask", json={"text": "What is our margin?"}, headers=headers)
        found = client.post("/desk/search", json={"text": "opening hours"}, headers=headers).json()["passages"]
    last = json.loads(answer.text.splitlines()[-1])
    assert "forty percent" in last["text"]
    assert [each["internal"] for each in last["citations"]] == [True]
    assert "opens at nine" in found[0]["text"]


def test_each_company_has_a_desk_of_its_own(
    environment: dict[str, str], tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answerdesk.toml").write_text("[company]\nname = 'Halden'\n[companies.acme]\nname = 'Acme'\n")
    monkeypatch.setenv("ANSWERDESK_CONFIG", str(tmp_path / "answerdesk.toml"))
    both = environment | {"ANSWERDESK_CONFIG": str(tmp_path / "answerdesk.toml")}
    link = answerdesk("staff", "add", "mia", "--company", "acme", "--json").json["link"]
    url = f"http://127.0.0.1:{port}"
    with (
        server("serve", "--roles", "web", "--port", str(port), url=url, **both),
        httpx.Client(base_url=url, follow_redirects=True, trust_env=False, timeout=60) as client,
    ):
        enter(client, link)
        assert "Acme desk" in client.get("/acme/desk").text
        assert client.get("/desk", headers={"accept": "text/html"}).url.path == "/desk/sign-in"
        stolen = {"cookie": f"answerdesk_staff={client.cookies['answerdesk_staff']}"}
        assert httpx.get(f"{url}/acme/desk/closed", headers=stolen, trust_env=False).status_code == 200
        assert httpx.get(f"{url}/desk/closed", headers=stolen, trust_env=False).status_code == 401
