import asyncio
from contextlib import asynccontextmanager

import pytest

from llm.admission import Admission
from llm.errors import ModelUnavailable

HOUR = 3600.0


def by(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@asynccontextmanager
async def held(admission: Admission, by: float):
    """A place, held by another task until the block ends."""
    inside, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with admission.admitted(by):
            inside.set()
            await done.wait()

    task = asyncio.create_task(hold())
    await inside.wait()
    try:
        yield
    finally:
        done.set()
        await task


async def queued(admission: Admission, count: int) -> None:
    while admission.waiting < count:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)


async def test_as_many_are_let_in_as_there_are_places():
    admission = Admission(lambda: 2)
    async with held(admission, by(HOUR)), held(admission, by(HOUR)):
        assert (admission.running, admission.waiting) == (2, 0)
    assert admission.running == 0


async def test_who_waits_is_let_in_when_a_place_is_free_in_the_order_they_came():
    admission, order = Admission(lambda: 1), []

    async def wait(name: str) -> None:
        async with admission.admitted(by(HOUR)):
            order.append(name)

    async with held(admission, by(HOUR)):
        tasks = []
        for number, name in enumerate("abc", 1):
            tasks.append(asyncio.create_task(wait(name)))
            await queued(admission, number)
    await asyncio.gather(*tasks)
    assert order == ["a", "b", "c"]


async def test_one_company_with_a_rush_leaves_every_other_place_to_the_others():
    admission, order = Admission(lambda: 1), []

    async def wait(party: str) -> None:
        async with admission.admitted(by(HOUR), party):
            order.append(party)

    async with held(admission, by(HOUR)):
        tasks = []
        for number, party in enumerate("aaaabb", 1):
            tasks.append(asyncio.create_task(wait(party)))
            await queued(admission, number)
    await asyncio.gather(*tasks)
    assert order == ["a", "b", "a", "b", "a", "a"]


async def test_who_waits_behind_another_companys_rush_is_not_sent_away_for_it():
    admission = Admission(lambda: 1)
    async with held(admission, by(HOUR)):
        await asyncio.sleep(0.02)  # an answer takes this long, or more
    async with held(admission, by(HOUR)):
        rush = [asyncio.create_task(_pass(admission, "a")) for _ in range(500)]
        await queued(admission, 500)
        with pytest.raises(ModelUnavailable):
            await _pass(admission, "a", by(5))
        other = asyncio.create_task(_pass(admission, "b", by(5)))
        await queued(admission, 501)
    await other
    assert not all(task.done() for task in rush)
    await asyncio.gather(*rush)


async def test_nobody_overtakes_who_waits():
    places = 1
    admission = Admission(lambda: places)
    async with held(admission, by(HOUR)):
        first = asyncio.create_task(_pass(admission))
        await queued(admission, 1)
        places = 2
        second = asyncio.create_task(_pass(admission))
        await queued(admission, 2)
    await asyncio.gather(first, second)


async def _pass(admission: Admission, party: str = "", until: float | None = None) -> None:
    async with admission.admitted(until or by(HOUR), party):
        pass


async def test_a_place_that_comes_too_late_is_no_place():
    admission = Admission(lambda: 1)
    async with held(admission, by(HOUR)):
        with pytest.raises(ModelUnavailable, match="No place became free"):
            async with admission.admitted(by(0.01)):
                pass
        assert admission.waiting == 0


async def test_who_would_wait_too_long_is_sent_away_at_once():
    admission = Admission(lambda: 1)
    async with admission.admitted(by(HOUR)):
        await asyncio.sleep(0.2)  # what an answer takes, from now on
    async with held(admission, by(HOUR)):
        waits = asyncio.create_task(_pass(admission))
        await queued(admission, 1)
        with pytest.raises(ModelUnavailable, match="1 answers are being written and 1 wait"):
            async with admission.admitted(by(0.3)):
                pass
    await waits


async def test_who_gives_up_leaves_no_gap():
    admission = Admission(lambda: 1)
    async with held(admission, by(HOUR)):
        waits = asyncio.create_task(_pass(admission))
        await queued(admission, 1)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
    assert (admission.running, admission.waiting) == (0, 0)
    await _pass(admission)


async def test_who_gives_up_as_the_place_comes_gives_it_back():
    admission = Admission(lambda: 1)
    async with held(admission, by(HOUR)):
        waits = asyncio.create_task(_pass(admission))
        await queued(admission, 1)
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    assert admission.running == 0


async def test_a_failure_gives_its_place_back():
    admission = Admission(lambda: 1)
    with pytest.raises(ZeroDivisionError):
        async with admission.admitted(by(HOUR)):
            raise ZeroDivisionError
    assert admission.running == 0
