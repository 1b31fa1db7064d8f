"""Sending a message: its parts one after the other, and what came of it as a receipt."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aiogram.exceptions import AiogramError
from aiogram.methods import SendMessage
from aiogram.types import InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters

from bot.ports import Attachment, Gone, Outgoing, Receipt, Rejected, Retry, Sent, Unknown
from connectors.telegram.attaching import send_file
from connectors.telegram.buttons import keyboard
from connectors.telegram.calling import CompanyBot
from connectors.telegram.holds import Holds
from connectors.telegram.places import Place
from connectors.telegram.rendering import Part, render
from connectors.telegram.troubles import receipt, rejects_entities
from retrieval.errors import StoreUnavailable

log = logging.getLogger(__name__)

Content = Callable[[str], Awaitable[bytes | None]]
"""The content of a file that staff sent, by its id."""

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Sender:
    """Sends messages of one bot. It never tries again by itself: what the receipt says is the outbox's business."""

    def __init__(self, bot: CompanyBot, holds: Holds, content: Content) -> None:
        self._bot = bot
        self._holds = holds
        self._content = content

    async def send(self, message: Outgoing, place: Place, question: str = "") -> Receipt:
        """Send what of the message isn't there yet. `question` is the id of the message that it replies to."""
        parts: list[Part | Attachment] = [*(render(message) if message.text else ()), *message.files]
        refs = list(message.refs)
        for number in range(len(refs), len(parts)):
            part = parts[number]
            reply = "" if number else question
            if isinstance(part, Attachment):
                outcome = await self._send_file(place, part, "" if message.text else message.sender, reply)
            else:
                last = number == len(parts) - 1
                outcome = await self._send_part(place, part, keyboard(message) if last else None, reply)
            match outcome:
                case Sent(more):
                    refs += more or [""]
                case Retry() | Unknown():
                    return replace(outcome, refs=refs)
                case Gone(moved_to=chat) if chat:
                    return replace(outcome, moved_to=place.moved_to(int(chat)).address)
                case _:
                    return outcome
        return Sent(refs)

    async def _send_part(
        self, place: Place, part: Part, buttons: InlineKeyboardMarkup | None, question: str
    ) -> Receipt:
        text, entities = part
        method = SendMessage(
            **_to(place, question),
            text=text,
            entities=entities or None,
            link_preview_options=_NO_PREVIEW,
            reply_markup=buttons,
        )
        try:
            sent = await self._bot(method)
        except AiogramError as error:
            if entities and rejects_entities(error):
                log.warning("Telegram rejects the formatting of a message, which goes out plain")
                return await self._send_part(place, (text, []), buttons, question)
            self._holds.note(place.chat, error)
            return receipt(error, self._bot.section)
        return Sent([str(sent.message_id)])

    async def _send_file(self, place: Place, file: Attachment, caption: str, question: str) -> Receipt:
        try:
            content = await self._content(file.ref)
            if content is None:
                return Rejected(f"the file {file.name} isn't there any more")
            sent = await send_file(self._bot, _to(place, question), file, content, caption)
        except StoreUnavailable as error:
            return Retry(1.0, str(error))
        except AiogramError as error:
            self._holds.note(place.chat, error)
            return receipt(error, self._bot.section)
        return Sent([str(sent.message_id)])


def _to(place: Place, question: str) -> dict[str, Any]:
    """The fields of every message that say where it goes."""
    return {
        "chat_id": place.chat,
        "message_thread_id": place.topic,
        "business_connection_id": place.business or None,
        "reply_parameters": _reply_to(question),
    }


def _reply_to(question: str) -> ReplyParameters | None:
    if not question:
        return None
    return ReplyParameters(message_id=int(question), allow_sending_without_reply=True)
