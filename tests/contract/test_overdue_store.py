"""Customers whom the bot has left unanswered for too long are handed over, whoever has the lease."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.conversation import Change, Conversation, Message, Reply
from bot.domain import Author, Owner, Reason
from bot.errors import Fenced
from bot.handoffs.cases import Cases
from bot.handoffs.handoff import claimed
from bot.replying import parked
from bot.storage import handoffs, overdue, work
from retrieval.database import Database
from tests.contract.conversing import ANSWER, CHAT, OTHER, asked_and_claimed, claim, conclude, now, receive, sent


def park(conversation: Conversation, said: Sequence[Message]) -> Change:
    return parked(conversation, said, "nobody has answered in time")


async def hand_over(database: Database, at: float, since: float = -30.0) -> int:
    return await database.write(overdue.hand_over, ["acme"], since, at - 28.5, "clock", at, park)


async def some(database: Database, at: float, since: float = -30.0) -> bool:
    return await database.read(overdue.some, ["acme"], since, at - 28.5)


async def test_a_person_is_called_though_a_worker_has_the_lease(database: Database) -> None:
    await asked_and_claimed(database)
    assert await some(database, 29)
    assert await hand_over(database, 29) == 1
    assert (await now(database)).owner is Owner.WAITING
    (case,) = await Cases(database).queue("acme")
    assert case.reason == Reason.FAILED


async def test_the_worker_that_had_it_can_store_nothing_more(database: Database) -> None:
    leased = await asked_and_claimed(database)
    await hand_over(database, 29)
    with pytest.raises(Fenced):
        await conclude(database, leased, 30.0, ANSWER)


async def test_the_customer_is_told_by_the_next_worker(database: Database) -> None:
    await asked_and_claimed(database)
    await hand_over(database, 29)
    (leased,) = await claim(database, 29, "w2")
    (message,) = (await database.read(work.outbox, leased))[1]
    assert (message.author, message.reason) == (Author.NOTICE, Reason.FAILED)


async def test_who_has_not_waited_for_so_long_is_left_to_the_workers(database: Database) -> None:
    await asked_and_claimed(database)
    assert not await some(database, 28)
    assert await hand_over(database, 28) == 0


async def test_what_was_asked_before_the_service_began_is_left_to_the_workers(database: Database) -> None:
    await asked_and_claimed(database)
    assert not await some(database, 100, since=70)


async def test_the_oldest_open_question_counts_also_if_it_came_during_a_turn(database: Database) -> None:
    leased = await asked_and_claimed(database)
    await receive(database, "e2", 5)
    await sent(database, await conclude(database, leased, 20.0, ANSWER), 3)
    assert not await some(database, 33)
    assert await some(database, 34)


@pytest.mark.parametrize("owner", [Owner.WAITING, Owner.HUMAN])
async def test_who_has_been_handed_over_already_is_not_handed_over_again(database: Database, owner: Owner) -> None:
    leased = await asked_and_claimed(database)
    await database.write(work.conclude, leased, Change(leased.asked, owner=Owner.WAITING), 2.0)
    if owner is Owner.HUMAN:
        await database.write(handoffs.move, ("acme", leased.id), claimed, handoffs.Person("ann"), (), 3.0)
    await receive(database, "e2", 5)
    assert not await some(database, 60)


async def test_a_message_on_its_way_keeps_its_lease_until_it_has_arrived(database: Database) -> None:
    leased = await asked_and_claimed(database)
    await receive(database, "e2", 2)
    after = await conclude(database, leased, 29.0, ANSWER)
    await database.write(work.renew, [after], 40.0)
    await hand_over(database, 31)
    found = await now(database)
    assert (found.owner, found.lease, found.sending) == (Owner.WAITING, leased.lease, after.sending)
    await sent(database, after, after.last)
    with pytest.raises(Fenced):
        await conclude(database, after, 32.0, Reply("late"))


async def test_of_two_clocks_one_hands_over(database: Database) -> None:
    for chat in (CHAT, OTHER):
        await receive(database, f"e-{chat.address}", 0, chat)
    done = await asyncio.gather(hand_over(database, 29), hand_over(database, 29), hand_over(database, 29))
    assert sum(done) == 2
    assert len(await Cases(database).queue("acme")) == 2
