"""One thread a case, in step with it, whatever Slack does."""

import pytest

from bot.domain import Owner
from tests.fakes.slack import CHANNEL
from tests.fakes.slack_faults import (
    BAD_GATEWAY,
    CUT,
    LOST_AT_THE_GATEWAY,
    RESPONSE_LOST,
    SERVER_ERROR,
    Fault,
    too_many,
)
from tests.slack_fixtures import mia, service, slack
from tests.slack_people import Service, Staff, cards

__all__ = ["mia", "service", "slack"]

QUESTION = "How long can I return it?"


@pytest.mark.parametrize(
    "fault",
    [too_many(0), SERVER_ERROR, BAD_GATEWAY, CUT, RESPONSE_LOST, LOST_AT_THE_GATEWAY],
    ids=["429", "500", "502", "cut", "response lost", "lost at the gateway"],
)
async def test_a_thread_is_opened_once(service: Service, mia: Staff, fault: Fault) -> None:
    service.slack.fail("chat.postMessage", fault)
    await service.asks(QUESTION)
    await mia.presses("Claim", await service.thread())
    await mia.reads("Mia has it")
    assert len(cards(service.slack)) == 1


@pytest.mark.parametrize("fault", [too_many(0), BAD_GATEWAY, CUT, RESPONSE_LOST, LOST_AT_THE_GATEWAY])
async def test_an_entry_is_posted_once(service: Service, mia: Staff, fault: Fault) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await mia.presses("Claim", card)
    await mia.reads("Mia has it")
    await mia.reads("Mia", lambda each: each.thread == card.ts)
    service.slack.fail("chat.postMessage", fault)
    await service.asks("Are you there?")
    await service.asks("Hello?")
    await mia.reads("Hello?", lambda each: each.thread == card.ts)
    posts = [each for each in service.slack.shown if each.thread == card.ts and "there?" in each.reads]
    assert len(posts) == 1


async def test_nothing_is_posted_by_the_sdk_again(service: Service) -> None:
    service.slack.fail("chat.postMessage", RESPONSE_LOST)
    service.slack.fail("conversations.history", CUT)
    await service.asks(QUESTION)
    await service.slack.until(lambda: len(service.slack.called("conversations.history")) == 2)
    await service.known()
    assert len(service.slack.called("chat.postMessage")) == 1


@pytest.mark.parametrize(
    ("state", "advice"),
    [({"is_archived": True}, "unarchive it"), ({"is_member": False}, "/invite")],
    ids=["archived", "not a member"],
)
async def test_a_channel_that_cannot_be_written_to_is_told_plainly_and_once(
    service: Service, state: dict[str, bool], advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    fine = service.slack.channels[CHANNEL]
    service.slack.channels[CHANNEL] = {**fine, **state}
    await service.asks(QUESTION)
    await service.slack.until(lambda: [record for record in caplog.records if advice in record.getMessage()])
    assert not [record for record in caplog.records if record.exc_info]
    service.slack.channels[CHANNEL] = fine


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive", "missing_scope"])
async def test_a_token_that_is_refused_later_is_told_plainly(
    service: Service, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    service.slack.fail("chat.postMessage", Fault(error))
    await service.asks(QUESTION)
    said = await service.slack.until(lambda: [each for each in caplog.records if error in each.getMessage()])
    assert "xoxb" not in said[0].getMessage().replace("xoxb-...", "")
    assert not [record for record in caplog.records if record.exc_info]


async def test_what_was_said_while_slack_was_down_is_posted_afterwards_in_order(service: Service, mia: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    await mia.presses("Claim", card)
    await mia.reads("Mia has it")
    service.slack.fail("chat.postMessage", *[BAD_GATEWAY] * 2)
    for number in range(3):
        await service.asks(f"Message {number}")
        await service.desk.at_rest()
    await mia.reads("Message 2", lambda each: each.thread == card.ts)
    said = [each.reads for each in service.slack.shown if "Message" in each.reads]
    assert [f"Message {number}" in each for number, each in enumerate(said)] == [True] * 3


async def test_customers_cannot_make_slack_do_anything(service: Service) -> None:
    attack = "<!channel> <@U1MIA> *return* <https://evil.example|bank> & _it_"
    await service.asks(attack, quote="")
    card = await service.thread()
    assert "<!channel>" not in card.text
    assert attack in card.reads
    parsed = [block for block in card.blocks if block["type"] in ("section", "context", "markdown")]
    assert "<!channel>" not in str(parsed)
    assert "<@U1MIA>" not in str(parsed)
    assert "evil.example|" not in str(parsed)
    post = service.slack.called("chat.postMessage")[0]
    assert (post["unfurl_links"], post["unfurl_media"]) == (False, False)


async def test_a_long_conversation_fits_on_the_card(service: Service) -> None:
    for number in range(6):
        await service.asks(f"{number} " + "very long words " * 400)
        await service.desk.at_rest()
    await service.asks(QUESTION)
    card = await service.thread()
    assert len(card.blocks) <= 50


async def test_the_case_is_closed_on_the_card_when_the_desk_closes_it(service: Service, mia: Staff) -> None:
    await service.asks(QUESTION)
    card = await service.thread()
    conversation = await service.desk.conversation()
    await service.desk.handoffs.resolve("acme", conversation.id, "ann", "Ann")
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    await mia.reads("Resolved")
    assert card.edits
