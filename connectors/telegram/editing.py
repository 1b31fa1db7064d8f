"""Giving a message that was sent another text."""

from typing import cast

from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.methods import DeleteBusinessMessages, DeleteMessage, EditMessageText, TelegramMethod
from aiogram.types import LinkPreviewOptions, Message

from bot.ports import Outgoing, Receipt, Rejected, Sent
from connectors.telegram.calling import CompanyBot
from connectors.telegram.places import Place
from connectors.telegram.rendering import Part, render
from connectors.telegram.troubles import receipt, rejects_entities, safe

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_ALREADY = ("message is not modified", "message to delete not found")
_TOO_LATE = "Telegram doesn't let this message be changed any more: write a new one."


async def edit(bot: CompanyBot, message: Outgoing, place: Place) -> Receipt:
    """Change the message's parts; parts that aren't needed any more are deleted. The buttons of the old text go."""
    refs = message.refs[: len(message.refs) - len(message.files)]
    parts = render(message)
    if not all(refs):
        return Rejected("Telegram never said what it calls this message: write a new one.")
    if len(parts) > len(refs):
        return Rejected("The new text needs more messages than the old one took: write a new message.")
    try:
        for ref, part in zip(refs, parts, strict=False):
            await _edit_part(bot, place, int(ref), part)
        for ref in refs[len(parts) :]:
            await _unless_done(bot, _deletion(place, int(ref)))
    except TelegramBadRequest as error:
        said = safe(error)
        late = "can't be" in said or "not found" in said
        return Rejected(_TOO_LATE) if late else receipt(error, bot.section)
    except AiogramError as error:
        return receipt(error, bot.section)
    return Sent()


async def _edit_part(bot: CompanyBot, place: Place, ref: int, part: Part) -> None:
    text, entities = part
    method = EditMessageText(
        chat_id=place.chat,
        message_id=ref,
        business_connection_id=place.business or None,
        text=text,
        entities=entities or None,
        link_preview_options=_NO_PREVIEW,
    )
    try:
        await _unless_done(bot, method)
    except TelegramBadRequest as error:
        if not (entities and rejects_entities(error)):
            raise
        await _edit_part(bot, place, ref, (text, []))


def _deletion(place: Place, ref: int) -> DeleteMessage | DeleteBusinessMessages:
    if place.business:
        return DeleteBusinessMessages(business_connection_id=place.business, message_ids=[ref])
    return DeleteMessage(chat_id=place.chat, message_id=ref)


async def _unless_done(bot: CompanyBot, method: EditMessageText | DeleteMessage | DeleteBusinessMessages) -> None:
    """Call Telegram; that it was done before is fine: a receipt may have been lost."""
    try:
        await bot(cast("TelegramMethod[Message | bool]", method))
    except TelegramBadRequest as error:
        if not any(words in safe(error) for words in _ALREADY):
            raise
