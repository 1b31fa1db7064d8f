"""Customers on the Telegram of the tests, and our side of the line: the bot as it runs, with a scripted answerer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import HttpUrl, SecretStr

from bot.conversation import Conversation, Message, Pace
from bot.domain import Answer, Author, Chat, Citation, Draft, Outcome, Question, Reason
from bot.handoffs.handoff import Handoffs
from bot.intake import Intake
from bot.ports import Answerer, Inbox
from bot.settings import TelegramSettings
from bot.storage import conversations
from bot.storage.migrate import migrate
from bot.texts import text as fixed_text
from bot.turn import Turns
from bot.worker import Worker
from connectors.telegram.connector import TelegramConnector, open_telegram
from retrieval.database import Database, open_database
from tests.fakes.telegram import BOT, ME, FakeTelegram, Shown

COMPANY = "halden"
PACE = Pace(quiet=0.05, poll=0.2, retries=(0.05, 0.1))
GROUP = -5005
SOURCE = Citation(1, "returns", "returns#0", "Returns and exchanges", "Returns", "https://halden.example/returns")
SUGGESTIONS = ("How long can I return an order?", "Who pays for the return?")


async def scripted(question: Question) -> AsyncIterator[Draft | Answer]:
    """Answers by what is asked."""
    asked = question.text.lower()
    if "unclear" in asked:
        said = fixed_text("clarify", question.language)
        yield Answer(Outcome.CLARIFY, said, 0.4, question.language or "en", suggestions=SUGGESTIONS)
    elif "secret" in asked:
        said = fixed_text("handed_over_not_covered", question.language)
        yield Answer(Outcome.HANDOFF, said, 0.1, question.language or "en", reason=Reason.NOT_COVERED)
    elif "slowly" in asked:
        words = "You can return any order within 60 days of delivery. [1]".split()
        for end in range(1, len(words)):
            yield Draft(" ".join(words[:end]))
            await asyncio.sleep(0.15)
        yield answer(question, " ".join(words))
    elif "return" in asked:
        yield answer(question, "Any order, within **60 days**. [1]")
    else:
        yield Answer(Outcome.ANSWERED, f"You said: {question.text}", 0.9, question.language or "en")


def answer(question: Question, words: str) -> Answer:
    return Answer(Outcome.ANSWERED, words, 0.9, question.language or "en", (SOURCE,))


def settings(telegram: FakeTelegram, **other: Any) -> TelegramSettings:
    return TelegramSettings(token=SecretStr(telegram.token), api_base=HttpUrl(telegram.url), **other)


@dataclass(slots=True)
class Service:
    """Our side, running."""

    database: Database
    connector: TelegramConnector
    intake: Intake
    handoffs: Handoffs

    async def conversation(self, address: object) -> Conversation:
        found = await self.database.read(conversations.find, Chat(COMPANY, "telegram", str(address)))
        assert found is not None, f"there is no conversation {address}"
        return found

    async def transcript(self, address: object) -> list[Message]:
        found = await self.conversation(address)
        return list(await self.database.read(conversations.transcript, COMPANY, found.id))

    async def said(self, address: object) -> list[str]:
        """What the customer wrote."""
        return [each.text for each in await self.transcript(address) if each.author is Author.CUSTOMER]

    async def until(self, address: object, reached: Callable[[Conversation], bool]) -> Conversation:
        """Wait for a conversation to get there."""
        async with asyncio.timeout(10):
            while not reached(found := await self.conversation(address)):  # noqa: ASYNC110 - the database has no event
                await asyncio.sleep(0.02)
        return found

    async def trail(self, address: object) -> list[str]:
        found = await self.conversation(address)
        return [each.kind for each in await self.database.read(conversations.trail, COMPANY, found.id)]


@contextlib.asynccontextmanager
async def storage(folder: Path) -> AsyncIterator[Database]:
    database = await open_database(f"sqlite:///{folder / 'answerdesk.db'}")
    await migrate(database)
    await database.write(conversations.add_company, COMPANY, "Halden Bikes", 0.0)
    yield database
    await database.close()


@contextlib.asynccontextmanager
async def working(
    database: Database, connector: TelegramConnector, answerer: Answerer = scripted
) -> AsyncIterator[Service]:
    """A worker for a connector; the connector doesn't listen yet."""
    connector.capabilities = replace(connector.capabilities, per_second=None, chat_interval=0.0)
    turns = Turns(database, answerer, {(COMPANY, connector.channel): connector}, PACE)
    worker = Worker(database, turns.work, [(COMPANY, connector.channel)], PACE)
    running = asyncio.create_task(worker.run())
    try:
        yield Service(database, connector, Intake(database, PACE), Handoffs(database))
    finally:
        await worker.stop()
        await running


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    telegram: FakeTelegram,
    *,
    answerer: Answerer = scripted,
    inbox: Inbox | None = None,
    **other: Any,
) -> AsyncIterator[Service]:
    """The whole service on a Telegram, listening."""
    async with (
        storage(folder) as database,
        open_telegram(settings(telegram, **other), COMPANY, database) as connector,
        working(database, connector, answerer) as service,
    ):
        await connector.start(inbox or service.intake)
        try:
            yield service
        finally:
            await connector.stop()


@dataclass
class Customer:
    """Someone with Telegram on the phone."""

    telegram: FakeTelegram
    id: int = 42
    name: str = "Ada"
    language: str = "en"
    chat: dict[str, Any] = field(default_factory=dict)
    """Where they write; their own chat with the bot by default."""
    _read: int = 0

    def __post_init__(self) -> None:
        self.chat = self.chat or {"id": self.id, "type": "private", "first_name": self.name}

    @property
    def user(self) -> dict[str, Any]:
        return {"id": self.id, "is_bot": False, "first_name": self.name, "language_code": self.language}

    def in_group(self, **more: Any) -> "Customer":
        """The same person in a group."""
        return Customer(self.telegram, self.id, self.name, self.language, {"id": GROUP, "type": "supergroup", **more})

    def message(self, text: str = "", **content: Any) -> dict[str, Any]:
        """A message as Telegram describes it."""
        fields = {"text": text, "entities": _entities(text)} if text else {}
        base = {"message_id": self.telegram.message_id(), "date": 1_700_000_000, "chat": self.chat, "from": self.user}
        return base | fields | content

    def says(self, text: str = "", **content: Any) -> dict[str, Any]:
        """Write a message; returns it, with the number of its `update`."""
        message = self.message(text, **content)
        return message | {"update": self.telegram.update(message=message)}

    def edits(self, message: dict[str, Any], text: str) -> None:
        """Change what a message says."""
        self.telegram.update(edited_message=message | {"text": text, "edit_date": 1_700_000_001})

    def blocks(self, *, blocked: bool = True) -> None:
        """Block the bot, or unblock it."""
        bot = {"user": ME, "status": "kicked" if blocked else "member"}
        old = {"user": ME, "status": "member" if blocked else "kicked"}
        if blocked:
            bot["until_date"] = 0
            self.telegram.blocked.add(self.id)
        else:
            old["until_date"] = 0
            self.telegram.blocked.discard(self.id)
        self.telegram.update(
            my_chat_member={
                "chat": self.chat,
                "from": self.user,
                "date": 1_700_000_000,
                "old_chat_member": old,
                "new_chat_member": bot,
            }
        )

    def stops(self) -> None:
        """Press the stop button of a draft."""
        self.telegram.update(stopped_message_generation={"chat": self.chat, "draft_id": 1})

    async def presses(self, label: str, shown: Shown) -> str:
        """Press a button under a message; returns what the bot says to that in passing."""
        markup = [[{"text": text, "callback_data": data}] for text, data in shown.buttons.items()]
        return await self.sends_back(shown.buttons[label], shown.id, {"inline_keyboard": markup})

    async def sends_back(self, data: str, message: int = 1, markup: dict[str, Any] | None = None) -> str:
        """What a button does, or a program that pretends to be one."""
        identity = f"press-{self.telegram.message_id()}"
        under = {"message_id": message, "date": 1_700_000_000, "chat": self.chat, "from": ME, "text": "..."}
        under |= {"reply_markup": markup} if markup else {}
        self.telegram.update(
            callback_query={
                "id": identity,
                "from": self.user,
                "chat_instance": "1",
                "data": data,
                "message": under,
            }
        )
        await self.telegram.until(lambda: identity in self.telegram.answered)
        return self.telegram.answered[identity]

    async def reads(self, words: str) -> Shown:
        """Wait for the bot's next message here that has these words; nothing is read twice."""
        found: list[tuple[int, Shown]] = []

        def arrived() -> bool:
            found[:] = [
                (number, shown)
                for number, shown in enumerate(self.telegram.shown)
                if number >= self._read and shown.chat == self.chat["id"] and words in shown.text
            ]
            return bool(found)

        try:
            await self.telegram.until(arrived)
        except TimeoutError:
            raise AssertionError(f"{words!r} never came; there is {[each.text for each in self.screen]}") from None
        self._read = found[0][0] + 1
        return found[0][1]

    @property
    def screen(self) -> list[Shown]:
        """All that the bot ever said here."""
        return [each for each in self.telegram.shown if each.chat == self.chat["id"]]


def _entities(text: str) -> list[dict[str, Any]]:
    """Commands and mentions, as Telegram marks them."""
    entities = []
    if text.startswith("/"):
        entities.append({"type": "bot_command", "offset": 0, "length": len(text.split()[0])})
    if (at := text.find(f"@{ME['username']}")) >= 0 and not text.startswith("/"):
        before = len(text[:at].encode("utf-16-le")) // 2
        entities.append({"type": "mention", "offset": before, "length": len(str(ME["username"])) + 1})
    return entities


__all__ = ["BOT", "COMPANY", "GROUP", "Customer", "Service", "scripted", "serving", "settings", "storage", "working"]
