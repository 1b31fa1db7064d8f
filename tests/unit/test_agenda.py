"""When a loop looks for work again."""

import asyncio

from bot.agenda import Agenda


async def waits(agenda: Agenda, *, free: bool = True) -> "asyncio.Task[None]":
    """A loop that waits, once it does."""
    task = asyncio.create_task(agenda.wait(lambda: free))
    await asyncio.sleep(0)
    return task


async def test_work_that_is_due_is_not_waited_for() -> None:
    agenda = Agenda(lambda: 10.0, poll=1000.0)
    agenda.looking()
    agenda.due(10.0)
    await asyncio.wait_for(agenda.wait(lambda: True), 20)


async def test_news_ends_the_waiting() -> None:
    agenda = Agenda(lambda: 10.0, poll=1000.0)
    agenda.looking()
    waiting = await waits(agenda)
    agenda.due()
    await asyncio.wait_for(waiting, 20)


async def test_work_is_looked_for_after_a_while_in_any_case_also_by_a_clock_that_stands() -> None:
    agenda = Agenda(lambda: 10.0, poll=0.01)
    agenda.looking()
    await asyncio.wait_for(agenda.wait(lambda: True), 20)


async def test_without_a_free_hand_it_waits_for_one() -> None:
    agenda, hands = Agenda(lambda: 10.0, poll=0.0), [False]
    waiting = asyncio.create_task(agenda.wait(lambda: hands[0]))
    await asyncio.sleep(0)
    assert not waiting.done()
    hands[0] = True
    agenda.freed()
    await asyncio.wait_for(waiting, 20)


async def test_stopping_ends_the_waiting() -> None:
    agenda = Agenda(lambda: 10.0, poll=1000.0)
    agenda.looking()
    waiting = await waits(agenda, free=False)
    agenda.stop()
    await asyncio.wait_for(waiting, 20)
