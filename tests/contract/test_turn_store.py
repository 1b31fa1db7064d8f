"""What both stores promise of answers, of sending them, and of people who take over."""

import asyncio

import pytest

from bot.conversation import Change, Message, Opening, Reply, Status
from bot.domain import Author, Chat, Citation, Outcome, Owner, Reason
from bot.errors import Fenced
from bot.handoffs.handoff import claimed, handed_back, resolved
from bot.ports import Kind
from bot.storage import conversations as store
from bot.storage import handoffs, work
from llm.errors import UsageError
from retrieval.database import Database
from tests.contract.conversing import (
    ANSWER,
    CHAT,
    LEASE,
    OTHER,
    asked_and_claimed,
    claim,
    conclude,
    messages,
    now,
    receive,
    sent,
)

HELLO = Reply("Hello", Author.PERSON)
ANN = handoffs.Person("ann", "Ann")


class TestConcluding:
    async def test_the_answer_is_stored_with_its_citations(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        citation = Citation(1, "d1", "d1#0", "Hours", "page 2", "https://example.com/hours")
        reply = Reply("At nine [1].", Author.BOT, "en", [citation], ["And on Sundays?"], Outcome.CLARIFY, Reason.UNSURE)
        await conclude(database, leased, 2.0, reply)
        answer = (await messages(database))[-1]
        assert (answer.citations, answer.suggestions, answer.outcome, answer.reason) == (
            (citation,),
            ("And on Sundays?",),
            Outcome.CLARIFY,
            Reason.UNSURE,
        )

    async def test_a_fenced_worker_stores_nothing(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await claim(database, 50, "w2")
        with pytest.raises(Fenced):
            await conclude(database, leased, 51.0, ANSWER)
        assert len(await messages(database)) == 1

    async def test_nothing_is_stored_over_a_person_who_took_over(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await database.write(handoffs.move, ("acme", leased.id), claimed, ANN, (), 2.0)
        with pytest.raises(Fenced):
            await conclude(database, leased, 3.0, ANSWER)

    async def test_an_answer_can_be_refused_once_more_was_asked(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await receive(database, "e2", 2)
        with pytest.raises(Fenced):
            await database.write(work.conclude, leased, Change(1, [ANSWER]), 3.0, only_if_all=True)

    async def test_events_are_stored_with_the_answer(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        change = Change(1, [ANSWER], Owner.WAITING, handoff=Opening(Reason.UNSURE))
        await database.write(work.conclude, leased, change, 2.0)
        trail = await database.read(store.trail, "acme", leased.id)
        assert [(entry.kind, entry.data) for entry in trail] == [("opened", {}), ("handed_over", {"reason": "unsure"})]

    async def test_a_turn_sees_what_is_unanswered_and_some_before(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER)
        await receive(database, "e2", 3)
        _, seen = await database.read(work.burst, after, 0)
        assert [message.text for message in seen] == ["We open at nine [1].", "e2"]
        _, seen = await database.read(work.burst, after, 1)
        assert [message.text for message in seen] == ["e1", "We open at nine [1].", "e2"]


class TestGivingBack:
    async def test_a_conversation_with_nothing_left_is_not_due(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER)
        await database.write(work.release, after, after.queued, 3.0)
        assert (await now(database)).due is None

    async def test_what_was_asked_meanwhile_is_due_after_its_quiet_time(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await receive(database, "e2", 2.0)
        after = await conclude(database, leased, 2.1)
        await database.write(work.release, after, 0, 2.2, quiet=1.0)
        assert (await now(database)).due == pytest.approx(3.1)

    async def test_an_unsent_answer_is_due_after_the_delay(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER)
        await database.write(work.release, after, 1, 3.0, delay=30.0)
        assert (await now(database)).due == 33

    async def test_a_lost_lease_is_not_given_back(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await claim(database, 50, "w2")
        await database.write(work.release, leased, 0, 51.0)
        assert (await now(database)).lease == "w2"

    async def test_a_failure_is_counted_until_a_turn_succeeds(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await database.write(work.release, leased, 0, 2.0, failed=True)
        (again,) = await claim(database, 3)
        assert again.failures == 1
        assert (await conclude(database, again, 4.0, ANSWER)).failures == 0

    async def test_what_went_well_since_wipes_out_a_failure(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await database.write(work.release, leased, 0, 2.0, failed=True)
        (again,) = await claim(database, 3)
        await database.write(work.release, again, 0, 4.0)
        assert (await now(database)).failures == 0

    async def test_a_worker_finds_what_it_holds(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        assert [one.id for one in await database.read(work.held, "w")] == [leased.id]
        await database.write(work.release, leased, 0, 2.0)
        assert await database.read(work.held, "w") == []


class TestSending:
    async def test_the_outbox_is_in_order(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER, Reply("One more thing."))
        queued, waiting = await database.read(work.outbox, after)
        assert (queued, [message.seq for message in waiting]) == (3, [2, 3])

    async def test_what_was_sent_is_not_in_the_outbox(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER)
        await sent(database, after, 2)
        assert (await database.read(work.outbox, after))[1] == []
        assert (await messages(database))[-1].refs == ("m7",)

    async def test_what_was_sent_is_recorded_even_when_the_lease_is_lost(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER)
        await claim(database, 50, "w2")
        await sent(database, after, 2)
        assert (await messages(database))[-1].status is Status.SENT

    async def test_a_message_that_failed_calls_a_person(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER)
        failed = Message(leased.id, 2, Author.BOT, "", status=Status.FAILED, attempts=1)
        await database.write(work.settle, after, failed, 3.0, "too long")
        trail = await database.read(store.trail, "acme", leased.id)
        assert (await now(database)).owner is Owner.WAITING
        assert [entry.kind for entry in trail[-2:]] == ["send_failed", "handed_over"]

    async def test_so_does_the_last_word_of_a_person_who_has_closed_it_already(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        key = ("acme", leased.id)
        await database.write(handoffs.move, key, claimed, ANN, (), 2.0)
        await database.write(handoffs.say, key, ANN, HELLO, (), "", 3.0)
        await database.write(handoffs.move, key, resolved, ANN, (), 4.0)
        failed = Message(leased.id, 2, Author.PERSON, "Hello", status=Status.FAILED, attempts=1)
        await database.write(work.settle, leased, failed, 5.0, "too long")
        trail = await database.read(store.trail, "acme", leased.id)
        assert (await now(database)).owner is Owner.WAITING
        assert [entry.kind for entry in trail[-3:]] == ["resolved", "send_failed", "handed_over"]

    async def test_a_withdrawn_message_is_not_begun(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, Reply("Hold on."), ANSWER)
        await database.write(work.hold, after)
        await database.write(handoffs.move, ("acme", leased.id), claimed, ANN, (), 3.0)
        assert await database.write(work.begin_send, after, 3) is False

    async def test_a_blocked_chat_is_written_to_again_once_it_writes(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER)
        await receive(database, "e2", 3, kind=Kind.BLOCKED)
        assert (await now(database)).gone
        assert (await database.read(work.outbox, after))[1] == []
        await receive(database, "e3", 4)
        assert (await now(database)).gone is None

    async def test_a_chat_that_moved_is_written_to_at_its_new_address(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER)
        await database.write(work.gone, after, "migrated", "visitor-9", 3.0)
        assert (await now(database, Chat("acme", "web", "visitor-9"))).id == leased.id
        assert len((await database.read(work.outbox, after))[1]) == 1

    async def test_a_chat_that_moved_into_another_is_gone(self, database: Database) -> None:
        await receive(database, "e9", 0, OTHER)
        await receive(database, "e1", 0)
        leased = next(one for one in await claim(database, 1) if one.chat == CHAT)
        await conclude(database, leased, 2.0, ANSWER)
        await database.write(work.gone, leased, "migrated", OTHER.address, 3.0)
        assert (await now(database)).gone == "migrated"


class TestPeople:
    async def test_what_is_put_off_after_a_claim_stays_withdrawn(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, ANSWER)
        await database.write(handoffs.move, ("acme", leased.id), claimed, ANN, (), 2 + LEASE)  # the worker froze
        put_off = Message(after.id, after.last, Author.BOT, "", status=Status.OUTBOX, attempts=1)
        await database.write(work.settle, after, put_off, 3 + LEASE)
        bots = [message for message in await messages(database) if message.author is Author.BOT]
        assert [message.status for message in bots] == [Status.WITHDRAWN]

    async def test_a_claim_withdraws_what_the_bot_has_not_sent(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0, Reply("Hold on."), ANSWER)
        await database.write(work.hold, after)
        await database.write(handoffs.move, ("acme", leased.id), claimed, ANN, (Reply("Ann is here."),), 3.0)
        waiting = (await database.read(work.outbox, after))[1]
        assert [message.text for message in waiting] == ["Ann is here."]

    async def test_a_claim_waits_for_the_message_that_is_being_sent(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await conclude(database, leased, 2.0, ANSWER)
        moved = await database.write(handoffs.move, ("acme", leased.id), claimed, ANN, (), 3.0)
        assert moved.obstacle is handoffs.Obstacle.SENDING
        assert (await now(database)).owner is Owner.BOT

    async def test_a_claim_waits_for_what_the_bot_says_in_the_middle_of_a_turn(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await database.write(work.notice, leased, Reply("Hold on.", Author.BOT), 2.0)
        moved = await database.write(handoffs.move, ("acme", leased.id), claimed, ANN, (), 3.0)
        assert moved.obstacle is handoffs.Obstacle.SENDING

    async def test_a_claim_does_not_wait_for_a_dead_worker(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await conclude(database, leased, 2.0, ANSWER)
        moved = await database.write(handoffs.move, ("acme", leased.id), claimed, ANN, (), 2 + LEASE)
        assert moved.conversation.owner is Owner.HUMAN
        assert (await messages(database))[-1].status is Status.WITHDRAWN

    async def test_of_two_claims_one_wins(self, database: Database) -> None:
        await receive(database, "e1", 0)
        key = ("acme", (await now(database)).id)
        moves = await asyncio.gather(
            *(
                database.write(handoffs.move, key, claimed, handoffs.Person(person), (), 1.0)
                for person in ("ann", "bob", "cem")
            )
        )
        winners = [moved for moved in moves if moved.obstacle is None]
        assert len(winners) == 1
        assert {moved.conversation.person for moved in moves} == {winners[0].conversation.person}

    async def test_a_second_claim_of_the_same_person_changes_nothing(self, database: Database) -> None:
        await receive(database, "e1", 0)
        key = ("acme", (await now(database)).id)
        await database.write(handoffs.move, key, claimed, ANN, (Reply("Ann is here."),), 1.0)
        before = await now(database)
        await database.write(handoffs.move, key, claimed, ANN, (Reply("Ann is here."),), 2.0)
        assert await now(database) == before

    async def test_only_who_claimed_may_write(self, database: Database) -> None:
        await receive(database, "e1", 0)
        key = ("acme", (await now(database)).id)
        with pytest.raises(UsageError, match="Claim"):
            await database.write(handoffs.say, key, ANN, HELLO, (), "", 1.0)
        await database.write(handoffs.move, key, claimed, ANN, (), 1.0)
        moved = await database.write(handoffs.say, key, handoffs.Person("bob"), HELLO, (), "", 1.0)
        assert moved.obstacle is handoffs.Obstacle.TAKEN

    async def test_what_a_person_writes_is_due_at_once(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0)
        await database.write(work.release, after, 0, 2.0)
        await database.write(handoffs.move, ("acme", leased.id), claimed, ANN, (), 3.0)
        await database.write(handoffs.say, ("acme", leased.id), ANN, HELLO, (), "", 4.0)
        (again,) = await claim(database, 4.0, "w2")
        assert [message.text for message in (await database.read(work.outbox, again))[1]] == ["Hello"]

    async def test_every_move_is_on_record(self, database: Database) -> None:
        await receive(database, "e1", 0)
        key = ("acme", (await now(database)).id)
        for transition in (claimed, handed_back, claimed, resolved):
            await database.write(handoffs.move, key, transition, ANN, (), 1.0)
        trail = await database.read(store.trail, *key)
        assert [entry.kind for entry in trail] == ["opened", "claimed", "returned", "claimed", "resolved"]

    async def test_a_closed_conversation_opens_when_the_customer_writes(self, database: Database) -> None:
        await receive(database, "e1", 0)
        key = ("acme", (await now(database)).id)
        await database.write(handoffs.move, key, resolved, ANN, (), 0.5)
        (leased,) = await claim(database, 2.0)
        after = await conclude(database, leased, 2.0, ANSWER)
        assert after.owner is Owner.BOT
