"""What a pressed button means: stored first, shown to be used up afterwards. A second press changes nothing."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.methods import AnswerCallbackQuery, EditMessageReplyMarkup
from aiogram.types import CallbackQuery, Message

from bot.conversation import Conversation
from bot.conversation import Message as Said
from bot.ports import Inbound, Inbox, Kind
from bot.storage import conversations
from bot.texts import text
from connectors.telegram.buttons import ASK, HELPFUL, PERSON, UNHELPFUL, Press, pressed
from connectors.telegram.holds import Holds
from connectors.telegram.places import Place
from connectors.telegram.translating import CHANNEL
from connectors.telegram.troubles import safe
from retrieval.database import Database

log = logging.getLogger(__name__)

_TOASTS = {HELPFUL: "feedback_thanks", UNHELPFUL: "feedback_sorry"}


class Pressing:
    """The buttons of one bot."""

    def __init__(self, bot: Bot, company: str, database: Database, inbox: Inbox, holds: Holds) -> None:
        self._bot = bot
        self._company = company
        self._database = database
        self._inbox = inbox
        self._holds = holds
        self._beside: set[asyncio.Task[None]] = set()

    async def press(self, query: CallbackQuery) -> None:
        """Store what the press means. Raises `AnswerdeskError` when that can't be done: it must come again then."""
        found = await self._find(query)
        if found is None:
            self._go_on(self._answer(query, text("button_stale", query.from_user.language_code or "")))
            return
        press, event, conversation = found
        if await self._inbox.receive(event):
            self._go_on(self._use_up(press, query))
        toast = _TOASTS.get(press.action)
        self._go_on(self._answer(query, text(toast, conversation.language) if toast else None))

    async def finish(self) -> None:
        """Wait for what goes on after storing."""
        if self._beside:
            await asyncio.wait(self._beside)

    async def _find(self, query: CallbackQuery) -> tuple[Press, Inbound, Conversation] | None:
        """The press as an event; None for a button that isn't ours, no longer ours, or another customer's."""
        press = Press.of(query.data or "")
        if press is None or query.message is None:
            return None
        conversation = await self._database.read(conversations.get, self._company, press.conversation)
        if conversation is None or conversation.chat.channel != CHANNEL:
            return None
        place = Place.of(conversation.chat.address)
        if query.from_user.id != (place.customer or place.chat) or query.message.chat.id != place.chat:
            return None
        said = await self._database.read(conversations.one_message, self._company, conversation.id, press.seq)
        meaning = said and _meaning(press, said)
        return (press, self._event(press, conversation, query, *meaning), conversation) if meaning else None

    def _event(
        self, press: Press, conversation: Conversation, query: CallbackQuery, kind: Kind, words: str, ref: str
    ) -> Inbound:
        return Inbound(
            id=f"{self._bot.id}:{press.data}",
            chat=conversation.chat,
            kind=kind,
            text=words,
            ref=ref,
            order=query.message.message_id if query.message else 0.0,
            author=str(query.from_user.id),
            name=query.from_user.full_name,
            language=query.from_user.language_code or "",
        )

    async def _answer(self, query: CallbackQuery, toast: str | None) -> None:
        """Telegram shows a clock on the button until this; too late is no harm."""
        try:
            await self._bot(AnswerCallbackQuery(callback_query_id=query.id, text=toast))
        except AiogramError as error:
            log.info("a pressed button was not answered: %s", safe(error))

    async def _use_up(self, press: Press, query: CallbackQuery) -> None:
        message = query.message
        if not isinstance(message, Message) or self._holds.wait(message.chat.id):
            return
        method = EditMessageReplyMarkup(
            chat_id=message.chat.id,
            message_id=message.message_id,
            business_connection_id=message.business_connection_id,
            reply_markup=pressed(message.reply_markup, press),
        )
        try:
            await self._bot(method)
        except AiogramError as error:
            self._holds.note(message.chat.id, error)
            log.info("a pressed button stays as it was: %s", safe(error))

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


def _meaning(press: Press, said: Said) -> tuple[Kind, str, str] | None:
    """What kind of event it is, its text, and what it refers to."""
    if press.action in (HELPFUL, UNHELPFUL):
        return Kind.FEEDBACK, press.action, press.key
    if press.action == PERSON:
        return Kind.COMMAND, "human", ""
    if press.action == ASK and press.choice < len(said.suggestions):
        return Kind.MESSAGE, said.suggestions[press.choice], ""
    return None
