"""A task that wants to run all the time, and notes how long it was kept from it."""

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator


@contextlib.contextmanager
def ticking() -> Iterator[list[float]]:
    """The seconds that the event loop took from one turn of the task to the next."""
    gaps: list[float] = []

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.005)
            now = time.perf_counter()
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
