"""Staff on the Slack of the tests, and our side of the line: the app, the cases and the customers' worker, running."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import HttpUrl, SecretStr
from sqlalchemy import Connection, select

from bot.answers.teaching import Teaching
from bot.domain import Answer, Author, Citation, Draft, Outcome, Question, Reason, Suggestion
from bot.errors import FileUnavailable
from bot.handoffs.cases import Case, Cases
from bot.handoffs.consulting import Consultant
from bot.handoffs.mirroring import Mirror
from bot.handoffs.suggesting import Suggesting
from bot.ports import Answerer, Outgoing, Receipt, Sent
from bot.sections import HandoffSettings, SlackSettings
from bot.storage.errands import open_threads
from bot.storage.tables import errands, handoffs
from connectors.slack.connector import SlackDesk, open_slack
from retrieval.passages import Audience
from tests.chat_site import Level, found
from tests.desk import CHAT, Desk, desk
from tests.fakes.channel import FakeChannel
from tests.fakes.slack import APP_TOKEN, BOT_USER, CHANNEL, SECRET, TEAM, TOKEN, FakeSlack, Shown

SOURCE = Citation(1, "returns", "returns#0", "Returns", "Returns", "https://acme.example/returns")
DRAFT = "You have **60 days**, counted from delivery. [1]"


async def scripted(question: Question) -> AsyncIterator[Draft | Answer]:
    """Answers by what is asked, and by who asks."""
    asked = question.text.lower()
    if question.hint:
        said = f"{DRAFT} ({question.hint})"
        yield Answer(Outcome.ANSWERED, said, 0.8, "en", (SOURCE,))
    elif "slowly" in asked:
        words = "The warehouse code is 4711, and it opens at nine.".split()
        for end in range(1, len(words)):
            yield Draft(" ".join(words[:end]))
            await asyncio.sleep(0.2)
        yield Answer(Outcome.ANSWERED, " ".join(words), 0.9, "en", (SOURCE,))
    elif "warehouse" in asked:
        told = question.audience is Audience.INTERNAL
        outcome, reason = (Outcome.ANSWERED, None) if told else (Outcome.HANDOFF, Reason.NOT_COVERED)
        yield Answer(outcome, "The code is 4711. [1]" if told else "A person will help.", 0.9, "en", reason=reason)
    elif "nothing" in asked:
        yield Answer(Outcome.HANDOFF, "A person will help.", 0.1, "en", reason=Reason.NOT_COVERED)
    elif "return" in asked:
        proposal = Suggestion(DRAFT, (SOURCE,), 0.6)
        yield Answer(Outcome.HANDOFF, "A person will help.", 0.4, "en", reason=Reason.UNSURE, proposal=proposal)
    else:
        yield Answer(Outcome.ANSWERED, f"You said: {question.text}", 0.9, "en")


class Chat(FakeChannel):
    """The customer's channel, which has files and can change what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.edited: list[Outgoing] = []
        self.content: dict[str, bytes] = {}

    async def edit(self, message: Outgoing) -> Receipt:
        self.edited.append(message)
        self._news.set()
        return Sent(message.refs)

    async def fetch(self, ref: str, limit: int) -> bytes:
        if len(self.content[ref]) > limit:
            raise FileUnavailable(f"The file has more than {limit:,} bytes.")
        return self.content[ref]

    @property
    def by_people(self) -> list[str]:
        """What customers got from members of the staff."""
        return [each.text for each in self.arrived if each.author is Author.PERSON]


@dataclass
class Service:
    """Our side."""

    slack: FakeSlack
    app: SlackDesk
    desk: Desk
    chat: Chat

    @property
    def cases(self) -> Cases:
        return Cases(self.desk.database)

    async def asks(self, text: str, **more: Any) -> None:
        """The customer writes."""
        await self.desk.writes(text, name="Ada", **more)

    async def thread(self, number: int = 1) -> Shown:
        """The card of the case that was opened as the n-th."""
        return await self.slack.until(lambda: dict(enumerate(cards(self.slack), 1)).get(number))

    async def case(self) -> Case:
        found = await self.cases.get(CHAT.company, (await self.desk.conversation()).id)
        assert found is not None
        return found

    async def at_rest(self) -> None:
        """Wait until all is carried out, sent and shown."""
        await self.desk.at_rest()
        async with asyncio.timeout(30):
            while await self.desk.database.read(_busy):  # noqa: ASYNC110 - it is in SQL
                await asyncio.sleep(0.01)

    async def known(self) -> None:
        """Wait until the thread is on record."""
        async with asyncio.timeout(30):
            while not await self.desk.database.read(open_threads, CHAT.company):  # noqa: ASYNC110 - it is in SQL
                await asyncio.sleep(0.01)


def _busy(connection: Connection) -> bool:
    """Whether something is to be carried out, or shown."""
    return any(
        connection.execute(select(table.c.due).where(table.c.due.is_not(None))).first() is not None
        for table in (errands, handoffs)
    )


def cards(slack: FakeSlack) -> list[Shown]:
    return [each for each in slack.shown if each.metadata.get("event_type") == "answerdesk_case"]


def settings(slack: FakeSlack, **other: Any) -> SlackSettings:
    given: dict[str, Any] = {
        "token": SecretStr(TOKEN),
        "app_token": SecretStr(APP_TOKEN),
        "signing_secret": SecretStr(SECRET),
        "channel": CHANNEL,
        "api_base": HttpUrl(f"{slack.url}/api/"),
    }
    return SlackSettings(**(given | other))


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    slack: FakeSlack,
    *,
    answerer: Answerer = scripted,
    listening: bool = True,
    relay: Literal["send", "direct"] = "send",
    **other: Any,
) -> AsyncIterator[Service]:
    """The whole service on a Slack."""
    chat = Chat()
    handoff = HandoffSettings(relay=relay, max_file_mb=0.1)
    async with (
        desk(folder, answerer, channel=chat) as core,
        open_slack(CHAT.company, settings(slack, **other), handoff, core.database, {CHAT.line: chat}) as app,
    ):
        mirror = Mirror(core.database, {CHAT.company: app.threads})
        suggesting = Suggesting(answerer, core.database)
        teaching = Teaching(core.database, Level(), found)
        consultant = Consultant(core.database, answerer, NoSearch(), suggesting, teaching)  # type: ignore[arg-type]
        running = [asyncio.create_task(each.run()) for each in (mirror, consultant)]
        if listening:
            await app.start()
        try:
            yield Service(slack, app, core, chat)
        finally:
            await app.stop(1.0)
            await mirror.stop(1.0)
            consultant.stop()
            await asyncio.wait(running)


class NoSearch:
    """The documents are the answerer's affair here."""


@dataclass
class Staff:
    """A person in the workspace."""

    slack: FakeSlack
    user: str = "U1MIA"
    name: str = "Mia"
    described: dict[str, Any] = field(default_factory=dict)
    address: str = ""
    """Where events are posted to; empty means over the socket."""

    def __post_init__(self) -> None:
        profile = {"display_name": self.name, "real_name": f"{self.name} Example"}
        self.slack.people[self.user] = {"id": self.user, "team_id": TEAM, "profile": profile, **self.described}

    async def _says(self, payload: dict[str, Any], kind: str = "interactive") -> dict[str, Any]:
        if not self.address:
            return await self.slack.deliver(kind, payload)
        status, body = await self.slack.post(self.address, payload, _HTTP[kind])
        assert status == 200
        return body

    async def event(self, event: dict[str, Any], identity: str = "") -> None:
        identity = identity or f"Ev{self.slack.number()}"
        event = {"event_ts": self.slack.ts(), **event}
        await self._says(
            {"type": "event_callback", "team_id": TEAM, "event_id": identity, "event": event}, "events_api"
        )

    async def writes(self, text: str, under: Shown | None = None, *files: dict[str, Any], **more: Any) -> Shown:
        """Write in the channel, or in a thread of it."""
        shown = self.slack.write(self.user, text, under.ts if under else "", files=list(files))
        await self.tells(shown, **more)
        return shown

    async def tells(self, shown: Shown, **more: Any) -> None:
        """Slack tells of a message, once more perhaps."""
        await self.event({"channel": shown.channel, "channel_type": "channel", **shown.described, **more})

    async def asks(self, text: str, thread: str = "", channel: str = "D1MIA") -> Shown:
        """Write to the bot itself."""
        shown = self.slack.write(self.user, text, thread, channel)
        await self.event({"channel": channel, "channel_type": "im", **shown.described})
        return shown

    async def mentions(self, text: str, under: Shown | None = None) -> Shown:
        """Call the bot by its name: Slack tells of that twice."""
        shown = self.slack.write(self.user, f"<@{BOT_USER}> {text}", under.ts if under else "")
        await self.tells(shown)
        await self.event({**shown.described, "channel": shown.channel, "type": "app_mention"})
        return shown

    async def edits(self, shown: Shown, text: str) -> None:
        before = dict(shown.described)
        shown.text = text
        message = {**shown.described, "edited": {"user": self.user, "ts": self.slack.ts()}}
        event = {"type": "message", "subtype": "message_changed", "channel": shown.channel, "hidden": True}
        await self.event({**event, "message": message, "previous_message": before})

    async def deletes(self, shown: Shown) -> None:
        self.slack.shown.remove(shown)
        event = {"type": "message", "subtype": "message_deleted", "channel": shown.channel, "hidden": True}
        await self.event({**event, "deleted_ts": shown.ts, "previous_message": shown.described})

    async def presses(self, label: str, shown: Shown, trigger: str = "") -> None:
        """Press a button."""
        await self._says(self.press(shown.buttons[label], shown, trigger))

    def press(self, button: dict[str, Any], shown: Shown | None, trigger: str = "") -> dict[str, Any]:
        container: dict[str, Any] = {"type": "view"}
        if shown:
            container = {"type": "message", "message_ts": shown.ts, "channel_id": shown.channel}
            container |= {"thread_ts": shown.thread} if shown.thread else {}
        action = {"type": "button", "action_ts": self.slack.ts(), **button}
        return {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": self.user},
            "container": container,
            "trigger_id": trigger or f"trigger-{self.slack.number()}",
            "actions": [action],
        }

    async def opens(self, label: str, shown: Shown) -> dict[str, Any]:
        """Press a button that opens a form; returns the form."""
        count = len(self.slack.views)
        await self.presses(label, shown)
        await self.slack.until(lambda: len(self.slack.views) > count)
        return self.slack.views[-1]

    async def submits(self, view: dict[str, Any], **values: str) -> dict[str, Any]:
        """Send a form off; returns what Slack is told to show in its place."""
        state = {}
        for block in view["blocks"]:
            if block["type"] == "input":
                element, name = block["element"], block["block_id"]
                given = values.get(name, element.get("initial_value", ""))
                chosen = {"selected_option": {"value": values.get(name, "1")}}
                state[name] = {name: chosen if element["type"] == "static_select" else {"value": given or None}}
        payload = {"type": "view_submission", "team": {"id": TEAM}, "user": {"id": self.user}}
        return await self._says({**payload, "view": {**view, "state": {"values": state}}})

    async def sends(self, shown: Shown) -> None:
        """Choose `Send to customer` from a message's menu."""
        payload = {"type": "message_action", "callback_id": "send_to_customer", "team": {"id": TEAM}}
        payload |= {"user": {"id": self.user}, "channel": {"id": shown.channel}, "message": shown.described}
        await self._says({**payload, "action_ts": self.slack.ts(), "trigger_id": f"trigger-{self.slack.number()}"})

    async def commands(self, text: str) -> str:
        """Use the slash command; returns what only they see."""
        count = len(self.slack.answers)
        payload = {"command": "/answerdesk", "text": text, "user_id": self.user, "team_id": TEAM}
        payload |= {"trigger_id": f"trigger-{self.slack.number()}"}
        await self._says(
            {**payload, "response_url": f"{self.slack.url}/response/{self.slack.number()}"}, "slash_commands"
        )
        await self.slack.until(lambda: len(self.slack.answers) > count)
        return str(self.slack.answers[count]["text"])

    async def opens_home(self) -> str:
        """Look at the app's home; returns what is there."""
        self.slack.homes.pop(self.user, None)
        await self.event({"type": "app_home_opened", "user": self.user, "tab": "home", "channel": "D1MIA"})
        view = await self.slack.until(lambda: self.slack.homes.get(self.user))
        return Shown("", "", "", "", blocks=view["blocks"]).reads

    async def hears(self, words: str) -> Shown:
        """Wait for words that only this person sees."""
        return await self.reads(words, lambda each: each.only_for == self.user or each.channel == self.user)

    async def reads(self, words: str, where: Callable[[Shown], bool] = lambda each: not each.only_for) -> Shown:
        """Wait for a message of the app with these words."""

        def found() -> Shown | None:
            mine = [each for each in self.slack.shown if each.user == BOT_USER and where(each)]
            return next((each for each in mine if words in each.reads), None)

        try:
            return await self.slack.until(found)
        except TimeoutError:
            there = [each.reads for each in self.slack.shown if each.user == BOT_USER]
            raise AssertionError(f"{words!r} never came; there is {there}") from None


_HTTP = {"interactive": "action", "events_api": "event", "slash_commands": "command"}
