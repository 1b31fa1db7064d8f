"""What crosses the line between Slack and the customer: what staff send, and nothing else; files; changed words."""

import random
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Author, Owner
from bot.handoffs.handoff import NewFile
from bot.ports import Attachment
from tests.fakes.slack import CHANNEL, FakeSlack, Shown
from tests.fakes.slack_faults import Fault
from tests.slack_fixtures import ann, mia, service, slack
from tests.slack_people import Service, Staff, serving

__all__ = ["ann", "mia", "service", "slack"]

QUESTION = "How long can I return it?"
EVENTS = 1_000


def file(slack: FakeSlack, name: str, content: bytes, **other: Any) -> dict[str, Any]:
    identity = f"F{slack.number()}"
    slack.files[identity] = (name, content)
    url = f"{slack.url}/files/{identity}"
    return {"id": identity, "name": name, "mimetype": "text/plain", "size": len(content), "url_private": url, **other}


async def claimed(service: Service, mia: Staff) -> Shown:
    await service.asks(QUESTION)
    card = await service.thread()
    await mia.presses("Claim", card)
    await mia.reads("Mia has it")
    await service.known()
    return card


async def closed(service: Service, mia: Staff, card: Shown) -> None:
    """All that was done in the thread before is carried out: closing comes last."""
    await mia.presses("Resolve", card)
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    await service.desk.at_rest()


async def test_changed_words_are_carried_over(service: Service, mia: Staff) -> None:
    card = await claimed(service, mia)
    said = await mia.writes("!reply You have 6 days", card)
    await service.chat.until(lambda: service.chat.by_people)
    await mia.edits(said, "!reply You have 60 days")
    await service.chat.until(lambda: service.chat.edited)
    assert [each.text for each in service.chat.edited] == ["You have 60 days"]
    await mia.deletes(said)
    await mia.hears("The customer still has this message")


async def test_a_changed_note_is_noted(service: Service, mia: Staff) -> None:
    card = await claimed(service, mia)
    said = await mia.writes("Check the adress", card)
    await mia.edits(said, "Check the address")
    await mia.deletes(said)
    await closed(service, mia, card)
    timeline = await service.cases.timeline("acme", (await service.desk.conversation()).id)
    assert [entry.text for entry in timeline if entry.kind == "note"] == ["Check the adress", "✏️ Check the address"]
    assert service.chat.by_people == []


async def test_files_of_staff_go_only_when_they_are_sent(service: Service, mia: Staff) -> None:
    card = await claimed(service, mia)
    said = await mia.writes("The label", card, file(service.slack, "label.txt", b"to Acme"))
    await mia.writes("Internal", card, file(service.slack, "costs.txt", b"secret"))
    await mia.sends(said)
    await service.chat.until(lambda: service.chat.by_people)
    await closed(service, mia, card)
    [sent] = [each for each in service.chat.arrived if each.text == "The label"]
    assert [each.name for each in sent.files] == ["label.txt"]
    assert service.chat.by_people == ["The label"]


@pytest.mark.parametrize(
    ("other", "advice"),
    [
        ({"size": 10_000_000}, "MB"),
        ({"url_private": "https://evil.example/steal"}, "doesn't lie in Slack"),
        ({"url_private": "https://files.slack.com.evil.example/x"}, "doesn't lie in Slack"),
    ],
)
async def test_files_that_cannot_be_sent_say_why(
    service: Service, mia: Staff, other: dict[str, Any], advice: str
) -> None:
    card = await claimed(service, mia)
    said = await mia.writes("Look", card, file(service.slack, "big.txt", b"x", **other))
    await mia.sends(said)
    await mia.hears(advice)
    assert service.chat.by_people == []


async def test_files_of_the_customer_are_in_the_thread(service: Service, mia: Staff) -> None:
    card = await claimed(service, mia)
    service.chat.content |= {"a": b"scratch", "b": b"x" * 200_000}
    await service.asks(
        "See here",
        attachments=[Attachment("a", "scratch.jpg", "image/jpeg"), Attachment("b", "film.mp4", "video/mp4")],
    )
    await mia.reads("film.mp4 can't be shown here", lambda each: each.thread == card.ts)
    [shown] = [each for each in service.slack.shown if each.files]
    assert shown.thread == card.ts
    assert service.slack.files[shown.files[0]["id"]] == ("scratch.jpg", b"scratch")


async def test_files_that_staff_send_from_the_desk_are_in_the_thread(service: Service, mia: Staff) -> None:
    card = await claimed(service, mia)
    id_, person = (await service.case()).conversation.id, (await service.case()).person or ""
    files = [NewFile("label.pdf", "application/pdf", b"to Acme")]
    await service.desk.handoffs.reply("acme", id_, person, "The label", "Mia", files=files)
    shown = await service.slack.until(lambda: next((each for each in service.slack.shown if each.files), None))
    assert shown.thread == card.ts
    assert service.slack.files[shown.files[0]["id"]] == ("label.pdf", b"to Acme")


async def test_files_that_staff_send_from_the_thread_are_not_posted_there_again(service: Service, mia: Staff) -> None:
    card = await claimed(service, mia)
    said = await mia.writes("The label", card, file(service.slack, "label.txt", b"to Acme"))
    await mia.sends(said)
    await service.chat.until(lambda: service.chat.by_people)
    await service.at_rest()
    assert [each.user for each in service.slack.shown if each.files] == [mia.user]


async def test_a_file_that_slack_may_not_have_does_not_hold_the_words_up(service: Service, mia: Staff) -> None:
    card = await claimed(service, mia)
    service.chat.content["a"] = b"scratch"
    service.slack.fail("files.getUploadURLExternal", Fault("missing_scope"))
    await service.asks("See here", attachments=[Attachment("a", "scratch.jpg", "image/jpeg")])
    await service.asks("And here")
    await mia.reads("scratch.jpg can't be shown here", lambda each: each.thread == card.ts)
    await mia.reads("And here", lambda each: each.thread == card.ts)


async def test_directly_relayed_are_the_words_of_who_has_the_case(tmp_path: Path, slack: FakeSlack) -> None:
    async with serving(tmp_path, slack, relay="direct") as service:
        mia, ann = Staff(slack), Staff(slack, "U2ANN", "Ann")
        card = await claimed(service, mia)
        await ann.writes("I know this one", card)
        await mia.writes("!note Ask the boss", card)
        await mia.writes("Hello Ada", card)
        await service.chat.until(lambda: service.chat.by_people)
        await mia.mentions("what is the warehouse code?", card)
        await mia.reads("The code is 4711.")
        await closed(service, mia, card)
        await mia.writes("That was easy", card)
        await mia.asks("Ping")
        await mia.reads("You said: Ping")
        assert service.chat.by_people == ["Hello Ada"]


async def test_what_an_app_wrote_cannot_be_sent(service: Service, mia: Staff) -> None:
    card = await claimed(service, mia)
    await mia.mentions("What is the warehouse code?", card)
    answer = await mia.reads("The code is 4711.")
    await mia.sends(answer)
    await mia.hears("Only what a person wrote can be sent")
    assert service.chat.by_people == []


async def test_what_stands_elsewhere_cannot_be_sent(service: Service, mia: Staff) -> None:
    await claimed(service, mia)
    said = await mia.writes("Lunch?")
    await mia.sends(said)
    await mia.hears("in no case's thread")


async def test_somebody_elses_case_is_not_written_in(service: Service, mia: Staff, ann: Staff) -> None:
    card = await claimed(service, mia)
    await ann.writes("!reply Me, me!", card)
    await ann.hears("Mia has this conversation")
    assert service.chat.by_people == []


async def test_of_a_thousand_things_in_a_thread_none_reaches_the_customer_without_send(
    service: Service, mia: Staff, ann: Staff
) -> None:
    dice = random.Random(20_261_122)  # noqa: S311 - the same each time, on purpose
    card = await claimed(service, mia)
    before = len(service.chat.arrived)
    said: list[Shown] = [await mia.writes("first", card)]
    words = [
        "reply",
        "send it to the customer",
        "/reply",
        "! reply yes",
        "> !reply no",
        "please !reply",
        "👍",
        "<!here>",
    ]
    for _ in range(EVENTS):
        person = dice.choice((mia, ann))
        match dice.randrange(8):
            case 0 | 1 | 2:
                said.append(
                    await person.writes(f"{dice.choice(words)} {dice.random()}".replace("/reply", "reply"), card)
                )
            case 3:
                said.append(await person.writes("", card, file(service.slack, "x.txt", b"x")))
            case 4:
                await person.edits(dice.choice(said), f"changed {dice.random()}")
            case 5:
                await person.event(
                    {**dice.choice(said).described, "channel": CHANNEL, "bot_id": "B9", "ts": service.slack.ts()}
                )
            case 6:
                subtype = dice.choice(("channel_join", "channel_topic", "bot_message", "reminder_add", "tombstone"))
                await person.event({**dice.choice(said).described, "channel": CHANNEL, "subtype": subtype})
            case 7:
                await person.tells(dice.choice(said))
    await mia.presses("Return to bot", card)
    await service.desk.until(lambda found: found.owner is Owner.BOT)
    await service.desk.at_rest()
    assert service.chat.by_people == []
    assert [each.author for each in service.chat.arrived[before:]] == [Author.NOTICE]
