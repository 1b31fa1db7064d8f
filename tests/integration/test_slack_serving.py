"""Slack as a part of the service, and of the command line."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import HttpUrl, SecretStr

from bot.settings import SlackSettings
from connectors.slack.checking import check_slack
from connectors.slack.manifest import LONGEST_NAME, SCOPES, manifest
from llm.errors import SettingsError
from tests.command_line import ROOT, answerdesk, start
from tests.fakes.slack import APP_TOKEN, CHANNEL, TOKEN, FakeSlack
from tests.fakes.slack_faults import Fault
from tests.slack_fixtures import mia, slack
from tests.slack_people import Staff, cards
from tests.visitor import Visitor

__all__ = ["mia", "slack"]

PATIENCE = 120.0
"""Seconds: the embedding model is loaded before customers are."""


def test_without_a_token_bolt_is_not_imported() -> None:
    program = "import sys, connectors.main, connectors.slacks; sys.exit('slack_bolt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


async def test_staff_in_slack_take_over_from_the_service_and_ask_it(
    tmp_path: Path, models_dir: Path, slack: FakeSlack, mia: Staff, port: int
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "app_token").write_text(f"{APP_TOKEN}\n")
    variables = {
        "ANSWERDESK_DATA_DIR": str(tmp_path / "data"),
        "ANSWERDESK_MODELS_DIR": str(models_dir),
        "ANSWERDESK_SLACK_TOKEN_FILE": str(tmp_path / "token"),
        "ANSWERDESK_SLACK_APP_TOKEN_FILE": str(tmp_path / "app_token"),
        "ANSWERDESK_SLACK_API_BASE": f"{slack.url}/api/",
        "ANSWERDESK_SLACK_CHANNEL": CHANNEL,
    }
    process = start("serve", "--port", str(port), **variables)
    try:
        await slack.until(lambda: slack.sockets, PATIENCE)
        visitor = await asyncio.to_thread(Visitor, port)
        await asyncio.to_thread(visitor.says, "I want to talk to a human please")
        card = await slack.until(lambda: cards(slack), 30)
        await mia.submits(await mia.opens("Reply", card[0]), words="Hello, this is Mia.")
        told = await asyncio.to_thread(visitor.hears, "person")
        assert (told["text"], told["sender"]) == ("Hello, this is Mia.", "Mia")
        await mia.asks("Hello!")
        await mia.reads("Hello! How can I help you?")
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == 0
    assert TOKEN not in log
    assert "Traceback" not in log


@pytest.mark.parametrize("address", ["", "https://help.example.com/slack/acme"])
def test_the_manifest_is_yaml_with_the_addresses_where_slack_needs_them(address: str) -> None:
    made = yaml.safe_load(manifest('Acme: "Bikes" & more of a very long name', address))
    assert made["display_information"]["name"] == 'Acme: "Bikes" & more of a very long name'[:LONGEST_NAME]
    assert made["settings"]["socket_mode_enabled"] is not bool(address)
    assert made["settings"]["event_subscriptions"].get("request_url", "") == address
    assert made["settings"]["interactivity"].get("request_url", "") == address
    assert made["features"]["slash_commands"][0].get("url", "") == address
    assert made["features"]["shortcuts"][0]["callback_id"] == "send_to_customer"
    assert made["oauth_config"]["scopes"]["bot"] == list(SCOPES)


@pytest.fixture
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANSWERDESK_DATA_DIR", str(tmp_path / "data"))


@pytest.mark.usefixtures("_environment")
def test_the_command_prints_the_manifest() -> None:
    ended = answerdesk("slack", "manifest", "--url", "https://help.example.com/")
    assert ended.code == 0
    assert (
        yaml.safe_load(ended.out)["settings"]["interactivity"]["request_url"]
        == "https://help.example.com/slack/default"
    )
    refused = answerdesk("slack", "manifest", "--url", "http://help.example.com")
    assert refused.code == 2
    assert "https://" in refused.err


@pytest.mark.usefixtures("_environment")
def test_the_role_of_slack_needs_a_token() -> None:
    ended = answerdesk("serve", "--roles", "slack")
    assert ended.code == 1
    assert "ANSWERDESK_SLACK_TOKEN" in ended.err


def settings(slack: FakeSlack) -> SlackSettings:
    return SlackSettings(
        token=SecretStr(TOKEN), app_token=SecretStr(APP_TOKEN), channel=CHANNEL, api_base=HttpUrl(f"{slack.url}/api/")
    )


async def test_doctor_says_what_is_set_up(slack: FakeSlack) -> None:
    assert await check_slack(settings(slack)) == "@desk in T0ACME, handoffs go to #support, socket"


@pytest.mark.parametrize(
    ("method", "error", "advice"),
    [
        ("auth.test", "invalid_auth", "Bot User OAuth Token"),
        ("conversations.info", "channel_not_found", "slack.channel"),
        ("conversations.info", "missing_scope", "slack manifest"),
        ("apps.connections.open", "not_allowed_token_type", "connections:write"),
    ],
)
async def test_doctor_says_what_is_missing(slack: FakeSlack, method: str, error: str, advice: str) -> None:
    slack.fail(method, Fault(error))
    with pytest.raises(SettingsError, match=advice):
        await check_slack(settings(slack))


async def test_doctor_says_that_the_bot_was_not_invited(slack: FakeSlack) -> None:
    slack.channels[CHANNEL]["is_member"] = False
    with pytest.raises(SettingsError, match="/invite"):
        await check_slack(settings(slack))
