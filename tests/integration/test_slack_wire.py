"""How events come in: over a socket or signed over HTTP, stored before they are acknowledged, once, none lost."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from bot.domain import Owner
from bot.sections import HandoffSettings
from connectors.slack.catching_up import catch_up
from connectors.slack.connector import open_slack
from connectors.slack.webhook import webhook_router
from llm.errors import SettingsError
from retrieval.errors import StoreUnavailable
from tests.fakes.slack import APP_TOKEN, SECRET, TOKEN, FakeSlack
from tests.fakes.slack_faults import BAD_GATEWAY, CUT, Fault, too_many
from tests.slack_fixtures import mia, service, slack
from tests.slack_people import Service, Staff, serving, settings
from tests.stores import opened, sqlite_url

__all__ = ["mia", "service", "slack"]

QUESTION = "How long can I return it?"
EVENT = {"type": "event_callback", "event_id": "Ev1", "event": {"type": "team_join"}}


async def notes(service: Service) -> list[str]:
    timeline = await service.cases.timeline("acme", (await service.desk.conversation()).id)
    return [entry.text for entry in timeline if entry.kind == "note"]


async def until_noted(service: Service, *words: str) -> None:
    async with asyncio.timeout(30):
        while await notes(service) != list(words):  # noqa: ASYNC110 - it is in SQL
            await asyncio.sleep(0.02)


async def test_an_event_is_acknowledged_when_it_is_stored(
    service: Service, mia: Staff, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await service.known()
    database = service.desk.database
    write, failing = database.write, [True, True]

    async def refusing(operation, *args, **kwargs):  # type: ignore[no-untyped-def]
        if operation.__name__ == "put" and failing:
            failing.pop()
            raise StoreUnavailable("The disk is full.")
        return await write(operation, *args, **kwargs)

    monkeypatch.setattr(database, "write", refusing)
    before = service.slack.delivered
    await mia.writes("Kept", card)
    assert service.slack.delivered - before == 3
    await until_noted(service, "Kept")
    assert "The disk is full." in caplog.text


async def test_the_same_event_again_changes_nothing(service: Service, mia: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await service.known()
    said = await mia.writes("!reply Once", card)
    await mia.tells(said)
    await service.chat.until(lambda: service.chat.by_people)
    await mia.tells(said)
    await mia.presses("Resolve", card)
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    assert service.chat.by_people == ["Once"]


async def test_events_in_a_wrong_order_are_carried_out_in_the_right_one(tmp_path: Path, slack: FakeSlack) -> None:
    async with serving(tmp_path, slack) as service:
        mia = Staff(slack)
        await service.asks(QUESTION)
        card = await service.thread()
        await service.known()
        await service.app._errands.stop()
        said = [slack.write(mia.user, f"Note {number}", card.ts) for number in range(4)]
        for each in reversed(said):
            await mia.tells(each)
        service.app._errands._agenda.stopped = False
        running = asyncio.create_task(service.app._errands.run())
        await until_noted(service, "Note 0", "Note 1", "Note 2", "Note 3")
        await service.app._errands.stop()
        await running


async def test_a_refreshed_socket_loses_nothing(service: Service, mia: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await service.known()
    await service.slack.refresh()
    await service.slack.until(lambda: service.slack.connections == 2)
    await mia.writes("After", card)
    await until_noted(service, "After")


async def test_a_socket_that_breaks_is_made_anew_and_what_was_missed_is_caught_up(service: Service, mia: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await service.known()
    heard = await mia.writes("Heard", card)
    service.slack.fail("apps.connections.open", BAD_GATEWAY, CUT, too_many(0), None)
    await service.slack.cut()
    service.slack.write(mia.user, "Missed", card.ts)
    service.slack.write("U0OTHERBOT", "I am a bot", card.ts)
    await service.slack.until(lambda: service.slack.connections == 2)
    await mia.tells(heard)
    await until_noted(service, "Heard", "Missed")


async def test_a_message_sent_while_we_were_away_reaches_the_customer_once(service: Service, mia: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await service.known()
    await service.slack.cut()
    missed = service.slack.write(mia.user, "!reply Late but here", card.ts)
    await service.chat.until(lambda: service.chat.by_people)
    await mia.tells(missed)
    await mia.presses("Resolve", card)
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    assert service.chat.by_people == ["Late but here"]


async def test_catching_up_twice_finds_nothing_more(service: Service, mia: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await service.known()
    for number in range(250):
        service.slack.write(mia.user, f"Note {number}", card.ts)
    me = await service.app._who()
    assert await catch_up(service.app._desk, me, card.channel) == 250
    assert await catch_up(service.app._desk, me, card.channel) == 0


async def test_what_slack_turned_off_is_told_plainly(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    await service.slack.until(lambda: service.slack.sockets)
    await service.slack.refresh("link_disabled")
    await service.slack.until(lambda: "Socket Mode is off for this app" in caplog.text)


async def test_odd_things_on_the_socket_hold_nothing_up(
    service: Service, mia: Staff, caplog: pytest.LogCaptureFixture
) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await service.known()
    await service.slack.sockets[-1].send_str("<html>")
    await service.slack.sockets[-1].send_json({"type": "surprise"})
    await service.slack.deliver("events_api", {"type": "event_callback", "event": {"type": "message", "files": 7}})
    await mia.writes("Fine", card)
    await until_noted(service, "Fine")
    assert "no JSON" in caplog.text


@pytest.mark.parametrize("error", ["invalid_auth", "account_inactive"])
async def test_a_refused_token_stops_the_start_with_what_to_do(tmp_path: Path, slack: FakeSlack, error: str) -> None:
    slack.fail("auth.test", Fault(error))
    async with (
        opened(sqlite_url(tmp_path)) as database,
        open_slack("acme", settings(slack), HandoffSettings(), database, {}) as app,
    ):
        with pytest.raises(SettingsError, match="ANSWERDESK_SLACK_TOKEN"):
            await app.start()


async def test_slack_may_come_later_than_we(tmp_path: Path, slack: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    slack.fail("auth.test", BAD_GATEWAY, CUT)
    async with serving(tmp_path, slack) as service:
        await slack.until(lambda: slack.sockets)
        await service.asks(QUESTION)
        await service.thread()
    assert "Slack begins later" in caplog.text


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        ({"token": None}, "ANSWERDESK_SLACK_TOKEN"),
        ({"token": SecretStr("hunter2")}, "xoxb-"),
        ({"app_token": None}, "connections:write"),
        ({"mode": "http", "signing_secret": None}, "ANSWERDESK_SLACK_SIGNING_SECRET"),
        ({"channel": ""}, "slack.channel"),
    ],
)
async def test_settings_that_cannot_work_say_what_to_do(
    tmp_path: Path, slack: FakeSlack, missing: dict[str, object], advice: str
) -> None:
    async with opened(sqlite_url(tmp_path)) as database:
        with pytest.raises(SettingsError, match=advice):
            async with open_slack("acme", settings(slack, **missing), HandoffSettings(), database, {}):
                pass


class Served(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Signals are the test's."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


@contextlib.asynccontextmanager
async def delivered(tmp_path: Path, slack: FakeSlack) -> AsyncIterator[tuple[Service, str]]:
    """The service, and the address that Slack delivers to."""
    async with serving(tmp_path, slack, mode="http") as service:
        app = FastAPI()
        app.include_router(webhook_router(service.app))
        server = Served(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
        running = asyncio.create_task(server.serve())
        await slack.until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield service, f"http://127.0.0.1:{port}/slack/acme"
        server.should_exit = True
        await running


async def test_the_whole_way_over_http(tmp_path: Path, slack: FakeSlack) -> None:
    async with delivered(tmp_path, slack) as (service, address):
        mia = Staff(slack, address=address)
        await slack.until(lambda: service.app._receiver)
        await service.asks(QUESTION)
        card = await service.thread()
        await service.known()
        await mia.writes("A note", card)
        form = await mia.opens("Edit & send", card)
        assert await mia.submits(form, words="60 days") == {}
        await service.chat.until(lambda: service.chat.by_people == ["60 days"])
        assert (await mia.submits(form, words="60 days")) == {}
        assert "1 yours" in await mia.commands("status")
        assert "!reply TEXT" in await mia.commands("what is a payload")
        await mia.presses("Resolve", card)
        await service.desk.until(lambda found: found.owner is Owner.CLOSED)


async def test_only_slack_gets_in(tmp_path: Path, slack: FakeSlack) -> None:
    async with delivered(tmp_path, slack) as (service, address):
        await slack.until(lambda: service.app._receiver)
        assert (await slack.post(address, EVENT))[0] == 200
        assert (await slack.post(address, EVENT, secret="guessed"))[0] == 401
        assert (await slack.post(address, EVENT, at=time.time() - 301))[0] == 401
        assert (await slack.post(address, EVENT, at=time.time() + 400))[0] == 401
        challenge = {"type": "url_verification", "challenge": "abc"}
        assert await slack.post(address, challenge) == (200, {"challenge": "abc"})
        assert (await slack.post(address, challenge, secret="guessed"))[0] == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "v0=1"},
        {"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": "v0=ключ"},
    ],
)
async def test_odd_headers_are_refused_and_break_nothing(
    tmp_path: Path, slack: FakeSlack, headers: dict[str, str]
) -> None:
    async with serving(tmp_path, slack, mode="http") as service:
        await slack.until(lambda: service.app._receiver)
        answer = await service.app.take(b'{"type": "event_callback"}', headers)
        assert answer.status in (400, 401)
        signed = {"x-slack-request-timestamp": "1", "x-slack-signature": "v0=1"}
        assert (await service.app.take(b"\xff\xfe", signed)).status == 400


async def test_no_log_holds_a_token_or_what_people_say(
    service: Service, mia: Staff, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await service.asks("My secret is 12345, can I return it?")
    card = await service.thread()
    await service.known()
    await mia.writes("!reply Your secret is 67890", card)
    await service.chat.until(lambda: service.chat.by_people)
    service.slack.fail("chat.postMessage", BAD_GATEWAY, Fault("internal_error"))
    await mia.asks("What about 13579?")
    await mia.reads("You said")
    for each in ("12345", "67890", "13579", TOKEN, APP_TOKEN, SECRET):
        assert each not in caplog.text


async def test_before_we_are_ready_slack_is_told_to_come_again(tmp_path: Path, slack: FakeSlack) -> None:
    async with serving(tmp_path, slack, mode="http", listening=False) as service:
        assert (await service.app.take(b"{}", {})).status == 503
