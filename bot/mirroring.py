"""Keeps the threads of a staff channel, such as Slack's, in step with the cases: durable, ordered, once."""

import time
from collections.abc import Callable, Mapping

from bot.ports import StaffChannel
from retrieval.database import Database


class Mirror:
    """Opens a thread for each case, posts what happens, and redraws the card. Any number of processes may run one."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, StaffChannel],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`channels`: by company."""
        self._database = database
        self._channels = channels
        self._now = now

    async def run(self) -> None:
        """Work until `stop`; then finish what was begun."""
        raise NotImplementedError

    async def stop(self, drain: float = 10.0) -> None:
        """Begin nothing more; what still runs after `drain` seconds is broken off, and free for other processes."""
        raise NotImplementedError
