"""What both stores promise of cases, and of what people do with them."""

import asyncio

import pytest

from bot.conversation import Change, Opening, Reply, Status
from bot.domain import Author, Chat, Owner, Reason
from bot.handoffs.cases import Cases, Entry, EntryKind, Mood
from bot.handoffs.handoff import Handoffs, NewFile, Taken
from bot.ports import Kind
from bot.sections import HandoffSettings
from bot.storage import conversations as store
from bot.storage import files, work
from llm.errors import UsageError
from retrieval.database import Database
from tests.contract.staffing import (
    CHAT,
    SUGGESTION,
    Clock,
    called,
    conversation,
    handed_over,
    leased,
    send_all,
    writes,
)

OTHER = Chat("acme", "web", "other")


def of(entries: list[Entry], kind: EntryKind) -> list[str]:
    return [entry.text for entry in entries if entry.kind is kind]


class TestOpening:
    async def test_who_waits_has_a_case_with_all_that_is_known(self, database: Database) -> None:
        id_ = await handed_over(database, 5.0, opening=Opening(Reason.RULE, "returns", SUGGESTION))
        (case,) = await Cases(database).queue("acme")
        assert (case.conversation.id, case.opened_at, case.closed_at) == (id_, 5.0, None)
        assert (case.reason, case.detail, case.mood) == ("rule", "returns", Mood.CALM)
        assert case.suggestion == SUGGESTION
        assert case.summary == ("Can I return my bike?", "This topic always goes to a person: returns.")
        assert (case.question, case.unread, case.person) == ("Can I return my bike?", 1, None)

    async def test_an_unasked_claim_opens_one_too(self, database: Database) -> None:
        await writes(database, "e1", "Hello", 0.0)
        await Handoffs(database, Clock(1.0)).claim("acme", (await conversation(database)).id, "mia", "Mia")
        (case,) = await Cases(database).queue("acme")
        assert (case.reason, case.person, case.person_name) == ("", "mia", "Mia")

    async def test_the_mood_is_that_of_the_customer(self, database: Database) -> None:
        await writes(database, "e1", "You are useless idiots", 0.0)
        await called(database, 0.0)
        assert (await Cases(database).queue("acme"))[0].mood is Mood.ANGRY

    async def test_it_is_closed_when_the_conversation_goes_back(self, database: Database) -> None:
        id_ = await handed_over(database)
        await Handoffs(database, Clock(9.0)).hand_back("acme", id_, "mia")
        assert await Cases(database).queue("acme") == []
        (case,) = await Cases(database).closed("acme")
        assert case.closed_at == 9.0

    async def test_each_handoff_has_a_case_of_its_own(self, database: Database) -> None:
        id_ = await handed_over(database, 0.0)
        await Handoffs(database, Clock(9.0)).resolve("acme", id_, "mia")
        await handed_over(database, 20.0)
        assert len(await Cases(database).queue("acme")) == len(await Cases(database).closed("acme")) == 1
        newest = await Cases(database).get("acme", id_)
        assert newest is not None
        assert newest.opened_at == 20.0

    async def test_a_message_that_failed_opens_one(self, database: Database) -> None:
        await writes(database, "e1", "Hello", 0.0)
        held = await leased(database, 0.0)
        after = await database.write(work.conclude, held, Change(1, [Reply("Hi", Author.BOT)]), 1.0)
        await send_all(database, after, 2.0, Status.FAILED)
        (case,) = await Cases(database).queue("acme")
        assert case.reason == "failed"

    async def test_a_case_shows_how_it_came_to_it(self, database: Database) -> None:
        id_ = await handed_over(database)
        await writes(database, "e9", "And another thing", 3.0)
        case = await Cases(database).get("acme", id_)
        assert case is not None
        assert of(list(case.so_far), EntryKind.MESSAGE) == ["Can I return my bike?", "A person will."]


class TestQueue:
    async def test_who_waits_longest_comes_first_then_those_of_people_then_the_snoozed(
        self, database: Database
    ) -> None:
        ids = [await handed_over(database, float(at), Chat("acme", "web", f"v{at}")) for at in range(4)]
        at_ten = Handoffs(database, Clock(10.0))
        await at_ten.claim("acme", ids[0], "mia")
        await at_ten.snooze("acme", ids[1], "mia", 50.0)
        assert [case.conversation.id for case in await Cases(database).queue("acme")] == [
            ids[2],
            ids[3],
            ids[0],
            ids[1],
        ]

    async def test_another_company_sees_nothing(self, database: Database) -> None:
        id_ = await handed_over(database)
        cases = Cases(database)
        assert await cases.queue("other") == await cases.closed("other") == []
        assert await cases.get("other", id_) is None
        assert await cases.timeline("other", id_) == []

    async def test_what_was_answered_is_not_unread(self, database: Database) -> None:
        id_ = await handed_over(database)
        await writes(database, "e2", "Hello?", 1.0)
        assert (await Cases(database).queue("acme"))[0].unread == 2
        at_two = Handoffs(database, Clock(2.0))
        await at_two.claim("acme", id_, "mia")
        await at_two.reply("acme", id_, "mia", "I look into it.")
        assert (await Cases(database).queue("acme"))[0].unread == 0


class TestClaiming:
    async def test_who_has_it_is_named_by_the_name_that_people_read(self, database: Database) -> None:
        id_ = await handed_over(database)
        desk = Handoffs(database, Clock(1.0))
        await desk.claim("acme", id_, "u1", "Mia")
        with pytest.raises(Taken, match="Mia has this conversation") as taken:
            await desk.claim("acme", id_, "u2", "Bo")
        assert taken.value.holder == "Mia"

    async def test_a_forced_claim_moves_it_and_is_on_record(self, database: Database) -> None:
        id_ = await handed_over(database)
        desk = Handoffs(database, Clock(1.0))
        await desk.claim("acme", id_, "u1", "Mia")
        before = await database.read(store.transcript, "acme", id_)
        assert (await desk.claim("acme", id_, "u2", "Bo", force=True)).person == "u2"
        (case,) = await Cases(database).queue("acme")
        assert (case.person, case.person_name) == ("u2", "Bo")
        assert "Bo took the conversation over from Mia." in of(await timeline(database, id_), EntryKind.EVENT)
        assert await database.read(store.transcript, "acme", id_) == before  # the customer hears nothing of it

    async def test_of_many_at_once_one_wins(self, database: Database) -> None:
        id_ = await handed_over(database)
        desk = Handoffs(database, Clock(1.0))
        people = [f"u{number}" for number in range(12)]
        results = await asyncio.gather(*(desk.claim("acme", id_, who) for who in people), return_exceptions=True)
        losers = [result for result in results if isinstance(result, Taken)]
        (case,) = await Cases(database).queue("acme")
        assert len(losers) == 11
        assert {loser.holder for loser in losers} == {case.person}


async def timeline(database: Database, id_: str, after: str = "") -> list[Entry]:
    return list(await Cases(database).timeline("acme", id_, after))


class TestWriting:
    async def claimed(self, database: Database) -> tuple[str, Handoffs, Clock]:
        id_, clock = await handed_over(database), Clock(1.0)
        desk = Handoffs(database, clock, {"acme": HandoffSettings(max_file_mb=0.001)})
        await desk.claim("acme", id_, "mia", "Mia")
        await send_all(database, await leased(database, 2.0), 2.0)
        return id_, desk, clock

    async def test_the_same_key_sends_once(self, database: Database) -> None:
        id_, desk, _ = await self.claimed(database)
        again = (desk.reply("acme", id_, "mia", "Yes.", "Mia", key="slack:Ev1") for _ in range(5))
        await asyncio.gather(*again)
        await desk.reply("acme", id_, "mia", "Yes.", "Mia", key="slack:Ev2")
        said = await database.read(store.transcript, "acme", id_)
        assert [message.text for message in said if message.author is Author.PERSON] == ["Yes.", "Yes."]

    async def test_the_same_key_after_handing_back_is_harmless(self, database: Database) -> None:
        id_, desk, _ = await self.claimed(database)
        await desk.reply("acme", id_, "mia", "Yes.", key="k")
        await desk.hand_back("acme", id_, "mia")
        assert (await desk.reply("acme", id_, "mia", "Yes.", key="k")).owner is Owner.BOT

    async def test_nothing_is_not_sent(self, database: Database) -> None:
        id_, desk, _ = await self.claimed(database)
        with pytest.raises(UsageError, match="nothing to send"):
            await desk.reply("acme", id_, "mia", "  ")

    async def test_a_note_stays_with_the_staff(self, database: Database) -> None:
        id_, desk, _ = await self.claimed(database)
        before = await conversation(database)
        for _ in range(2):
            await desk.note("acme", id_, "bo", "He is a pain", "Bo", key="slack:n1")
        assert of(await timeline(database, id_), EntryKind.NOTE) == ["He is a pain"]
        assert all("pain" not in message.text for message in await database.read(store.transcript, "acme", id_))
        after = await conversation(database)
        assert (after.last, after.queued, after.asked) == (before.last, before.queued, before.asked)

    async def test_files_are_kept_for_that_chat_alone(self, database: Database) -> None:
        id_, desk, _ = await self.claimed(database)
        await desk.reply("acme", id_, "mia", "", "Mia", files=[NewFile("guide.pdf", "application/pdf", b"%PDF")])
        (file,) = next(entry.files for entry in await timeline(database, id_) if entry.files)
        assert (file.name, file.media_type, file.size) == ("guide.pdf", "application/pdf", 4)
        assert await database.read(files.content, "acme", file.ref, CHAT) == b"%PDF"
        assert await database.read(files.content, "acme", file.ref, OTHER) is None
        assert await database.read(files.content, "other", file.ref) is None

    async def test_too_large_a_file_is_refused(self, database: Database) -> None:
        id_, desk, _ = await self.claimed(database)
        with pytest.raises(UsageError, match=r"guide\.pdf has more than 0\.001 MB"):
            await desk.reply("acme", id_, "mia", "Here", files=[NewFile("guide.pdf", "application/pdf", b"x" * 2000)])

    async def test_a_correction_goes_through_the_outbox_after_its_message(self, database: Database) -> None:
        id_, desk, clock = await self.claimed(database)
        seq = (await desk.reply("acme", id_, "mia", "At nine.", "Mia")).last
        for _ in range(2):
            await desk.correct("acme", id_, "mia", seq, "At ten.", key="k1")
        clock.now = 3.0
        sent = await send_all(database, await leased(database, 3.0), 3.0)
        assert [(message.kind, message.text) for message in sent] == [
            (Kind.MESSAGE, "At nine."),
            (Kind.EDIT, "At ten."),
        ]
        entries = await timeline(database, id_)
        changed = next(entry for entry in entries if entry.seq == seq)
        assert (changed.text, changed.edited) == ("At ten.", True)
        assert "Mia changed a message to: “At ten.”" in of(entries, EntryKind.EVENT)

    async def test_a_correction_that_fails_is_told_to_staff(self, database: Database) -> None:
        id_, desk, _ = await self.claimed(database)
        seq = (await desk.reply("acme", id_, "mia", "At nine.", "Mia")).last
        await send_all(database, await leased(database, 3.0), 3.0)
        await desk.correct("acme", id_, "mia", seq, "At ten.")
        await send_all(database, await leased(database, 4.0), 4.0, Status.FAILED)
        assert (await conversation(database)).owner is Owner.HUMAN
        entries = await timeline(database, id_)
        assert next(entry for entry in entries if entry.seq == seq).text == "At nine."
        assert "A message could not be delivered: too long." in of(entries, EntryKind.EVENT)

    @pytest.mark.parametrize("seq", [1, 2, 99])
    async def test_only_what_staff_sent_can_be_corrected(self, database: Database, seq: int) -> None:
        id_, desk, _ = await self.claimed(database)
        with pytest.raises(UsageError, match="Only what a member of the staff has sent"):
            await desk.correct("acme", id_, "mia", seq, "No.")


class TestSnoozing:
    async def test_a_customer_who_writes_wakes_the_case(self, database: Database) -> None:
        id_ = await handed_over(database)
        await Handoffs(database, Clock(1.0)).snooze("acme", id_, "mia", 100.0)
        assert (await Cases(database).queue("acme"))[0].snoozed_until == 100.0
        await writes(database, "e2", "Hello?", 2.0)
        assert (await Cases(database).queue("acme"))[0].snoozed_until is None

    async def test_twice_the_same_is_once(self, database: Database) -> None:
        id_ = await handed_over(database)
        for _ in range(2):
            await Handoffs(database, Clock(1.0)).snooze("acme", id_, "mia", 100.0, "Mia")
        told = of(await timeline(database, id_), EntryKind.EVENT)
        assert told[1:] == ["Mia put the case aside until 1970-01-01 00:01 UTC."]

    async def test_what_nobody_waits_for_can_not_be_put_aside(self, database: Database) -> None:
        await writes(database, "e1", "Hello", 0.0)
        with pytest.raises(UsageError, match="put aside"):
            await Handoffs(database, Clock(1.0)).snooze("acme", (await conversation(database)).id, "mia", 9.0)

    async def test_what_is_over_is_no_time_to_wait_for(self, database: Database) -> None:
        with pytest.raises(UsageError, match="has passed"):
            await Handoffs(database, Clock(10.0)).snooze("acme", "any", "mia", 9.0)


class TestTimeline:
    async def test_it_reads_like_what_happened(self, database: Database) -> None:
        id_ = await handed_over(database)
        clock = Clock(1.0)
        desk = Handoffs(database, clock)
        await desk.claim("acme", id_, "mia", "Mia")
        clock.now = 2.0
        await desk.note("acme", id_, "mia", "Looks like order 7", "Mia")
        clock.now = 3.0
        await desk.reply("acme", id_, "mia", "Yes, within 30 days.", "Mia")
        clock.now = 4.0
        await desk.resolve("acme", id_, "mia", "Mia")
        told = [(str(entry.kind), entry.text) for entry in await timeline(database, id_)]
        assert told == [
            ("message", "Can I return my bike?"),
            ("message", "A person will."),
            (
                "event",
                "The assistant called a person. The documents have something similar, which may not be the answer.",
            ),
            ("message", "A member of our team has joined the conversation."),
            ("event", "Mia took the conversation."),
            ("note", "Looks like order 7"),
            ("message", "Yes, within 30 days."),
            ("message", "This conversation is now closed. If you need anything else, just write again."),
            ("event", "Mia resolved the conversation."),
        ]

    async def test_each_cursor_goes_on_exactly_after_its_entry(self, database: Database) -> None:
        id_ = await handed_over(database)
        desk = Handoffs(database, Clock(1.0))
        await desk.claim("acme", id_, "mia", "Mia")
        await desk.note("acme", id_, "mia", "One", "Mia")
        await desk.reply("acme", id_, "mia", "Two", "Mia")
        whole = await timeline(database, id_)
        for place, entry in enumerate(whole):
            assert await timeline(database, id_, entry.cursor) == whole[place + 1 :]
        assert len({entry.id for entry in whole}) == len(whole)

    async def test_feedback_edits_and_wishes_of_the_customer_are_told(self, database: Database) -> None:
        id_ = await handed_over(database)
        await writes(database, "e2", "Can I return two bikes?", 1.0, kind=Kind.EDIT, ref="r1")
        await writes(database, "e3", "unhelpful", 2.0, kind=Kind.FEEDBACK, ref=f"{id_}:2")
        await writes(database, "e4", "human", 3.0, kind=Kind.COMMAND)
        assert of(await timeline(database, id_), EntryKind.EVENT)[1:] == [
            "The customer changed a message to: “Can I return two bikes?”",
            "The customer found the answer not helpful.",
            "The customer asked for a person.",
        ]
