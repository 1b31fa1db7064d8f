"""Questions that go to a person though they could be answered."""

import time
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from bot.domain import Answer, Author, Citation, Draft, Outcome, Owner, Question, Reason, Suggestion
from bot.handoffs.cases import Case, Cases
from bot.handoffs.handoff import Handoffs
from bot.ports import Kind
from bot.sections import HandoffSettings, HoursSettings
from bot.texts import text
from tests.desk import CHAT, Desk, desk

SOURCE = Citation(1, "d", "d#0", "Returns", "page 1")
PROPOSED = Suggestion("Perhaps within 30 days [1].", (SOURCE,), 0.4)


async def answers(question: Question) -> AsyncIterator[Draft | Answer]:
    """Knows something about most things."""
    if "unclear" in question.text:
        said = text("clarify", "en")
        yield Answer(Outcome.CLARIFY, said, 0.4, "en", (), Reason.UNSURE, ("Returns?",), proposal=PROPOSED)
    elif "unknown" in question.text:
        said = text("handed_over_not_covered", "en")
        yield Answer(Outcome.HANDOFF, said, 0.2, "en", reason=Reason.NOT_COVERED, proposal=PROPOSED)
    else:
        yield Answer(Outcome.ANSWERED, "Within 30 days [1].", 0.9, "en", (SOURCE,))


def at_work(folder: Path, **settings: object) -> object:
    return desk(folder, answers, rules={"acme": HandoffSettings(**settings)})  # type: ignore[arg-type]


async def case_of(at: Desk) -> Case:
    await at.until(lambda conversation: conversation.owner is Owner.WAITING)
    (case,) = await Cases(at.database).queue("acme")
    return case


async def asks(at: Desk, *questions: str) -> None:
    """The customer asks one after the other, and reads each answer."""
    for number, question in enumerate(questions, 1):
        await at.writes(question)
        await at.channel.texts(number)
        await at.at_rest()


async def judges(at: Desk, words: str, seq: int) -> None:
    await at.writes(words, kind=Kind.FEEDBACK, ref=f"{(await at.conversation()).id}:{seq}")


async def test_a_topic_of_the_staff_goes_to_them(tmp_path: Path) -> None:
    async with at_work(tmp_path, topics=("lawyer",)) as at:
        await at.writes("May my lawyers write to you?")
        case = await case_of(at)
        assert (case.reason, case.detail) == ("rule", "lawyer")
        assert await at.channel.texts(1) == [text("handed_over_rule", "en")]


async def test_nothing_more_of_the_bot_comes_on_such_a_topic(tmp_path: Path) -> None:
    async with at_work(tmp_path, topics=("lawyer",)) as at:
        await asks(at, "May my lawyer write to you?")
        await at.writes("How long can I return it?")
        await at.at_rest()
        assert [message.text for message in at.channel.arrived] == [text("handed_over_rule", "en")]


async def test_who_is_angry_gets_a_person(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await at.writes("You are useless idiots, where is my bike?")
        case = await case_of(at)
        assert (case.reason, case.mood) == ("angry", "angry")
        assert await at.channel.texts(1) == [text("handed_over_angry", "en")]


async def test_who_is_angry_reads_it_in_their_language(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await at.writes("Das ist eine Frechheit, ich warte seit Wochen auf mein Fahrrad!")
        assert await at.channel.texts(1) == [text("handed_over_angry", "de")]


async def test_staff_see_that_language_and_what_follows_is_in_it(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await at.writes("Ich möchte bitte mit einem Menschen sprechen")
        case = await case_of(at)
        assert case.language == "de"
        await at.handoffs.claim("acme", case.conversation.id, "mia", "Mia")
        assert await at.channel.texts(2) == [text("handed_over_asked", "de"), text("person_joined", "de")]


async def test_a_question_after_an_unhelpful_answer_goes_to_a_person(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await asks(at, "How long can I return it?")
        await judges(at, "unhelpful", 2)
        await at.writes("And a used one?")
        assert (await case_of(at)).reason == "repeated"


async def test_who_thought_better_of_it_is_answered(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await asks(at, "How long can I return it?")
        await judges(at, "unhelpful", 2)
        await judges(at, "helpful", 2)
        await at.writes("And a used one?")
        await at.channel.texts(2)
        assert (await at.conversation()).owner is Owner.BOT


async def test_thanks_after_an_unhelpful_answer_call_nobody(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await asks(at, "How long can I return it?")
        await judges(at, "unhelpful", 2)
        await at.writes("Thanks, bye")
        await at.channel.texts(2)
        assert (await at.conversation()).owner is Owner.BOT


async def test_two_questions_back_in_a_row_are_one_too_many(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await asks(at, "something unclear", "still unclear")
        case = await case_of(at)
        assert case.reason == "repeated"
        assert case.suggestion is not None
        assert (case.suggestion.text, case.suggestion.citations) == (PROPOSED.text, PROPOSED.citations)
        assert await at.channel.texts(2) == [text("clarify", "en"), text("handed_over_repeated", "en")]


async def test_the_same_question_again_goes_to_a_person(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await asks(at, "How long can I return it?", "how long can I RETURN it???")
        case = await case_of(at)
        assert case.reason == "repeated"
        assert case.summary[1] == "The assistant: answered, last from “Returns”."


async def test_what_a_person_has_seen_to_counts_no_more(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await asks(at, "something unclear")
        people = Handoffs(at.database)
        id_ = (await at.conversation()).id
        await people.claim("acme", id_, "mia")
        await people.reply("acme", id_, "mia", "What do you mean?")
        await people.hand_back("acme", id_, "mia")
        await at.channel.texts(4)
        await at.writes("it is still unclear")
        await at.channel.texts(5)
        assert (await at.conversation()).owner is Owner.BOT


async def test_what_could_have_been_said_is_kept_for_the_person(tmp_path: Path) -> None:
    async with at_work(tmp_path) as at:
        await at.writes("something unknown")
        case = await case_of(at)
        assert case.reason == "not_covered"
        assert case.suggestion is not None
        assert (case.suggestion.text, case.suggestion.confidence) == (PROPOSED.text, PROPOSED.confidence)


@pytest.mark.parametrize("words", ["human", "something unknown", "You are useless idiots"])
async def test_when_nobody_is_there_the_customer_is_told_so(tmp_path: Path, words: str) -> None:
    tomorrow = date.fromtimestamp(time.time() + 86400)  # noqa: DTZ012 - whatever zone: a day or two are left out
    today = [date.fromtimestamp(time.time() - 86400 * number) for number in range(2)]  # noqa: DTZ012
    hours = HoursSettings(holidays=(*today, tomorrow))
    async with at_work(tmp_path, hours=hours) as at:
        await at.writes(words)
        (told,) = await at.channel.texts(1)
        assert "Our team is away right now. They are back on" in told
        await at.writes("human")
        assert "Our team is away right now." in (await at.channel.texts(2))[1]


async def test_who_is_answered_is_told_nothing_of_hours(tmp_path: Path) -> None:
    async with at_work(tmp_path, hours=HoursSettings(monday=("09:00-09:01",))) as at:
        await at.writes("How long can I return it?")
        assert await at.channel.texts(1) == ["Within 30 days [1]."]


async def test_while_a_person_has_it_the_bot_says_nothing(tmp_path: Path) -> None:
    async with at_work(tmp_path, topics=("lawyer",)) as at:
        await asks(at, "How long can I return it?")
        await Handoffs(at.database).claim("acme", (await at.conversation()).id, "mia")
        await at.channel.texts(2)
        for words in ("You are useless idiots", "my lawyer", "something unclear", "How long can I return it?"):
            await at.writes(words)
        await at.commands("privacy")
        await at.until(lambda found: found.done == found.asked and found.due is None)
        assert await at.said(Author.BOT, CHAT) == ["Within 30 days [1]."]
        assert await at.said(Author.NOTICE, CHAT) == [text("person_joined", "en")]
