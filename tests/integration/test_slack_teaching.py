"""Replies become approved answers in Slack: in a form, doubted first, told to who saves them alone."""

from bot.answers.teaching import Known, known_answers
from tests.slack_fixtures import ann, mia, service, slack
from tests.slack_people import Service, Staff

__all__ = ["ann", "mia", "service", "slack"]


async def known(service: Service) -> list[Known]:
    return await known_answers(service.desk.database, "acme")


async def replied(service: Service, mia: Staff, reply: str) -> dict[str, object]:
    """The form for a reply that was sent to a customer, who asked about gift cards."""
    await service.asks("Do you return nothing but gift cards?")
    await mia.submits(await mia.opens("Reply", await service.thread()), words=reply)
    posted = await mia.reads(reply, lambda each: "Save as answer" in each.buttons)
    return await mia.opens("Save as answer", posted)


async def test_a_reply_is_saved_with_the_question_before_it(service: Service, mia: Staff) -> None:
    form = await replied(service, mia, "Gift cards are final.")
    await mia.submits(form, audience="public", doubts="ask")
    await mia.hears("Saved. From now on")
    (answer,) = await known(service)
    assert (answer.question, answer.answer) == ("Do you return nothing but gift cards?", "Gift cards are final.")


async def test_the_case_says_who_saved_it(service: Service, mia: Staff) -> None:
    await mia.submits(await replied(service, mia, "Gift cards are final."), audience="internal", doubts="ask")
    await mia.hears("Saved. From now on")
    timeline = await service.cases.timeline("acme", (await service.desk.conversation()).id)
    assert any("saved an answer" in each.text for each in timeline)


async def test_what_is_one_customers_own_is_doubted_first(service: Service, mia: Staff) -> None:
    form = await replied(service, mia, "Dear Ada, write to ada@mail.example.")
    await mia.submits(form, audience="public", doubts="ask")
    told = await mia.hears("Not saved yet")
    assert "the customer's name: Ada" in told.reads
    assert "ada@mail.example" in told.reads
    assert await known(service) == []
    await mia.submits({**form, "id": "V2"}, audience="public", doubts="save")
    await mia.hears("Saved. From now on")


async def test_a_guest_saves_nothing(service: Service, mia: Staff) -> None:
    guest = Staff(service.slack, "U3GUEST", "Gus", {"is_restricted": True})
    await guest.submits(await replied(service, mia, "Gift cards are final."), audience="public", doubts="save")
    await guest.hears("guests and people of other companies")
    assert await known(service) == []
