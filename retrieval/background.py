"""Work that gives way to questions: on a thread of low priority, a little at a time."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

NICENESS = 10


def _give_way() -> None:
    """On Linux, each thread has a niceness of its own, which threads that it starts inherit."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


_thread = ThreadPoolExecutor(1, "background", _give_way)


async def in_background(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `asyncio.to_thread` does, after all else that is in the background, and at low priority."""
    return await asyncio.wrap_future(_thread.submit(function, *args, **kwargs))
