"""What staff did is stored once, and carried out once, in order in each lane."""

import asyncio

import pytest

from bot.errors import Fenced
from bot.storage import errands as store
from bot.storage.errands import Errand
from retrieval.database import Database


def errand(number: int, lane: str = "thread", at: float | None = None) -> Errand:
    return Errand("acme", f"e{number}", lane, float(number) if at is None else at, "message", {"text": str(number)})


async def put(database: Database, *errands: Errand) -> list[bool]:
    return [await database.write(store.put, each, 100.0) for each in errands]


async def claim(database: Database, lease: str = "me", now: float = 100.0, limit: int = 10) -> list[Errand]:
    claimed = await database.write(store.claim, lease, limit, ["acme"], now, now + 15.0)
    return list(claimed.errands)


async def test_the_same_event_is_stored_once(database: Database) -> None:
    assert await put(database, errand(1), errand(1)) == [True, False]


async def test_what_is_done_is_not_stored_again(database: Database) -> None:
    await put(database, errand(1))
    [held] = await claim(database)
    await database.write(store.finish, held)
    assert await put(database, errand(1)) == [False]
    assert await claim(database, now=1e6) == []


async def test_a_lane_is_carried_out_one_after_the_other_in_the_order_in_which_it_happened(database: Database) -> None:
    await put(database, errand(2), errand(1), errand(3))
    done = []
    while held := await claim(database):
        assert len(held) == 1
        assert await claim(database, "another") == []
        done.append(held[0].id)
        await database.write(store.finish, held[0])
    assert done == ["e1", "e2", "e3"]


async def test_lanes_do_not_wait_for_each_other(database: Database) -> None:
    await put(database, *(errand(number, lane=f"t{number}") for number in range(5)))
    assert len(await claim(database)) == 5


async def test_what_is_put_off_keeps_its_place(database: Database) -> None:
    await put(database, errand(1), errand(2))
    [held] = await claim(database)
    await database.write(store.put_off, held, 130.0)
    assert await claim(database, now=120.0) == []
    [again] = await claim(database, now=131.0)
    assert (again.id, again.attempts) == ("e1", 2)


async def test_a_dead_process_loses_its_errands(database: Database) -> None:
    await put(database, errand(1))
    [dead] = await claim(database, "dead")
    [held] = await claim(database, "alive", now=116.0)
    assert held.id == dead.id
    with pytest.raises(Fenced):
        await database.write(store.finish, dead)
    assert await database.write(store.renew, [dead, held], 200.0) == ["e1"]


async def test_what_was_begun_is_told_to_the_next_attempt(database: Database) -> None:
    await put(database, errand(1))
    [held] = await claim(database)
    await database.write(store.begun, held, "C1:17.5")
    [again] = await claim(database, "other", now=116.0)
    assert again.ref == "C1:17.5"


async def test_many_processes_get_each_errand_once(database: Database) -> None:
    await put(database, *(errand(number, lane=f"t{number % 7}") for number in range(28)))
    done: list[str] = []

    async def work(name: str) -> None:
        idle = 0
        while idle < 5:
            held = await claim(database, name, limit=2)
            idle = 0 if held else idle + 1
            for each in held:
                done.append(each.id)
                await database.write(store.finish, each)

    await asyncio.gather(*(work(f"w{number}") for number in range(4)))
    await work("last")
    assert sorted(done) == sorted(f"e{number}" for number in range(28))


async def test_what_is_done_is_forgotten_in_the_end_and_what_is_not_is_kept(database: Database) -> None:
    await put(database, errand(1, "a", at=1.0), errand(2, "b", at=1.0))
    held = await claim(database, limit=1)
    await database.write(store.finish, held[0])
    assert await database.write(store.forget, 2.0) == 0
    assert await database.write(store.forget, 2.0 + store.KEPT) == 1
    assert len(await claim(database, now=1e9)) == 1


async def test_an_answer_can_be_judged(database: Database) -> None:
    await put(database, errand(1))
    [held] = await claim(database)
    await database.write(store.asked, held, "slack:U1", "How long?", "answered")
    assert await database.read(store.judgements, "acme") == {"e1": None}
    assert await database.write(store.judge, "acme", "e1", helpful=True)
    assert await database.read(store.judgements, "acme") == {"e1": True}
    assert not await database.write(store.judge, "acme", "e2", helpful=True)


async def test_odd_characters_are_left_out_of_an_errand(database: Database) -> None:
    odd = Errand("acme", "e\0", "lane\ud800", 1.0, "message", {"text": "a\0b", "values": {"x\0": ["\udfff", 1, None]}})
    await database.write(store.put, odd, 1.0)
    (kept,) = (await database.write(store.claim, "w1", 1, ["acme"], 2.0, 3.0)).errands
    assert (kept.id, kept.lane, kept.body) == ("e", "lane?", {"text": "ab", "values": {"x": ["?", 1, None]}})
