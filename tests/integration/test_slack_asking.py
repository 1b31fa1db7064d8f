"""Staff ask the bot in Slack: answered from internal documents too, as it is made, once, and for them alone."""

import pytest

from bot.bootstrap import Parts
from bot.domain import Question
from bot.storage import errands as store
from connectors.slack import streaming
from retrieval.passages import Audience
from tests.fakes.slack import FakeSlack
from tests.fakes.slack_faults import BAD_GATEWAY, RESPONSE_LOST, Fault
from tests.slack_fixtures import ann, mia, service, slack
from tests.slack_people import Service, Staff

__all__ = ["ann", "mia", "service", "slack"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PAUSE", 0.05)


def answers(slack: FakeSlack) -> list[str]:
    kind = streaming.MESSAGE_TYPE
    return [each.reads for each in slack.shown if each.metadata.get("event_type") == kind]


async def test_a_direct_message_is_answered_from_internal_documents(service: Service, mia: Staff) -> None:
    asked = await mia.asks("What is the warehouse code?")
    answer = await mia.reads("The code is 4711.")
    assert answer.thread == asked.ts
    assert "[👍] [👎]" in answer.reads
    assert service.slack.statuses == ["is looking through the documents…"]
    assert service.slack.titles == ["What is the warehouse code?"]


async def test_customers_are_not(service: Service) -> None:
    await service.asks("What is the warehouse code?")
    await service.thread()
    await service.desk.at_rest()
    assert not [each for each in service.chat.arrived if "4711" in each.text]


async def test_a_mention_is_answered_once_where_it_stands(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await service.known()
    await mia.mentions("What is the warehouse code?", card)
    await mia.reads("The code is 4711.", lambda each: each.thread == card.ts)
    await mia.asks("Ping")
    await mia.reads("You said: Ping")
    assert len(answers(service.slack)) == 2
    timeline = await service.cases.timeline("acme", (await service.desk.conversation()).id)
    assert not [entry for entry in timeline if "warehouse" in entry.text]
    assert service.chat.by_people == []


async def test_an_answer_is_shown_as_it_is_made(service: Service, mia: Staff) -> None:
    await mia.asks("Tell me slowly")
    answer = await mia.reads("The warehouse code is 4711, and it opens at nine.")
    assert service.slack.called("chat.startStream")
    assert service.slack.called("chat.appendStream")
    assert service.slack.called("chat.stopStream")
    assert not answer.streaming
    assert "Returns" in answer.reads


async def test_where_slack_does_not_stream_the_message_is_edited(service: Service, mia: Staff) -> None:
    service.slack.fail("chat.startStream", Fault("unknown_method"))
    await mia.asks("Tell me slowly")
    answer = await mia.reads("The warehouse code is 4711, and it opens at nine.")
    assert answer.edits > 1
    assert len(answers(service.slack)) == 1


async def test_a_stream_that_ended_by_itself_goes_on_as_edits(service: Service, mia: Staff) -> None:
    service.slack.fail("chat.appendStream", Fault("message_not_in_streaming_state"))
    await mia.asks("Tell me slowly")
    await mia.reads("The warehouse code is 4711, and it opens at nine.")
    assert len(answers(service.slack)) == 1


@pytest.mark.parametrize("fault", [RESPONSE_LOST, BAD_GATEWAY], ids=["response lost", "502"])
async def test_an_answer_whose_posting_broke_off_is_not_posted_again(
    service: Service, mia: Staff, fault: Fault
) -> None:
    service.slack.fail("chat.postMessage", fault)
    await mia.asks("What is the warehouse code?")
    await mia.reads("The code is 4711.")
    await mia.asks("Ping")
    await mia.reads("You said: Ping")
    assert len(answers(service.slack)) == 2


async def test_an_answer_is_judged(service: Service, mia: Staff) -> None:
    await mia.asks("What is the warehouse code?")
    answer = await mia.reads("The code is 4711.")
    [buttons] = [block for block in answer.blocks if block["type"] == "context_actions"]
    element = buttons["elements"][0]
    press = {"type": "feedback_buttons", "action_id": element["action_id"]}
    await mia._says(mia.press({**press, "value": element["negative_button"]["value"]}, answer))
    await mia.hears("Thank you")
    judged = await service.desk.database.read(store.judgements, "acme")
    assert list(judged.values()) == [False]


async def test_what_the_documents_do_not_know_is_said_plainly(service: Service, mia: Staff) -> None:
    await mia.asks("Who knows nothing?")
    await mia.reads("The documents don't answer this, the internal ones included.")


async def test_what_is_not_certain_is_said_to_be(service: Service, mia: Staff) -> None:
    await mia.asks("How do I return from here?")
    answer = await mia.reads("I'm not sure that this is the answer")
    assert "60 days" in answer.reads


async def test_apps_are_not_answered(service: Service, mia: Staff) -> None:
    shown = service.slack.write("U9APP", "What is the warehouse code?", channel="D1MIA")
    event = {**shown.described, "channel": "D1MIA", "channel_type": "im", "bot_id": "B9"}
    await mia.event(event)
    await mia.asks("Ping")
    await mia.reads("You said: Ping")
    assert len(answers(service.slack)) == 1


async def test_the_assistant_surface_offers_questions_only_where_there_are_any(service: Service, mia: Staff) -> None:
    await mia.event({"type": "assistant_thread_started", "assistant_thread": {"channel_id": "D1", "thread_ts": "1.5"}})
    await mia.asks("Ping")
    await mia.reads("You said: Ping")
    assert service.slack.prompts == []


async def test_the_home_shows_the_queue(service: Service, mia: Staff, ann: Staff) -> None:
    assert "Nobody waits" in await mia.opens_home()
    await service.asks("How long can I return it?")
    card = await service.thread()
    shown = await mia.opens_home()
    assert "1 waiting" in shown
    assert "How long can I return it?" in shown
    assert "calm" in shown
    [claim] = [
        each
        for block in service.slack.homes[mia.user]["blocks"]
        for each in block.get("elements", ())
        if each.get("action_id") == "claim"
    ]
    await mia._says(mia.press(claim, None))
    await mia.reads("Mia has it")
    assert "1 yours" in await mia.opens_home()
    assert "1 with others" in await ann.opens_home()
    assert card.edits


async def test_the_command_tells_what_is_wanted(service: Service, mia: Staff) -> None:
    assert "Nobody waits" in await mia.commands("queue")
    await service.asks("How long can I return <!here>?")
    await service.thread()
    queue = await mia.commands("queue")
    assert "Ada" in queue
    assert "&lt;!here&gt;" in queue
    assert "1 waiting" in await mia.commands("status")
    assert "!reply TEXT" in await mia.commands("help")
    assert "!reply TEXT" in await mia.commands("")


async def test_real_internal_documents_reach_staff_and_no_customer(
    parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("internal")
    (folder / "codes.md").write_text("# Warehouse\n\nThe code of the warehouse door is 4711.\n", encoding="utf-8")
    async for report in parts.ingestion("default", Audience.INTERNAL).run([folder]):
        assert not report.error
    await parts.search.refresh()
    asked = "What is the code of the warehouse door?"
    for audience, told in ((Audience.INTERNAL, True), (Audience.PUBLIC, False)):
        *_, answer = [step async for step in parts.answering.answer(Question("default", asked, audience))]
        assert ("4711" in f"{answer.text} {answer.proposal}") is told
