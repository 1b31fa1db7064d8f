"""A task that wants to run all the time, and notes what else its thread does meanwhile."""

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator


@contextlib.contextmanager
def ticking() -> Iterator[list[float]]:
    """The seconds that the event loop's thread worked from one turn of the task to the next.

    Its own work, not the clock: on a busy machine the clock also says how long other programs ran.
    """
    gaps: list[float] = []

    async def tick() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.005)
            now = time.thread_time()
            gaps.append(now - last)
            last = now

    # A service freezes what it is made of (connectors/main.py); here that is the test runner's own, which is more.
    gc.freeze()
    task = asyncio.create_task(tick())
    try:
        yield gaps
    finally:
        task.cancel()
        gc.unfreeze()
