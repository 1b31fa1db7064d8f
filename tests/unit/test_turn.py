"""What a turn makes of what a customer wrote."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot import drafting
from bot.domain import Answer, Author, Citation, Draft, Outcome, Owner, Question, Reason
from bot.ports import Answerer, Attachment, Capabilities, Kind
from bot.storage import work
from bot.texts import text
from tests.desk import CHAT, PACE, desk, echo
from tests.fakes.channel import FakeChannel


def said(words: str, outcome: Outcome = Outcome.ANSWERED) -> Answer:
    return Answer(outcome, words, 1.0, "en", reason=Reason.UNSURE if outcome is Outcome.HANDOFF else None)


class Slow:
    """Answers when the test says so; notes what it was asked, and what it was stopped at."""

    def __init__(self, *drafts: str) -> None:
        self.drafts = drafts
        self.asked: list[str] = []
        self.stopped: list[str] = []
        self.go = asyncio.Event()
        self.begun = asyncio.Event()

    async def __call__(self, question: Question) -> AsyncIterator[Draft | Answer]:
        self.asked.append(question.text)
        self.begun.set()
        try:
            for draft in self.drafts:
                yield Draft(draft)
            await self.go.wait()
        except BaseException:
            self.stopped.append(question.text)
            raise
        yield said(f"Re: {question.text}")


def failing(times: int) -> Answerer:
    failures = iter(range(times))

    async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
        if next(failures, None) is not None:
            raise ConnectionError("the model is down")
        yield said("at last")

    return answer


class TestAsking:
    async def test_a_burst_gets_one_answer(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            await at.writes("Hello.")
            await at.writes("When do you open?")
            assert await at.channel.texts(1) == ["Hello.\nWhen do you open?"]

    async def test_the_answer_arrives_with_its_citations(self, tmp_path: Path) -> None:
        citation = Citation(1, "hours.md", "hours.md#0", "Hours", "page 1")

        async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
            yield replace(said("At nine [1]."), citations=[citation], suggestions=["And on Sundays?"])

        async with desk(tmp_path, answer) as at:
            await at.writes("When do you open?")
            await at.channel.texts(1)
            (message,) = at.channel.arrived
            assert (message.citations, message.suggestions, message.author) == (
                (citation,),
                ("And on Sundays?",),
                Author.BOT,
            )

    async def test_the_answerer_gets_the_history(self, tmp_path: Path) -> None:
        seen: list[list[str]] = []

        async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
            seen.append([turn.text for turn in question.history])
            yield said("Yes.")

        async with desk(tmp_path, answer) as at:
            for number in range(3):
                await at.writes(f"Question {number}")
                await at.channel.texts(number + 1)
                await at.at_rest()
        assert seen == [[], ["Question 0", "Yes."], ["Question 0", "Yes.", "Question 1", "Yes."]]

    async def test_a_new_conversation_has_no_history(self, tmp_path: Path) -> None:
        seen: list[int] = []

        async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
            seen.append(len(question.history))
            yield said("Yes.")

        async with desk(tmp_path, answer) as at:
            await at.writes("Question")
            await at.channel.texts(1)
            await at.commands("new")
            await at.channel.texts(2)
            await at.writes("Question")
            await at.channel.texts(3)
        assert seen[-1] <= 1  # the greeting of the new conversation at most

    async def test_an_edit_changes_the_question_before_it_is_answered(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            await at.writes("Can I return shoes?", ref="m1")
            await at.writes("Can I return boots?", ref="m1", kind=Kind.EDIT)
            assert await at.channel.texts(1) == ["Can I return boots?"]

    async def test_a_draft_is_shown_while_the_answer_is_made(self, tmp_path: Path) -> None:
        slow = Slow("We open", "We open at nine.")
        async with desk(tmp_path, slow) as at:
            await at.writes("When?")
            await at.channel.until(lambda: len(at.channel.drafts) == 2)
            assert at.channel.drafts == ["We open", "We open at nine."]

    async def test_typing_is_shown_while_an_answer_takes_its_time(self, tmp_path: Path) -> None:
        async with desk(tmp_path, Slow()) as at:
            await at.writes("When?")
            await at.channel.until(lambda: at.channel.typed)

    async def test_an_answer_at_once_costs_no_typing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(drafting, "TYPING_AFTER", 60.0)
        async with desk(tmp_path) as at:
            await at.writes("When?")
            await at.channel.texts(1)
            assert not at.channel.typed

    async def test_a_channel_without_drafts_gets_none(self, tmp_path: Path) -> None:
        slow = Slow("We open")
        slow.go.set()
        async with desk(tmp_path, slow, channel=FakeChannel(Capabilities())) as at:
            await at.writes("When?")
            await at.channel.texts(1)
            assert at.channel.drafts == []


class Chatty:
    """Never stops drafting."""

    async def __call__(self, question: Question) -> AsyncIterator[Draft | Answer]:
        for number in range(100_000):
            yield Draft(f"draft {number}")
            await asyncio.sleep(0.001)
        yield said(question.text)


class TestMoreWhileAnswering:
    async def test_with_nothing_shown_the_turn_begins_anew_with_both(self, tmp_path: Path) -> None:
        slow = Slow()
        async with desk(tmp_path, slow) as at:
            await at.writes("When?")
            await asyncio.wait_for(slow.begun.wait(), 20)
            slow.go.set()
            await at.writes("On Sundays, I mean.")
            assert await at.channel.texts(1) == ["Re: When?\nOn Sundays, I mean."]
        assert slow.stopped in (["When?"], [])  # the first may have been done already, and was refused then

    async def test_with_a_draft_shown_both_are_answered_one_after_the_other(self, tmp_path: Path) -> None:
        slow = Slow("We open")
        async with desk(tmp_path, slow) as at:
            await at.writes("When?")
            await at.channel.until(lambda: at.channel.drafts)
            await at.writes("Where?")
            await asyncio.sleep(0.05)
            slow.go.set()
            assert await at.channel.texts(2) == ["Re: When?", "Re: Where?"]

    async def test_a_stopped_answer_is_taken_away(self, tmp_path: Path) -> None:
        slow = Slow("We open")
        async with desk(tmp_path, slow) as at:
            await at.writes("When?")
            await at.channel.until(lambda: at.channel.drafts)
            await at.writes("", kind=Kind.STOP)
            await at.at_rest()
            assert at.channel.drafts == ["We open", None]
            assert at.channel.attempts == []

    async def test_a_person_who_claims_stops_the_answer(self, tmp_path: Path) -> None:
        slow = Slow("We open")
        async with desk(tmp_path, slow) as at:
            await at.writes("When?")
            await at.channel.until(lambda: at.channel.drafts)
            await at.handoffs.claim("acme", (await at.conversation()).id, "ann")
            await at.channel.until(lambda: at.channel.drafts[-1] is None)
            slow.go.set()
            await at.at_rest()
            assert slow.stopped == ["When?"]
            assert await at.said(Author.BOT) == []

    async def test_a_judgement_of_an_earlier_answer_restarts_nothing(self, tmp_path: Path) -> None:
        slow = Slow()
        async with desk(tmp_path, slow) as at:
            await at.writes("When?")
            await asyncio.wait_for(slow.begun.wait(), 20)
            await at.writes("helpful", kind=Kind.FEEDBACK, ref="c:1")
            await asyncio.sleep(0.3)
            slow.go.set()
            assert await at.channel.texts(1) == ["Re: When?"]
        assert slow.asked == ["When?"]

    async def test_no_draft_comes_after_it_was_taken_away(self, tmp_path: Path) -> None:
        chatty = Chatty()
        async with desk(tmp_path, chatty) as at:
            await at.writes("When?")
            await at.channel.until(lambda: at.channel.drafts)
            await at.handoffs.claim("acme", (await at.conversation()).id, "ann")
            await at.channel.until(lambda: None in at.channel.drafts)
            await asyncio.sleep(0.2)
            assert at.channel.drafts[-1] is None


class TestPeople:
    @pytest.mark.parametrize("words", ["I want to talk to a human", "转人工"])
    async def test_who_asks_for_a_person_is_handed_over(self, tmp_path: Path, words: str) -> None:
        async with desk(tmp_path) as at:
            await at.writes(words)
            await at.channel.texts(1)
            assert (await at.conversation()).owner is Owner.WAITING
            assert at.channel.arrived[0].author is Author.NOTICE

    async def test_the_command_does_the_same(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            await at.commands("human")
            assert await at.channel.texts(1) == [text("handed_over_asked", "en")]

    async def test_who_asks_again_is_told_that_they_wait(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            await at.commands("human")
            await at.at_rest()
            await at.commands("human")
            assert await at.channel.texts(2) == [text("handed_over_asked", "en"), text("already_waiting", "en")]

    async def test_an_answer_that_is_a_handoff_calls_a_person(self, tmp_path: Path) -> None:
        async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
            yield said("A person will answer.", Outcome.HANDOFF)

        async with desk(tmp_path, answer) as at:
            await at.writes("Hm?")
            await at.channel.texts(1)
            assert (await at.at_rest()).owner is Owner.WAITING
            assert await at.events() == ["opened", "answered", "handed_over"]

    async def test_the_bot_is_silent_while_a_person_answers(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            await at.commands("human")
            await at.at_rest()
            await at.handoffs.claim("acme", (await at.conversation()).id, "ann")
            await at.writes("Are you there?")
            await at.at_rest()
            assert await at.said(Author.BOT) == []

    async def test_the_bot_answers_again_when_handed_back(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            await at.commands("human")
            await at.at_rest()
            await at.handoffs.hand_back("acme", (await at.conversation()).id, "ann")
            await at.writes("When?")
            assert (await at.channel.texts(3))[-1] == "When?"


class TestWithoutQuestion:
    async def test_an_unknown_command_is_answered_with_help(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            await at.commands("dance")
            assert await at.channel.texts(1) == [text("help", "en")]

    async def test_a_file_alone_goes_to_a_person(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            await at.writes("", attachments=[Attachment("f1", "photo.jpg", "image/jpeg")])
            assert await at.channel.texts(1) == [text("handed_over_file", "en")]

    async def test_a_deleted_message_is_not_answered(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            await at.writes("My password is 1234", ref="m1")
            await at.writes("", ref="m1", kind=Kind.DELETE)
            await at.at_rest()
            assert at.channel.attempts == []


class TestTrouble:
    @pytest.mark.parametrize("failures", [1, 2])
    async def test_a_failed_turn_is_tried_again(self, tmp_path: Path, failures: int) -> None:
        async with desk(tmp_path, failing(failures)) as at:
            await at.writes("When do you open?")
            assert await at.channel.texts(1) == ["at last"]

    async def test_a_message_that_fails_three_times_is_parked_and_a_person_called(self, tmp_path: Path) -> None:
        async with desk(tmp_path, failing(3)) as at:
            await at.writes("When do you open?")
            assert await at.channel.texts(1) == [text("failed_handed_over", "en")]
            assert (await at.at_rest()).owner is Owner.WAITING
            assert await at.events() == ["opened", "parked", "handed_over"]

    async def test_an_answer_that_takes_too_long_is_not_waited_for(self, tmp_path: Path) -> None:
        async with desk(tmp_path, Slow(), replace(PACE, unshown_turn=0.1)) as at:
            await at.writes("When do you open?")
            assert await at.channel.texts(1) == [text("failed_handed_over", "en")]

    async def test_a_draft_that_goes_on_for_too_long_is_taken_away(self, tmp_path: Path) -> None:
        async with desk(tmp_path, Slow("We"), replace(PACE, turn=0.2)) as at:
            await at.writes("When do you open?")
            assert await at.channel.texts(1) == [text("failed_handed_over", "en")]
            assert at.channel.drafts == ["We", None]

    async def test_who_waits_long_is_told_to_hold_on(self, tmp_path: Path) -> None:
        slow = Slow()
        async with desk(tmp_path, slow, replace(PACE, first_sign=0.05)) as at:
            await at.writes("When do you open?")
            await at.channel.texts(1)
            slow.go.set()
            assert await at.channel.texts(2) == [text("still_working", "en"), "Re: When do you open?"]

    @pytest.mark.parametrize("given", [None, ""], ids=["none", "empty"])
    async def test_an_answerer_without_an_answer_has_failed(self, tmp_path: Path, given: str | None) -> None:
        async def answer(question: Question) -> AsyncIterator[Draft | Answer]:
            yield Draft("Hm") if given is None else said(given)

        async with desk(tmp_path, answer) as at:
            await at.writes("When do you open?")
            assert await at.channel.texts(1) == [text("failed_handed_over", "en")]

    async def test_a_message_that_workers_keep_dying_over_is_parked(self, tmp_path: Path) -> None:
        async with desk(tmp_path, echo, working=False) as at:
            await at.writes("Poison")
            now = (await at.conversation()).due or 0
            for death in range(PACE.deaths + 1):
                await at.database.write(work.claim, f"w{death}", 1, [CHAT.line], now, now)
            running = asyncio.create_task(at.worker.run())
            assert await at.channel.texts(1) == [text("failed_handed_over", "en")]
            await at.worker.stop()
            await running
