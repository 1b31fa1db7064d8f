"""Sending a message: its parts one after the other, and what came of it as a receipt."""

import logging
from dataclasses import replace

from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.methods import SendMessage
from aiogram.types import InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters

from bot.ports import Gone, Outgoing, Receipt, Retry, Sent, Unknown
from connectors.telegram.buttons import keyboard
from connectors.telegram.holds import Holds
from connectors.telegram.places import Place
from connectors.telegram.rendering import Part, render
from connectors.telegram.troubles import receipt, rejects_entities

log = logging.getLogger(__name__)

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Sender:
    """Sends messages of one bot. It never tries again by itself: what the receipt says is the outbox's business."""

    def __init__(self, bot: Bot, holds: Holds) -> None:
        self._bot = bot
        self._holds = holds

    async def send(self, message: Outgoing, place: Place, question: str = "") -> Receipt:
        """Send what of the message isn't there yet. `question` is the id of the message that it replies to."""
        parts = render(message)
        refs = list(message.refs)
        for number in range(len(refs), len(parts)):
            last = number == len(parts) - 1
            outcome = await self._send_part(
                place, parts[number], keyboard(message) if last else None, "" if number else question
            )
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
            chat_id=place.chat,
            message_thread_id=place.topic,
            business_connection_id=place.business or None,
            text=text,
            entities=entities or None,
            link_preview_options=_NO_PREVIEW,
            reply_markup=buttons,
            reply_parameters=_reply_to(question),
        )
        try:
            sent = await self._bot(method)
        except AiogramError as error:
            if entities and rejects_entities(error):
                log.warning("Telegram rejects the formatting of a message, which goes out plain")
                return await self._send_part(place, (text, []), buttons, question)
            self._holds.note(place.chat, error)
            return receipt(error)
        return Sent([str(sent.message_id)])


def _reply_to(question: str) -> ReplyParameters | None:
    if not question:
        return None
    return ReplyParameters(message_id=int(question), allow_sending_without_reply=True)
