"""How much is to be done, as metrics tell it: on both databases."""

from bot.conversation import Change, Opening, Pace, Reply
from bot.domain import Chat, Owner, Reason
from bot.ports import Inbound
from bot.storage import work
from bot.storage.conversations import receive
from bot.storage.standing import Standing, standings
from retrieval.database import Database

PACE = Pace(quiet=1.0)


async def asked(database: Database, address: str, now: float) -> None:
    chat = Chat("acme", "web", address)
    await database.write(receive, Inbound(f"{address} at {now}", chat, text="Where?"), PACE, now)


async def test_a_company_that_nobody_wrote_to_has_nothing_to_do(database: Database) -> None:
    assert await database.read(standings, ["acme"], 0.0) == {"acme": Standing()}


async def test_a_conversation_is_due_once_its_burst_has_ended(database: Database) -> None:
    await asked(database, "one", 100.0)
    await asked(database, "two", 103.0)
    assert await database.read(standings, ["acme"], 100.5) == {"acme": Standing()}
    assert await database.read(standings, ["acme"], 103.5) == {"acme": Standing(due=1, oldest_due=2.5)}


async def test_one_that_a_worker_holds_is_due_again_when_its_lease_has_run_out(database: Database) -> None:
    await asked(database, "one", 100.0)
    await database.write(work.claim, "me.1", 9, [("acme", "web")], 102.0, 110.0)
    assert await database.read(standings, ["acme"], 103.0) == {"acme": Standing(held=1)}
    assert await database.read(standings, ["acme"], 112.0) == {"acme": Standing(due=1, oldest_due=2.0)}


async def test_a_case_waits_until_somebody_claims_it(database: Database) -> None:
    await asked(database, "one", 100.0)
    claimed = await database.write(work.claim, "me.1", 9, [("acme", "web")], 102.0, 110.0)
    (held,) = claimed.conversations
    change = Change(1, [Reply("Soon.")], Owner.WAITING, handoff=Opening(Reason.UNSURE))
    await database.write(work.conclude, held, change, 103.0)
    found = await database.read(standings, ["acme"], 108.0)
    assert (found["acme"].waiting, found["acme"].oldest_waiting, found["acme"].claimed) == (1, 5.0, 0)


async def test_other_companies_are_not_told_of(database: Database) -> None:
    await asked(database, "one", 100.0)
    assert await database.read(standings, [], 200.0) == {}
