"""Calls to Slack's Web API: the clients, who the bot is there, and who somebody of the staff is."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, ClientTimeout
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import SlackSettings
from bot.storage import accounts
from connectors.notices import Notices
from connectors.slack.troubles import Failures, code, explain, retry_after
from llm.errors import SettingsError
from retrieval.database import Database

CALL_SECONDS = 20.0
KNOWN_SECONDS = 600.0
"""For so long it is believed who somebody is."""
REFUSED = ("invalid_auth", "not_authed", "token_revoked", "account_inactive", "not_allowed_token_type", "token_expired")
QUIET = logging.getLogger("slack_sdk.answerdesk")
"""The SDK's own log: at its finer levels it would write down what people say."""
QUIET.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Me:
    """The bot in its workspace."""

    team: str
    enterprise: str
    user: str
    bot: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in Slack."""

    user: str
    """Slack's id of them."""
    id: str
    """Who they are to the desk: the linked account, else `slack:` and the user."""
    name: str
    """As customers read it."""
    staff: bool
    """A full member of the workspace: neither a guest, nor of another company, nor an app."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Ways to call the Web API. None sends again what may have arrived."""

    waiting: AsyncWebClient
    """Waits when Slack asks to, a moment: for what somebody looks at."""
    plain: AsyncWebClient
    """Tells who calls that Slack asks to wait: for what is in a queue anyway."""
    session: ClientSession
    token: str


@asynccontextmanager
async def open_clients(settings: SlackSettings) -> AsyncIterator[Clients]:
    """The clients of one app. Raises `SettingsError` without a token."""
    if settings.token is None:
        raise SettingsError("There is no Slack token: give one by ANSWERDESK_SLACK_TOKEN.")
    token = settings.token.get_secret_value()
    if not token.isascii() or not token.startswith("xox"):
        raise SettingsError("ANSWERDESK_SLACK_TOKEN is no bot token: Slack writes them as xoxb-...")
    async with ClientSession(timeout=ClientTimeout(total=CALL_SECONDS)) as session:

        def client(**more: Any) -> AsyncWebClient:
            base = f"{str(settings.api_base).rstrip('/')}/"
            return AsyncWebClient(
                token, base_url=base, timeout=int(CALL_SECONDS), session=session, logger=QUIET, **more
            )

        patient = AsyncRateLimitErrorRetryHandler(max_retry_count=2)
        yield Clients(client(retry_handlers=[patient]), client(retry_handlers=[]), session, token)


async def who_am_i(client: AsyncWebClient) -> Me:
    """Ask who the token's bot is. Raises what failed calls raise."""
    found = await client.auth_test()
    return Me(
        str(found["team_id"]), str(found["enterprise_id"] or ""), str(found["user_id"]), str(found["bot_id"] or "")
    )


async def insist(call: Callable[[], Awaitable[Any]], what: str, stopping: asyncio.Event, *, app: bool = False) -> Any:
    """Try until it works; None if stopped before."""
    notices, wait = Notices(what), 1.0
    while not stopping.is_set():
        try:
            result = await call()
        except Failures as error:
            notices.trouble(explain(error, app=app))
            wait = 60.0 if code(error) in REFUSED else retry_after(error) if "limited" in code(error) else wait
            await pause(stopping, wait)
            wait = min(wait * 2, 30.0)
        else:
            notices.fine()
            return result
    return None


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, but not when stopped."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


class People:
    """Who somebody is, asked of Slack now and then."""

    def __init__(
        self, client: AsyncWebClient, company: str, database: Database, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._company = company
        self._database = database
        self._now = now
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}

    async def get(self, user: str) -> Person:
        """The person behind a user of Slack. Raises what failed calls raise, and `StoreUnavailable`."""
        described = await self._describe(user)
        account = await self._database.read(accounts.find_by_slack, self._company, user)
        profile = described.get("profile") or {}
        names = (profile.get("display_name"), profile.get("real_name"), described.get("name"), user)
        name = account.name if account and account.name else next(str(each) for each in names if each)
        return Person(user, account.id if account else f"slack:{user}", name, _is_staff(described))

    async def id_of(self, user: str) -> str:
        """Who a user is to the desk; without asking Slack."""
        account = await self._database.read(accounts.find_by_slack, self._company, user)
        return account.id if account else f"slack:{user}"

    async def name_of(self, user: str) -> str:
        """What to call somebody who is mentioned; empty if that can't be found out."""
        try:
            return (await self.get(user)).name
        except Failures:
            return ""

    async def _describe(self, user: str) -> dict[str, Any]:
        asked, described = self._known.get(user, (0.0, {}))
        if not described or self._now() - asked > KNOWN_SECONDS:
            described = (await self._client.users_info(user=user))["user"] or {}
            self._known = {} if len(self._known) > 10_000 else self._known
            self._known[user] = (self._now(), described)
        return described


def _is_staff(described: dict[str, Any]) -> bool:
    others = (
        "deleted",
        "is_bot",
        "is_app_user",
        "is_restricted",
        "is_ultra_restricted",
        "is_stranger",
        "is_workflow_bot",
    )
    return bool(described) and not any(described.get(each) for each in others)
