"""The Slack apps of all companies that have one, and what keeps their threads in step with the cases."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter

from bot.domain import Line
from bot.handoffs.mirroring import Mirror
from bot.ports import Connector
from bot.settings import Company, Settings
from llm.errors import SettingsError
from retrieval.database import Database

if TYPE_CHECKING:
    from connectors.slack.connector import SlackDesk


class Slacks:
    """Runs them."""

    def __init__(self, desks: "Mapping[str, SlackDesk]", database: Database) -> None:
        """`desks`: by company."""
        self._desks = desks
        self._mirror = Mirror(database, {company: desk.threads for company, desk in desks.items()})

    async def start(self) -> None:
        """Begin to listen. Raises `SettingsError`."""
        for desk in self._desks.values():
            await desk.start()

    async def run(self) -> None:
        """Keep the threads in step, until `stop`."""
        if self._desks:
            await self._mirror.run()

    async def stop(self, drain: float) -> None:
        """Listen no more, and finish what was begun."""
        await asyncio.gather(*(desk.stop(drain) for desk in self._desks.values()), self._mirror.stop(drain))

    def routers(self) -> Sequence[APIRouter]:
        """Where Slack delivers events to, for companies that have it so."""
        if not self._desks:
            return ()
        from connectors.slack.webhook import webhook_router

        return [webhook_router(desk) for desk in self._desks.values() if desk.delivered]


def with_slack(settings: Settings) -> Sequence[Company]:
    """The companies that have an app."""
    return [company for company in settings.served if company.slack.token]


@asynccontextmanager
async def open_slacks(
    settings: Settings, database: Database, connectors: Mapping[Line, Connector], *, wanted: bool
) -> AsyncIterator[Slacks]:
    """The apps in the settings, not listening yet; none unless `wanted`: importing what they take costs 0.5 s.

    `connectors` have the customers' files. Raises `SettingsError`.
    """
    if not wanted:
        yield Slacks({}, database)
        return
    if not with_slack(settings):
        raise SettingsError("There is no Slack token: give one by ANSWERDESK_SLACK_TOKEN.")
    from connectors.slack.connector import open_slack

    async with AsyncExitStack() as stack:
        desks = {
            each.id: await stack.enter_async_context(
                open_slack(each.id, each.slack, each.handoff, database, connectors)
            )
            for each in with_slack(settings)
        }
        yield Slacks(desks, database)
