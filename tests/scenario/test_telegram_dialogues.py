"""Dialogues on Telegram as customers live them: on a Telegram of our own, and on one that nobody here wrote."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Owner
from bot.texts import text
from tests.fakes.telegram import FakeTelegram
from tests.telegram_people import COMPANY, SUGGESTIONS, Customer, Service, serving
from tests.teremok_people import TeremokCustomer, teremok


@dataclass
class World:
    """A Telegram with our service on it."""

    service: Service
    telegram: Any

    def customer(self, *who: Any) -> Any:
        return (Customer if isinstance(self.telegram, FakeTelegram) else TeremokCustomer)(self.telegram, *who)

    async def claimed_by(self, person: str) -> str:
        """A person takes Ada's conversation; returns it."""
        conversation = await self.service.until(42, lambda found: found.owner is Owner.WAITING)
        await self.service.handoffs.claim(COMPANY, conversation.id, person)
        return conversation.id


@pytest.fixture(params=["our own", "teremok"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "teremok":
        async with teremok(tmp_path) as there:
            yield World(there.service, there)
    else:
        async with FakeTelegram() as telegram, serving(tmp_path, telegram) as service:
            yield World(service, telegram)


@pytest.fixture
def ada(world: World) -> Any:
    return world.customer()


def photo(name: str) -> list[dict[str, Any]]:
    return [{"file_id": name, "file_unique_id": name, "width": 9, "height": 9}]


async def test_a_first_visit(ada: Any) -> None:
    ada.says("/start")
    await ada.reads("Hello! I'm the automated assistant here.")
    ada.says("How long can I return an order?")
    answer = await ada.reads("Any order, within 60 days. [1]\n\nSources\n[1] Returns and exchanges · Returns")
    assert list(answer.buttons) == ["👍 Helpful", "👎 Not helpful", "Talk to a person"]
    assert await ada.presses("👍 Helpful", answer) == "Thank you, that helps us."
    assert len(ada.screen) == 2


async def test_a_question_that_could_mean_several(ada: Any) -> None:
    ada.says("something unclear")
    asked_back = await ada.reads("Did you mean one of these?")
    assert list(asked_back.buttons) == [*SUGGESTIONS, "Talk to a person"]
    await ada.presses(SUGGESTIONS[0], asked_back)
    await ada.reads("Any order, within 60 days.")


async def test_a_person_takes_over_and_gives_back(world: World, ada: Any) -> None:
    ada.says("What is the secret?")
    await ada.reads("I've passed it to a person.")
    conversation = await world.claimed_by("grace")
    await ada.reads("A member of our team has joined")
    ada.says("Can I return it?")
    await world.service.handoffs.reply(COMPANY, conversation, "grace", "Certainly. For *you*, any time.", "Grace")
    await ada.reads("Grace\nCertainly. For *you*, any time.")
    await world.service.handoffs.hand_back(COMPANY, conversation, "grace")
    await ada.reads("The assistant is answering again")
    ada.says("Can I return it?")
    await ada.reads("within 60 days")


async def test_asking_for_a_person_by_command_by_button_and_in_words(world: World) -> None:
    ada, bob, eve = (world.customer(number, name) for number, name in ((42, "Ada"), (43, "Bob"), (44, "Eve")))
    ada.says("/human")
    await ada.reads("Of course. I've told our team")
    bob.says("Can I return it?")
    answer = await bob.reads("60 days")
    await bob.presses("Talk to a person", answer)
    await bob.reads("Of course. I've told our team")
    eve.says("I want to talk to a human")
    await eve.reads("Of course. I've told our team")


async def test_words_behind_a_command_reach_the_person(world: World, ada: Any) -> None:
    ada.says("/human my bike is broken")
    await ada.reads("Of course.")
    assert await world.service.said(42) == ["my bike is broken", "human"]


async def test_choosing_a_language(ada: Any) -> None:
    ada.says("/language")
    choice = await ada.reads("Which language")
    assert "/language_de Deutsch\n/language_es Español\n/language_fr Français" in choice.text
    ada.says("/language_de")
    await ada.reads("Gut, ich schreibe Ihnen auf Deutsch.")
    ada.says("/privacy")
    await ada.reads(text("privacy", "de"))


@pytest.mark.parametrize("language", ["zh", "ru", "de", "es", "fr"])
async def test_customers_are_spoken_to_in_their_language(world: World, language: str) -> None:
    customer = world.customer(42, "Ada", language)
    for command in ("start", "help", "privacy"):
        customer.says(f"/{command}")
        await customer.reads(text({"start": "greeting"}.get(command, command), language))
    customer.says("unclear")
    asked_back = await customer.reads(text("clarify", language))
    assert list(asked_back.buttons)[-1] == text("button_person", language)


async def test_commands_are_left_to_the_person_who_has_the_conversation(world: World, ada: Any) -> None:
    ada.says("/human")
    await ada.reads("Of course.")
    await world.claimed_by("grace")
    await ada.reads("A member of our team has joined")
    for command in ("start", "help", "privacy"):
        ada.says(f"/{command}")
    ada.says("/new")
    await ada.reads(text("greeting", "en"))
    assert [text(key, "en") in each.text for each in ada.screen for key in ("help", "privacy")].count(True) == 0


async def test_an_unknown_command_gets_help(ada: Any) -> None:
    ada.says("/bananas")
    await ada.reads("Just write your question in your own words.")


async def test_a_burst_gets_one_answer(world: World, ada: Any) -> None:
    for words in ("Hello there", "I bought a bike", "it is red"):
        ada.says(words)
    await ada.reads("You said: Hello there\nI bought a bike\nit is red")
    assert len(ada.screen) == 1


async def test_an_edit_before_the_answer_changes_the_question(world: World, ada: Any) -> None:
    said = ada.says("Where is my helmet")
    ada.edits(said, "Where is my bicycle")
    await ada.reads("You said: Where is my bicycle")


async def test_an_edit_after_the_answer_changes_nothing(ada: Any) -> None:
    said = ada.says("Where is my helmet")
    await ada.reads("You said: Where is my helmet")
    ada.edits(said, "Where is my bicycle")
    ada.says("Anything new?")
    await ada.reads("You said: Anything new?")
    assert len(ada.screen) == 2


async def test_a_quote_is_part_of_the_question(ada: Any) -> None:
    other = ada.says("Frames are final sale")
    await ada.reads("You said: Frames")
    ada.says("Why is that?", reply_to_message=other)
    await ada.reads("You said: > Frames are final sale\nWhy is that?")


async def test_a_photo_without_words_goes_to_a_person(world: World, ada: Any) -> None:
    ada.says(photo=photo("broken-frame"))
    await ada.reads("I can't read files myself, so I've passed yours to our team.")
    assert (await world.service.conversation(42)).owner is Owner.WAITING
    (received, _) = await world.service.transcript(42)
    assert [file.ref for file in received.attachments] == ["broken-frame"]


async def test_a_photo_with_a_question_is_kept_and_the_question_answered(ada: Any) -> None:
    ada.says(photo=photo("frame"), caption="Can I return it?")
    await ada.reads("within 60 days")
    await ada.reads("I've added your file to the conversation.")


async def test_an_album_is_one_message(world: World, ada: Any) -> None:
    ada.says(photo=photo("front"), media_group_id="7", caption="Can I return it?")
    ada.says(photo=photo("back"), media_group_id="7")
    ada.says(photo=photo("side"), media_group_id="7")
    await ada.reads("within 60 days")
    await ada.reads("I've added your file to the conversation.")
    kept = [file.ref for message in await world.service.transcript(42) for file in message.attachments]
    assert (kept, len(ada.screen)) == (["front", "back", "side"], 2)


async def test_a_file_for_a_person_who_waits_is_confirmed(ada: Any) -> None:
    ada.says("/human")
    await ada.reads("Of course.")
    ada.says(document={"file_id": "bill", "file_unique_id": "u", "file_name": "bill.pdf"})
    await ada.reads("I've added your file to the conversation.")


async def test_a_new_conversation_forgets_the_old(ada: Any) -> None:
    ada.says("I bought a bike")
    await ada.reads("You said")
    ada.says("/new")
    await ada.reads("Hello! I'm the automated assistant here.")


async def test_a_double_click_asks_once(ada: Any) -> None:
    ada.says("something unclear")
    shown = await ada.reads("Did you mean one of these?")
    await asyncio.gather(*(ada.presses(SUGGESTIONS[0], shown) for _ in range(3)))
    await ada.reads("within 60 days")
    ada.says("thank you for that")
    await ada.reads("thank you")
    assert len(ada.screen) == 3


async def test_a_judgement_counts_once(world: World, ada: Any) -> None:
    ada.says("Can I return it?")
    answer = await ada.reads("within 60 days")
    toasts = await asyncio.gather(*(ada.presses("👎 Not helpful", answer) for _ in range(2)))
    assert toasts == [text("feedback_sorry", "en")] * 2
    assert (await world.service.trail(42)).count("feedback") == 1


async def test_a_button_of_another_customer_does_nothing(world: World, ada: Any) -> None:
    ada.says("something unclear")
    shown = await ada.reads("Did you mean one of these?")
    eve = world.customer(66, "Eve")
    assert await eve.presses(SUGGESTIONS[0], shown) == text("button_stale", "en")
    assert await world.service.said(42) == ["something unclear"]


@pytest.mark.parametrize("data", ["done", "ask:no-such-conversation:1:0", "nonsense", "ask:::", "person:x:1:0"])
async def test_a_forged_button_does_nothing(ada: Any, data: str) -> None:
    ada.says("something unclear")
    shown = await ada.reads("Did you mean one of these?")
    shown.buttons["forged"] = data
    assert await ada.presses("forged", shown) == text("button_stale", "en")


async def test_a_button_with_a_choice_that_never_was_does_nothing(ada: Any) -> None:
    ada.says("something unclear")
    shown = await ada.reads("Did you mean one of these?")
    shown.buttons["forged"] = shown.buttons[SUGGESTIONS[0]].removesuffix("0") + "9"
    assert await ada.presses("forged", shown) == text("button_stale", "en")
