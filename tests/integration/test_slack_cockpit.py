"""Staff work on cases in Slack, by Slack's payloads alone."""

from bot.domain import Owner
from tests.slack_fixtures import ann, mia, service, slack
from tests.slack_people import DRAFT, Service, Staff

__all__ = ["ann", "mia", "service", "slack"]


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
        "Why?",
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


async def test_each_state_is_reached_from_slack(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await mia.presses("Claim", card)
    await service.desk.until(lambda found: found.owner is Owner.HUMAN)
    await mia.presses("Return to bot", card)
    await service.desk.until(lambda found: found.owner is Owner.BOT)
    await mia.reads("Back with the bot")
    await service.asks("How long can I return it, again?")
    second = await service.thread(2)
    await mia.presses("Resolve", second)
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    await mia.reads("Resolved")
    assert not second.buttons


async def test_the_customers_words_and_what_was_sent_are_in_the_thread(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await mia.presses("Claim", card)
    await service.desk.until(lambda found: found.owner is Owner.HUMAN)
    await service.asks("Hello? <!channel> *please*")
    said = await mia.reads("Hello? <!channel> *please*")
    assert said.thread == card.ts
    assert "<!channel>" not in said.text
    await service.known()
    await mia.writes("!reply On it.", card)
    sent = await mia.reads("On it.", lambda each: each.thread == card.ts)
    assert "Mia" in sent.reads
    assert "→ customer" in sent.reads


async def test_another_suggestion_heeds_the_hint(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await mia.submits(await mia.opens("Suggest again", card), hint="be brief")
    await mia.reads("be brief")
    assert "you asked for: be brief" in card.reads


async def test_a_draft_that_changed_is_not_sent_by_the_old_button(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    old = card.buttons["Send draft"]
    await mia.submits(await mia.opens("Suggest again", card), hint="be brief")
    await mia.reads("be brief")
    await mia._says(mia.press(old, card))
    await mia.hears("The draft has changed")
    assert service.chat.by_people == []


async def test_a_snoozed_case_says_until_when(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await mia.submits(await mia.opens("Snooze", card), hours="4")
    await mia.reads("Snoozed until")


async def test_a_form_that_came_too_late_says_so_and_keeps_the_words(service: Service, mia: Staff, ann: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    form = await mia.opens("Reply", card)
    await ann.presses("Claim", card)
    await service.desk.until(lambda found: found.person == "slack:U2ANN")
    shown = await mia.submits(form, words="My fine words")
    assert shown["response_action"] == "update"
    assert "My fine words" in str(shown["view"])
    assert "Ann has this case" in str(shown["view"])
    await ann.presses("Resolve", card)
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    late = await mia.submits(form, words="My fine words")
    assert "closed" in str(late["view"])
    assert service.chat.by_people == []


async def test_a_form_for_a_case_of_somebody_else_is_not_opened(service: Service, mia: Staff, ann: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    await ann.presses("Claim", card)
    await service.desk.until(lambda found: found.owner is Owner.HUMAN)
    await mia.presses("Reply", card)
    await mia.hears("Ann has this case")
    assert service.slack.views == []


async def test_a_form_that_slack_has_no_patience_for_is_asked_for_again(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    service.slack.expired.add("late")
    await mia.presses("Reply", await service.thread(), trigger="late")
    await mia.hears("press the button again")


async def test_a_form_sent_twice_sends_once(service: Service, mia: Staff) -> None:
    await service.asks("How long can I return it?")
    card = await service.thread()
    form = await mia.opens("Reply", card)
    await mia.submits(form, words="Once")
    await mia.submits(form, words="Once")
    await service.chat.until(lambda: service.chat.by_people)
    await mia.presses("Resolve", card)
    await service.desk.until(lambda found: found.owner is Owner.CLOSED)
    assert service.chat.by_people == ["Once"]


async def test_guests_and_strangers_can_do_nothing(service: Service) -> None:
    guest = Staff(service.slack, "U3GUEST", "Gus", {"is_restricted": True})
    await service.asks("How long can I return it?")
    card = await service.thread()
    await service.known()
    await guest.presses("Claim", card)
    await guest.hears("guests and people of other companies")
    await guest.writes("!reply It is mine now", card)
    await guest.asks("What is the warehouse code?")
    await guest.reads("guests and people", lambda each: each.channel == "D1MIA")
    assert (await service.desk.conversation()).owner is Owner.WAITING
    assert service.chat.by_people == []
    assert not [each for each in service.slack.shown if "4711" in each.reads]
