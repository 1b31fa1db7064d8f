"""Staff work on cases in Slack, by Slack's payloads alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain import Owner
from tests.fakes.slack import FakeSlack
from tests.slack_people import DRAFT, Service, Staff, serving


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as server:
        yield server


@pytest.fixture
async def service(tmp_path: Path, slack: FakeSlack) -> AsyncIterator[Service]:
    async with serving(tmp_path, slack) as running:
        yield running


@pytest.fixture
def mia(slack: FakeSlack) -> Staff:
    return Staff(slack)


@pytest.fixture
def ann(slack: FakeSlack) -> Staff:
    return Staff(slack, "U2ANN", "Ann")


async def test_a_handoff_opens_a_thread_with_all_that_is_known(service: Service) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    for words in ("Ada", "Waiting for a person", "How long can I return it?", "60 days", "Returns", "calm", "en"):
        assert words in card.reads
    assert list(card.buttons) == [
        "Claim",
        "Send draft",
        "Edit & send",
        "Reply",
        "Suggest again",
        "Snooze",
        "Return to bot",
        "Resolve",
    ]


async def test_a_claim_stops_the_bot_and_shows_who_has_it(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    await mia.presses("Claim", await service.thread())
    await service.desk.until(lambda found: found.owner is Owner.HUMAN)
    await mia.reads("Mia has it")


async def test_the_draft_is_sent_as_a_person_would_write_it(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    await mia.presses("Send draft", await service.thread())
    await service.chat.until(lambda: service.chat.by_people)
    assert service.chat.by_people == ["You have 60 days, counted from delivery."]
    await mia.reads("→ customer")


async def test_a_double_click_sends_once(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await mia.presses("Send draft", card)
    await mia.presses("Send draft", card)
    await mia.presses("Resolve", card)
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    await service.desk.at_rest()
    assert len(service.chat.by_people) == 1


async def test_the_draft_is_edited_in_a_form(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    form = await mia.opens("Edit & send", await service.thread())
    assert DRAFT in [block["element"].get("initial_value") for block in form["blocks"] if block["type"] == "input"]
    assert await mia.submits(form, words="60 days, Ada!") == {}
    await service.chat.until(lambda: service.chat.by_people == ["60 days, Ada!"])
    await mia.reads("60 days, Ada!")


async def test_two_who_claim_at_once_get_one_winner_and_a_word(service: Service, mia: Staff, ann: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await mia.presses("Claim", card)
    await ann.presses("Claim", card)
    word = await ann.hears("Mia was faster")
    await ann.presses("Take over", word)
    await service.desk.until(lambda found: found.person == "slack:U2ANN")
    await ann.reads("Ann has it")


async def test_a_note_stays_in_the_thread(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await mia.presses("Claim", card)
    await service.known()
    await mia.writes("Third time this week.", card)
    await mia.presses("Resolve", card)
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    timeline = await service.cases.timeline("acme", (await service.desk.conversation()).id)
    assert "Third time this week." in [entry.text for entry in timeline]
    assert service.chat.by_people == []


async def test_reply_and_the_shortcut_send(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await service.known()
    await mia.writes("!reply Hello *Ada*, see <https://acme.example|our page> &amp; wait", card)
    await service.chat.until(lambda: service.chat.by_people)
    note = await mia.writes("And have a nice day :sun:", card)
    await mia.sends(note)
    await mia.sends(note)
    await service.chat.until(lambda: len(service.chat.by_people) == 2)
    await mia.presses("Resolve", card)
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    assert service.chat.by_people == [
        "Hello Ada, see our page (https://acme.example) & wait",
        "And have a nice day :sun:",
    ]
