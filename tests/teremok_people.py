"""Customers on teremok: a Telegram that nobody here wrote. It checks what bots send by the documentation's rules."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiogram import Bot
from aiogram.methods import AnswerCallbackQuery, SendMessage
from aiogram.types import CallbackQuery, Document, InlineKeyboardMarkup, Message, PhotoSize, Update, User
from pydantic import HttpUrl, SecretStr
from teremok.builders import MockCallbackQuery, MockChat, MockMessageText, next_update_id
from teremok.session import MockedSession

from bot.settings import TelegramSettings
from connectors.telegram.connector import TelegramConnector
from tests.fakes.telegram import TOKEN, Shown
from tests.telegram_people import COMPANY, Service, storage, working


@dataclass
class Teremok:
    """The service behind teremok's session; updates come as if by webhook."""

    service: Service
    session: MockedSession
    updates: "asyncio.Queue[Update]" = field(default_factory=asyncio.Queue)

    async def deliver(self) -> None:
        while True:
            update = await self.updates.get()
            await self.service.connector.take(update.model_dump(mode="json", by_alias=True, exclude_none=True))

    def update(self, **content: Any) -> None:
        self.updates.put_nowait(Update(update_id=next_update_id(), **content))


@contextlib.asynccontextmanager
async def teremok(folder: Path) -> AsyncIterator[Teremok]:
    session = MockedSession()
    bot = Bot(TOKEN, session=session)
    given = TelegramSettings(token=SecretStr(TOKEN), mode="webhook", webhook_url=HttpUrl("https://help.example.com"))
    async with storage(folder) as database:
        connector = TelegramConnector(bot, given, COMPANY, database)
        async with working(database, connector) as service:
            await connector.start(service.intake)
            while connector._receiver is None:  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.01)
            world = Teremok(service, session)
            delivering = asyncio.create_task(world.deliver())
            yield world
            delivering.cancel()
            await connector.stop()


@dataclass
class TeremokCustomer:
    """Someone with teremok on the phone; does what a `telegram_people.Customer` does."""

    world: Teremok
    id: int = 42
    name: str = "Ada"
    language: str = "en"
    _read: int = 0

    @property
    def user(self) -> User:
        return User(id=self.id, is_bot=False, first_name=self.name, language_code=self.language)

    def says(self, text: str = "", **content: Any) -> Message:
        message: Message = MockMessageText(text or None, self.user, **_files(content))
        self.world.update(message=message)
        return message

    def edits(self, message: Message, text: str) -> None:
        self.world.update(edited_message=message.model_copy(update={"text": text, "edit_date": 1_700_000_001}))

    async def presses(self, label: str, shown: Shown) -> str:
        rows = [[{"text": text, "callback_data": data}] for text, data in shown.buttons.items()]
        ours = User(id=1, is_bot=True, first_name="Halden")
        markup = InlineKeyboardMarkup.model_validate({"inline_keyboard": rows})
        under = MockMessageText(shown.text, ours, MockChat(self.id), reply_markup=markup)
        query: CallbackQuery = MockCallbackQuery(shown.buttons[label], self.user, under)
        self.world.update(callback_query=query)
        return await self._toast(query.id)

    async def _toast(self, query: str) -> str:
        async with asyncio.timeout(10):
            while True:
                for call in self.world.session.requests:
                    if isinstance(call, AnswerCallbackQuery) and call.callback_query_id == query:
                        return call.text or ""
                await asyncio.sleep(0.02)

    async def reads(self, words: str) -> Shown:
        try:
            async with asyncio.timeout(10):
                while True:
                    for number, shown in enumerate(self.screen):
                        if number >= self._read and words in shown.text:
                            self._read = number + 1
                            return shown
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{words!r} never came; there is {[each.text for each in self.screen]}") from None

    @property
    def screen(self) -> list[Shown]:
        sent = [
            call for call in self.world.session.requests if isinstance(call, SendMessage) and call.chat_id == self.id
        ]
        return [_shown(number, call) for number, call in zip(itertools.count(1), sent, strict=False)]


def _shown(number: int, call: SendMessage) -> Shown:
    markup = call.reply_markup if isinstance(call.reply_markup, InlineKeyboardMarkup) else None
    rows = markup.inline_keyboard if markup else []
    buttons = {button.text: button.callback_data or "" for row in rows for button in row}
    entities = [entity.model_dump() for entity in call.entities or ()]
    return Shown(int(call.chat_id), number, call.text, entities, buttons, {})


def _files(content: dict[str, Any]) -> dict[str, Any]:
    """What the dialogues send as Telegram writes it, in aiogram's types."""
    made: dict[str, Any] = dict(content)
    if "photo" in content:
        made["photo"] = [PhotoSize.model_validate(each) for each in content["photo"]]
    if "document" in content:
        made["document"] = Document.model_validate(content["document"])
    if "reply_to_message" in content:
        made["reply_to_message"] = content["reply_to_message"]
    return made
