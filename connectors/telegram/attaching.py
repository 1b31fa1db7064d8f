"""The files that staff send: a photo as one, anything else as a document."""

from typing import Any

from aiogram.exceptions import TelegramBadRequest
from aiogram.methods import SendDocument, SendPhoto
from aiogram.types import BufferedInputFile, Message

from bot.ports import Attachment
from connectors.telegram.calling import CompanyBot

PHOTOS = ("image/jpeg", "image/png", "image/webp")
LARGEST_PHOTO = 10_000_000
"""Bytes. https://core.telegram.org/bots/api#sendphoto"""


async def send_file(bot: CompanyBot, to: dict[str, Any], file: Attachment, content: bytes, caption: str) -> Message:
    """Send a file; `to` has the fields that say where. Raises `AiogramError`."""
    given = BufferedInputFile(content, filename=file.name or "file")
    fields = {**to, "caption": caption or None}
    if file.media_type in PHOTOS and len(content) <= LARGEST_PHOTO:
        try:
            return await bot(SendPhoto(photo=given, **fields))
        except TelegramBadRequest as error:
            if not _is_no_photo(error):
                raise
    return await bot(SendDocument(document=given, **fields))


def _is_no_photo(error: TelegramBadRequest) -> bool:
    """Whether Telegram takes the file, only not as a photo: it is too wide, too high, or can't be read."""
    said = str(error).lower()
    return "photo_" in said or "image_process_failed" in said
