"""Taking in one update: stored before anything else happens. Polling and the webhook both come here."""

import logging
import time
from collections.abc import Mapping

from aiogram import Bot
from aiogram.types import Update, User
from pydantic import ValidationError

from bot.domain import Chat
from bot.ports import Inbound, Inbox
from bot.storage import conversations
from connectors.telegram.holds import Holds
from connectors.telegram.places import Place
from connectors.telegram.pressing import Pressing
from connectors.telegram.translating import CHANNEL, Translator
from retrieval.database import Database

log = logging.getLogger(__name__)

_ESSENTIAL = ("message_id", "date", "chat", "from", "text", "caption", "message_thread_id", "is_topic_message")
"""What a message can't do without. With these alone it is read when Telegram wrote something in it that we can't."""


class Receiver:
    """What happens to the updates of one bot."""

    def __init__(self, bot: Bot, me: User, company: str, database: Database, inbox: Inbox, holds: Holds) -> None:
        self._company = company
        self._database = database
        self._inbox = inbox
        self._translator = Translator(me, company)
        self._buttons = Pressing(bot, company, database, inbox, holds)

    async def take(self, raw: object) -> None:
        """Store what an update means; one that means nothing is passed over.

        Raises `AnswerdeskError` when it can't be stored: it must come again then.
        """
        update = _parse(raw)
        if update is None:
            return
        if update.callback_query:
            await self._buttons.press(update.callback_query)
        elif update.message and update.message.migrate_to_chat_id:
            await self._migrate(update.message.chat.id, update.message.migrate_to_chat_id)
        else:
            for event in self._translate(update):
                await self._inbox.receive(event)

    async def finish(self) -> None:
        """Wait for what still goes on beside."""
        await self._buttons.finish()

    def _translate(self, update: Update) -> list[Inbound]:
        try:
            return self._translator.translate(update)
        except Exception:
            log.exception("update %d can't be understood, and is passed over", update.update_id)
            return []

    async def _migrate(self, old: int, new: int) -> None:
        log.info("group %d became supergroup %d", old, new)
        await self._database.write(
            conversations.readdress, Chat(self._company, CHANNEL, Place(old).address), Place(new).address, time.time()
        )


def _parse(raw: object) -> Update | None:
    """The update, or what is essential of it; None, once that is logged, if that can't be read either."""
    try:
        return Update.model_validate(raw)
    except ValidationError as error:
        where = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
    number = raw.get("update_id") if isinstance(raw, Mapping) else None
    try:
        update = Update.model_validate(_essential(raw))
    except ValidationError:
        log.error("update %s is malformed (%s), and is passed over", number, ", ".join(where)[:500])
        return None
    log.warning("update %s has what this version can't read (%s)", number, ", ".join(where)[:500])
    return update


def _essential(raw: object) -> dict[str, object]:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("message"), Mapping):
        return {}
    message = {key: raw["message"][key] for key in _ESSENTIAL if key in raw["message"]}
    return {"update_id": raw.get("update_id"), "message": message}
