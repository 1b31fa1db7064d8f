"""Keeps vLLM running: starts it again when it ends or no longer answers."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping

import httpx

from llm.errors import AnswerdeskError
from llm.serving import Command

log = logging.getLogger(__name__)

STARTING = 1200.0
"""Seconds: loading and compiling a large model takes minutes."""
DEAF = 60.0
"""Seconds without a healthy answer after which a running server is started anew."""
LOOK = 2.0
"""Seconds between two looks."""
STOPPING = 30.0
MOST_DEATHS = 5
"""Starts in a row that never came up after which it is given up."""


async def supervise(how: Command, secrets: Mapping[str, str], up: Callable[[], None], stopping: asyncio.Event) -> None:
    """Keep the server running until `stopping` is set; `up` is called whenever it has come up.

    Raises AnswerdeskError when it can't be started at all, or never comes up.
    """
    deaths = 0
    while not stopping.is_set():
        process = await _start(how, secrets)
        try:
            came_up = await _watch(how, process, up, stopping)
        finally:
            await _end(process)
        deaths = 0 if came_up else deaths + 1
        if stopping.is_set():
            return
        if deaths >= MOST_DEATHS:
            raise AnswerdeskError(
                f"vLLM ended {deaths} times before it came up (last with code {process.returncode}): what it wrote "
                "above says why. --print shows the command, to try it by hand."
            )
        log.warning("vLLM ended with code %s; it is started again", process.returncode)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), 2.0**deaths)


async def _start(how: Command, secrets: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *how.arguments,
            env={**os.environ, **how.variables, **secrets},
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # its engine's processes are ended with it
        )
    except OSError as error:
        raise AnswerdeskError(f"{how.arguments[0]} can't be started ({error.strerror}): see --python.") from None


async def _watch(
    how: Command, process: asyncio.subprocess.Process, up: Callable[[], None], stopping: asyncio.Event
) -> bool:
    """Return whether it came up, once it has ended, has gone deaf, or should stop."""
    came_up, patience = False, time.monotonic() + STARTING
    ended = asyncio.create_task(process.wait())
    stop = asyncio.create_task(stopping.wait())
    async with httpx.AsyncClient(timeout=DEAF / 6, trust_env=False) as client:
        while time.monotonic() < patience:
            done, _ = await asyncio.wait((ended, stop), timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
            if await _is_well(client, how.health):
                patience = time.monotonic() + DEAF
                if not came_up:
                    up()
                came_up = True
        else:
            log.warning("vLLM doesn't answer at %s", how.health)
    for task in (ended, stop):
        task.cancel()
    await asyncio.gather(ended, stop, return_exceptions=True)
    return came_up


async def _is_well(client: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(address)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it and what it started: an engine whose server was killed would keep the memory."""
    if process.returncode is None:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOPPING)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
