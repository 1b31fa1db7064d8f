"""What the clock does to cases."""

import asyncio
from collections.abc import AsyncIterator

from bot.conversation import Opening
from bot.domain import Answer, Author, Chat, Citation, Draft, Outcome, Owner, Question, Reason, Suggestion
from bot.handoffs.cases import Case, Cases, EntryKind
from bot.handoffs.handoff import Handoffs
from bot.handoffs.suggesting import Suggesting
from bot.handoffs.tending import HOUR, Tending
from bot.ports import Inbound
from bot.sections import HandoffSettings
from bot.storage import conversations as store
from bot.storage import files
from retrieval.database import Database
from retrieval.passages import Audience
from tests.contract.staffing import CHAT, PACE, Clock, conversation, handed_over, leased, send_all, writes

RULES = {"acme": HandoffSettings(idle_hours=8, idle_answer_hours=2)}
CITATION = Citation(1, "d", "d#0", "Returns", "page 1")


class Expert:
    """Answers every question, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> AsyncIterator[Draft | Answer]:
        self.asked.append(question)
        yield Answer(Outcome.ANSWERED, "Within 30 days [1].", 0.9, "en", (CITATION,))


async def ignorant(question: Question) -> AsyncIterator[Draft | Answer]:
    """Knows nothing."""
    yield Answer(Outcome.HANDOFF, "A person will.", 0.0, question.language, reason=Reason.NOT_COVERED)


def tending(database: Database, clock: Clock, answer: object = None) -> Tending:
    suggesting = Suggesting(answer or Expert().answer, database, clock)  # type: ignore[arg-type]
    return Tending(database, suggesting, RULES, clock)


async def the_case(database: Database) -> Case:
    found = await Cases(database).get("acme", (await conversation(database)).id)
    assert found is not None
    return found


async def told(database: Database) -> list[str]:
    entries = await Cases(database).timeline("acme", (await conversation(database)).id)
    return [entry.event for entry in entries if entry.kind is EntryKind.EVENT]


class TestSnoozed:
    async def test_a_snoozed_case_comes_back_then_and_not_before(self, database: Database) -> None:
        id_, clock = await handed_over(database), Clock(1.0)
        await Handoffs(database, clock).snooze("acme", id_, "mia", 100.0)
        clock.now = 99.0
        await tending(database, clock).tend()
        assert (await the_case(database)).snoozed_until == 100.0
        clock.now = 100.0
        await tending(database, clock).tend()
        assert (await the_case(database)).snoozed_until is None
        assert await told(database) == ["handed_over", "snoozed", "woken"]


class TestIdle:
    async def claimed(self, database: Database) -> tuple[str, Clock, Handoffs]:
        id_, clock = await handed_over(database), Clock(1.0)
        desk = Handoffs(database, clock)
        await desk.claim("acme", id_, "mia", "Mia")
        await send_all(database, await leased(database, 2.0), 2.0)
        return id_, clock, desk

    async def asked(self, database: Database) -> tuple[str, Clock, Handoffs]:
        id_, clock, desk = await self.claimed(database)
        clock.now += 8 * HOUR
        await tending(database, clock).tend()
        return id_, clock, desk

    async def test_staff_are_asked_once(self, database: Database) -> None:
        id_, clock, _ = await self.asked(database)
        await asyncio.gather(*(tending(database, clock).tend() for _ in range(3)))
        assert await told(database) == ["handed_over", "claimed", "idle"]
        assert (await the_case(database)).idle_since == clock.now
        assert (await conversation(database)).owner is Owner.HUMAN
        question = (await Cases(database).timeline("acme", id_))[-1].text
        assert question.startswith("Nobody has written for 8 hours.")

    async def test_nobody_is_asked_before_the_time(self, database: Database) -> None:
        _, clock, _ = await self.claimed(database)
        clock.now += 8 * HOUR - 1
        await tending(database, clock).tend()
        assert await told(database) == ["handed_over", "claimed"]

    async def test_without_an_answer_it_goes_back_to_the_bot_and_the_customer_is_told(self, database: Database) -> None:
        id_, clock, _ = await self.asked(database)
        clock.now += 2 * HOUR
        await asyncio.gather(*(tending(database, clock).tend() for _ in range(3)))
        assert (await conversation(database)).owner is Owner.BOT
        assert (await the_case(database)).closed_at == clock.now
        said = await database.read(store.transcript, "acme", id_)
        assert said[-1].text == "The assistant is answering again. You can ask for a person at any time."
        assert (await told(database))[-1] == "returned"

    async def test_who_keeps_it_is_asked_again_after_as_long(self, database: Database) -> None:
        id_, clock, desk = await self.asked(database)
        await desk.keep("acme", id_, "mia", "Mia")
        await desk.keep("acme", id_, "mia", "Mia")
        clock.now += 8 * HOUR - 1
        await tending(database, clock).tend()
        assert (await told(database))[2:] == ["idle", "kept"]
        clock.now += 1
        await tending(database, clock).tend()
        assert (await told(database))[2:] == ["idle", "kept", "idle"]

    async def test_a_customer_who_writes_answers_the_question(self, database: Database) -> None:
        _, clock, _ = await self.asked(database)
        await writes(database, "e9", "Are you there?", clock.now + 1)
        clock.now += 2 * HOUR
        await tending(database, clock).tend()
        assert (await conversation(database)).owner is Owner.HUMAN

    async def test_a_snoozed_one_is_not_idle(self, database: Database) -> None:
        id_, clock, desk = await self.claimed(database)
        await desk.snooze("acme", id_, "mia", clock.now + 30 * HOUR)
        clock.now += 20 * HOUR
        await tending(database, clock).tend()
        assert await told(database) == ["handed_over", "claimed", "snoozed"]

    async def test_who_waits_for_a_person_goes_on_waiting(self, database: Database) -> None:
        await handed_over(database)
        await tending(database, Clock(100 * HOUR)).tend()
        assert (await conversation(database)).owner is Owner.WAITING


class TestSuggesting:
    async def test_a_case_without_a_suggestion_gets_one(self, database: Database) -> None:
        expert = Expert()
        await handed_over(database, opening=Opening(Reason.ASKED_FOR_PERSON))
        await tending(database, Clock(5.0), expert.answer).suggest()
        made = (await the_case(database)).suggestion
        assert made == Suggestion("Within 30 days [1].", (CITATION,), 0.9, at=5.0)
        await tending(database, Clock(6.0), expert.answer).suggest()
        assert [(question.text, question.audience) for question in expert.asked] == [
            ("Can I return my bike?", Audience.PUBLIC)
        ]

    async def test_what_the_bot_would_have_said_is_not_made_anew(self, database: Database) -> None:
        expert = Expert()
        await handed_over(database, opening=Opening(Reason.UNSURE, suggestion=Suggestion("Perhaps.")))
        await tending(database, Clock(5.0), expert.answer).suggest()
        assert expert.asked == []

    async def test_where_nothing_is_known_there_is_none_and_that_is_that(self, database: Database) -> None:
        await handed_over(database, opening=Opening(Reason.ASKED_FOR_PERSON))
        for _ in range(2):
            await tending(database, Clock(5.0), ignorant).suggest()
        assert (await the_case(database)).suggestion is None

    async def test_several_workers_make_one(self, database: Database) -> None:
        expert = Expert()
        await handed_over(database, opening=Opening(Reason.ASKED_FOR_PERSON))
        await asyncio.gather(*(tending(database, Clock(5.0), expert.answer).suggest() for _ in range(4)))
        assert len(expert.asked) == 1

    async def test_a_hint_is_heeded_and_kept_and_notes_are_not_read(self, database: Database) -> None:
        id_, expert = await handed_over(database), Expert()
        await Handoffs(database, Clock(1.0)).note("acme", id_, "mia", "a secret", "Mia")
        made = await Suggesting(expert.answer, database, Clock(5.0)).suggest("acme", id_, "the e-bike")
        (question,) = expert.asked
        assert (question.text, question.hint, made.hint) == ("Can I return my bike?", "the e-bike", "the e-bike")
        assert "secret" not in str(question)
        assert [turn.author for turn in question.history] == [Author.CUSTOMER, Author.BOT]
        assert (await the_case(database)).suggestion == made


async def test_it_works_until_it_is_stopped(database: Database) -> None:
    expert, clock = Expert(), Clock(5.0)
    running_one = tending(database, clock, expert.answer)
    running = asyncio.create_task(running_one.run())
    await handed_over(database, opening=Opening(Reason.ASKED_FOR_PERSON))
    async with asyncio.timeout(20):
        while (await the_case(database)).suggestion is None:  # noqa: ASYNC110 - what changes is in SQL
            await asyncio.sleep(0.01)
    running_one.stop()
    await running


class TestFiles:
    async def test_a_file_that_was_never_sent_goes_after_a_day_with_its_bytes(self, database: Database) -> None:
        file = await database.write(files.keep, CHAT, Author.CUSTOMER, "a.png", "image/png", b"bytes", 100.0)
        clock = Clock(100.0 + 24 * HOUR)
        await tending(database, clock).tend()
        assert await database.read(files.content, "acme", file.ref) == b"bytes"
        clock.now += 1.0
        await tending(database, clock).tend()
        assert await database.read(files.content, "acme", file.ref) is None

    async def test_a_file_that_a_message_has_stays(self, database: Database) -> None:
        file = await database.write(files.keep, CHAT, Author.CUSTOMER, "a.png", "image/png", b"bytes", 0.0)
        await database.write(store.receive, Inbound("e1", CHAT, attachments=[file]), PACE, 1.0)
        await tending(database, Clock(48 * HOUR)).tend()
        assert await database.read(files.content, "acme", file.ref) == b"bytes"

    async def test_naming_the_file_of_another_chat_keeps_nothing(self, database: Database) -> None:
        file = await database.write(files.keep, CHAT, Author.CUSTOMER, "a.png", "image/png", b"bytes", 0.0)
        other = Chat("acme", "web", "somebody else")
        await database.write(store.receive, Inbound("e1", other, attachments=[file]), PACE, 1.0)
        await tending(database, Clock(48 * HOUR)).tend()
        assert await database.read(files.content, "acme", file.ref) is None

    async def test_what_staff_sent_stays(self, database: Database) -> None:
        file = await database.write(files.keep, CHAT, Author.PERSON, "a.pdf", "application/pdf", b"bytes", 0.0)
        await tending(database, Clock(48 * HOUR)).tend()
        assert await database.read(files.content, "acme", file.ref) == b"bytes"
