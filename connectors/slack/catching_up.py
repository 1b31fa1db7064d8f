"""After an outage: what people wrote in open threads meanwhile is read from Slack's history, and stored once."""

import logging
import time
from collections.abc import Callable

from bot.storage import errands as store
from connectors.slack.calling import Me
from connectors.slack.cockpit import Desk
from connectors.slack.events import Place, message_errand
from connectors.slack.threads import posted_since
from connectors.slack.troubles import Failures, code, explain, safe

log = logging.getLogger(__name__)

LOOK_BACK = 24 * 3600.0
"""Seconds: well within the time for which it is remembered what was carried out."""


async def catch_up(desk: Desk, me: Me, channel: str, now: Callable[[], float] = time.time) -> int:
    """Store the messages of open threads that never came as events; returns how many there were.

    Raises `StoreUnavailable`.
    """
    missed = 0
    for thread in await desk.database.read(store.open_threads, desk.company):
        place = Place.of(thread)
        try:
            messages = await posted_since(desk.clients.waiting, place, now() - LOOK_BACK)
        except Failures as error:
            log.warning("a thread of Slack can't be caught up: %s", explain(error) if code(error) else safe(error))
            continue
        for message in messages:
            errand = message_errand({**message, "channel": place.channel}, desk.company, me, channel)
            missed += bool(errand and await desk.database.write(store.put, errand, now()))
    if missed:
        log.info("Slack: %d messages were missed, and are caught up", missed)
    return missed
