"""One company's app in Slack: it listens, keeps the threads of cases, and carries out what staff do."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qsl

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncBoltRequest
from slack_sdk.errors import SlackApiError

from bot.domain import Line
from bot.handoffs.cases import Cases
from bot.handoffs.consulting import Consulting
from bot.handoffs.handoff import Handoffs
from bot.ports import Connector
from bot.sections import HandoffSettings, SlackSettings
from bot.storage.errands import Errand
from connectors.slack.asking import Asking
from connectors.slack.calling import REFUSED, Clients, Me, People, insist, open_clients, who_am_i
from connectors.slack.catching_up import catch_up
from connectors.slack.cockpit import Cockpit, Desk
from connectors.slack.events import PRESS
from connectors.slack.receiving import Receiver
from connectors.slack.socket import Socket
from connectors.slack.threads import Threads
from connectors.slack.troubles import Failures, code, explain
from connectors.slack.working import Errands
from llm.errors import SettingsError
from retrieval.database import Database
from retrieval.errors import StoreUnavailable

log = logging.getLogger(__name__)

MB = 1024 * 1024
CATCH_UP_SECONDS = 300.0
"""With mode http, nobody says when deliveries were missed: it is looked now and then."""


class SlackDesk:
    """Where a company's staff work in Slack."""

    def __init__(
        self,
        company: str,
        settings: SlackSettings,
        handoff: HandoffSettings,
        database: Database,
        clients: Clients,
        connectors: Mapping[Line, Connector],
    ) -> None:
        largest = int(handoff.max_file_mb * MB)
        self._settings = settings
        self._company = company
        self._clients = clients
        self._stopping = asyncio.Event()
        self._receiver: Receiver | None = None
        self._socket: Socket | None = None
        self._me: Me | None = None
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._desk = Desk(
            company,
            database,
            clients,
            People(clients.waiting, company, database),
            Handoffs(database, rules={company: handoff}),
            Cases(database),
            Consulting(database),
            handoff.relay == "direct",
            largest,
        )
        self.threads = Threads(clients.plain, settings.channel, connectors, largest, database)
        """The `bot.ports.StaffChannel`."""
        self._cockpit, self._asking = Cockpit(self._desk), Asking(self._desk, self._who)
        does = {**self._cockpit.does, **self._asking.does, PRESS: self._press}
        self._errands = Errands(database, company, clients, does)

    async def start(self) -> None:
        """Begin to listen and to work. Raises `SettingsError` when Slack refuses the token."""
        try:
            self._me = await who_am_i(self._clients.waiting)
        except SlackApiError as error:
            if code(error) in REFUSED:
                raise SettingsError(explain(error)) from None
            log.warning("Slack begins later: %s", explain(error))
        except Failures as error:
            log.warning("Slack begins later: %s", explain(error))
        self._tasks = (
            asyncio.create_task(self._listen(), name=f"slack {self._company}"),
            asyncio.create_task(self._errands.run(), name=f"slack errands {self._company}"),
        )

    async def stop(self, drain: float = 10.0) -> None:
        """Listen no more, and finish what was begun. What came is stored and acknowledged first."""
        self._stopping.set()
        if self._socket:
            self._socket.stop()
        await self._errands.stop(drain)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = ()
        self._receiver = None

    async def take(self, body: bytes, headers: Mapping[str, str]) -> BoltResponse:
        """Take in a request that came over HTTP."""
        if self._receiver is None:
            return BoltResponse(status=503, body="")
        told = {name.lower(): value for name, value in headers.items()}
        stamp, signature = told.get("x-slack-request-timestamp", ""), told.get("x-slack-signature", "")
        if not (stamp.isascii() and stamp.isdecimal() and signature.isascii()):
            return BoltResponse(status=401, body="")  # Bolt's verification breaks over these
        try:
            request = AsyncBoltRequest(body=body.decode(), headers=dict(headers))
            if not request.body:  # Bolt takes a command with the word "payload" in it for something else
                request.body = dict(parse_qsl(body.decode()))
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            return BoltResponse(status=400, body="")
        return await self._receiver.dispatch(request)

    @property
    def webhook_path(self) -> str:
        """Where Slack delivers to, on the address that the settings give."""
        return f"/slack/{self._company}"

    @property
    def delivered(self) -> bool:
        """Whether Slack calls us."""
        return self._settings.mode == "http"

    async def _who(self) -> Me:
        if self._me is None:
            self._me = await who_am_i(self._clients.waiting)
        return self._me

    async def _listen(self) -> None:
        try:
            me = await insist(self._who, "Slack", self._stopping)
            if me is None:
                return
            secret = self._settings.signing_secret
            signing = secret.get_secret_value() if secret and self.delivered else ""
            self._receiver = Receiver(self._desk, me, self._settings.channel, signing)
            log.info("Slack: listening for %s (%s)", self._company, self._settings.mode)
            await (self._look_now_and_then() if self.delivered else self._listen_on_socket(self._receiver))
        except Exception:
            log.exception("Slack: listening stopped, which should not happen")

    async def _listen_on_socket(self, receiver: Receiver) -> None:
        token = self._settings.app_token
        self._socket = Socket(
            self._clients.waiting,
            self._clients.session,
            token.get_secret_value() if token else "",
            receiver.dispatch,
            self._catch_up,
        )
        await self._socket.run()

    async def _look_now_and_then(self) -> None:
        while not self._stopping.is_set():
            await self._catch_up()
            with suppress(TimeoutError):
                async with asyncio.timeout(CATCH_UP_SECONDS):
                    await self._stopping.wait()

    async def _catch_up(self) -> None:
        try:
            await catch_up(self._desk, await self._who(), self._settings.channel)
        except (StoreUnavailable, *Failures) as error:
            log.warning("Slack can't be caught up: %s", error)

    async def _press(self, errand: Errand) -> None:
        does = self._asking.presses.get(str(errand.body["action"]), self._cockpit.does[PRESS])
        await does(errand)


@asynccontextmanager
async def open_slack(
    company: str,
    settings: SlackSettings,
    handoff: HandoffSettings,
    database: Database,
    connectors: Mapping[Line, Connector],
) -> AsyncIterator[SlackDesk]:
    """The app of a company, not listening yet. Raises `SettingsError`.

    Each company has a workspace and an app of its own: open one for each.
    """
    require(settings)
    async with open_clients(settings) as clients:
        desk = SlackDesk(company, settings, handoff, database, clients, connectors)
        try:
            yield desk
        finally:
            await desk.stop(0.0)


def require(settings: SlackSettings) -> None:
    """Raises `SettingsError` for what can't work, and says what to do."""
    if settings.token is None:
        raise SettingsError("There is no Slack token: give one by ANSWERDESK_SLACK_TOKEN.")
    if settings.mode == "http" and settings.signing_secret is None:
        raise SettingsError(
            "slack.mode is http, so ANSWERDESK_SLACK_SIGNING_SECRET must say what Slack signs with: "
            "it is at https://api.slack.com/apps, Basic Information."
        )
    if settings.mode == "socket" and settings.app_token is None:
        raise SettingsError(
            "slack.mode is socket, so ANSWERDESK_SLACK_APP_TOKEN must give an app-level token: make one with the scope "
            "connections:write at https://api.slack.com/apps, Basic Information."
        )
    if not settings.channel:
        raise SettingsError(
            "slack.channel must name the channel for handoffs by its id, such as C0123456789: open the channel's "
            "details in Slack; the id is their last line."
        )
