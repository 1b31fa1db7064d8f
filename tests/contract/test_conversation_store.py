"""What both stores promise of messages that come in, and of who works on them."""

import asyncio

import pytest

from bot.conversation import Message, Status
from bot.domain import Author, Chat
from bot.ports import Attachment, Inbound, Kind
from bot.storage import conversations as store
from bot.storage import work
from llm.errors import UsageError
from retrieval.database import Database
from tests.contract.conversing import (
    CHAT,
    LEASE,
    OTHER,
    PACE,
    asked_and_claimed,
    claim,
    conclude,
    messages,
    now,
    receive,
)


class TestReceiving:
    async def test_all_that_a_channel_says_is_kept(self, database: Database) -> None:
        file = Attachment("f1", "photo.jpg", "image/jpeg", 1200)
        event = Inbound("e1", CHAT, Kind.MESSAGE, "Hi 你好", "m1", 7.0, "u1", "Li", "zh", "Before", [file])
        await database.write(store.receive, event, PACE, 3.0)
        (message,) = await messages(database)
        assert message == Message(
            *(message.conversation, 1, Author.CUSTOMER, "Hi 你好", 3.0, Kind.MESSAGE, Status.RECEIVED, 0),
            *("m1", 7.0, "Before", (file,), "zh"),
            sender="u1",
        )

    async def test_a_redelivered_event_changes_nothing(self, database: Database) -> None:
        await receive(database, "e1", 0)
        before = await now(database)
        with pytest.raises(store.Duplicate):
            await receive(database, "e1", 5)
        assert await now(database) == before
        assert len(await messages(database)) == 1

    async def test_a_redelivered_event_opens_no_conversation(self, database: Database) -> None:
        await receive(database, "e1", 0)
        with pytest.raises(store.Duplicate):
            await receive(database, "e1", 5, OTHER)
        assert await database.read(store.find, OTHER) is None

    async def test_two_companies_may_have_events_of_the_same_id(self, database: Database) -> None:
        await database.write(store.add_company, "other", "Other", 0.0)
        await receive(database, "e1", 0)
        await receive(database, "e1", 0, Chat("other", "web", "visitor-1"))

    async def test_an_unknown_company_is_refused(self, database: Database) -> None:
        with pytest.raises(UsageError, match="no company 'nobody'"):
            await receive(database, "e1", 0, Chat("nobody", "web", "visitor-1"))

    async def test_a_conversation_is_not_found_under_another_company(self, database: Database) -> None:
        await receive(database, "e1", 0)
        assert await database.read(store.get, "other", (await now(database)).id) is None

    async def test_messages_that_come_at_once_are_all_counted(self, database: Database) -> None:
        await asyncio.gather(*(receive(database, f"e{number}", 0) for number in range(40)))
        assert [message.seq for message in await messages(database)] == list(range(1, 41))
        assert (await now(database)).asked == 40


class TestBursts:
    async def test_a_message_is_due_after_the_quiet_time(self, database: Database) -> None:
        await receive(database, "e1", 10)
        assert await claim(database, 10.9) == []
        assert len(await claim(database, 11)) == 1

    async def test_each_further_message_begins_the_quiet_time_anew(self, database: Database) -> None:
        await receive(database, "e1", 10)
        await receive(database, "e2", 10.5)
        assert (await now(database)).due == 11.5

    async def test_a_burst_has_an_end(self, database: Database) -> None:
        for number in range(10):
            await receive(database, f"e{number}", 10 + number / 2)
        assert (await now(database)).due == 13

    async def test_a_command_has_no_quiet_time(self, database: Database) -> None:
        await receive(database, "e1", 10, kind=Kind.COMMAND)
        assert (await now(database)).due == 10

    async def test_an_edit_of_an_answered_message_asks_nothing(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        after = await conclude(database, leased, 2.0)
        await database.write(work.release, after, 0, 2.0)
        await receive(database, "e2", 3, kind=Kind.EDIT, ref="m1")
        assert (await now(database)).due is None

    async def test_feedback_asks_nothing_and_is_on_record(self, database: Database) -> None:
        await receive(database, "e1", 0, kind=Kind.FEEDBACK, text="helpful", ref="c:3")
        conversation = await now(database)
        trail = await database.read(store.trail, "acme", conversation.id)
        assert conversation.due is None
        assert (trail[-1].kind, trail[-1].data) == ("feedback", {"text": "helpful", "ref": "c:3"})


class TestLeases:
    async def test_the_longest_due_comes_first(self, database: Database) -> None:
        await receive(database, "e1", 5, OTHER)
        await receive(database, "e2", 0, CHAT)
        assert [one.chat for one in await claim(database, 20, limit=1)] == [CHAT]

    async def test_a_worker_gets_conversations_of_its_channels_only(self, database: Database) -> None:
        await receive(database, "e1", 0, Chat("acme", "telegram", "5"))
        assert await claim(database, 20) == []

    async def test_a_worker_gets_conversations_of_its_companies_only(self, database: Database) -> None:
        await database.write(store.add_company, "other", "Other", 0.0)
        await receive(database, "e1", 0, Chat("other", "web", "visitor-1"))
        assert await claim(database, 20) == []

    async def test_a_worker_is_told_when_there_is_more(self, database: Database) -> None:
        await receive(database, "e1", 10)
        claimed = await database.write(work.claim, "w1", 5, [CHAT.line], 10.2, 99.0)
        assert (claimed.conversations, claimed.next_due) == ([], 11)

    async def test_what_is_leased_is_nobody_elses(self, database: Database) -> None:
        await asked_and_claimed(database)
        assert await claim(database, 2, "w2") == []

    async def test_claims_at_the_same_time_share_out_the_work(self, database: Database) -> None:
        for number in range(20):
            await receive(database, f"e{number}", 0, Chat("acme", "web", f"v{number}"))
        claims = await asyncio.gather(*(claim(database, 2, f"w{number}", limit=5) for number in range(4)))
        taken = [one.id for claimed in claims for one in claimed]
        assert len(taken) == len(set(taken))

    async def test_a_dead_workers_conversation_is_taken_over(self, database: Database) -> None:
        await asked_and_claimed(database)
        (taken,) = await claim(database, 1 + LEASE, "w2")
        assert (taken.lease, taken.deaths) == ("w2", 1)

    async def test_a_renewed_lease_runs_on(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await database.write(work.renew, [leased], 99.0)
        assert await claim(database, 50, "w2") == []

    async def test_renewing_tells_which_leases_are_lost(self, database: Database) -> None:
        leased = await asked_and_claimed(database)
        await claim(database, 50, "w2")
        assert await database.write(work.renew, [leased], 99.0) == []
