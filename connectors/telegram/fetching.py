"""The files of customers, which Telegram keeps: they are asked for when a person wants to see one."""

from contextlib import aclosing
from urllib.parse import quote

from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.methods import GetFile
from aiogram.types import File
from aiohttp import ClientError, ClientResponseError

from bot.errors import FileUnavailable
from connectors.telegram.calling import CompanyBot
from connectors.telegram.troubles import explain, safe

PATIENCE = 120
"""Seconds for the whole download: 20 MB, which is what bots can have, over a slow line."""
CHUNK = 65536


async def fetch(bot: CompanyBot, ref: str, limit: int) -> bytes:
    """The content of a file, by its `file_id`. Raises `FileUnavailable`.

    The bot's token is a part of the address of every file, and is in no message.
    """
    file = await _describe(bot, ref)
    if file.file_size is not None and file.file_size > limit:
        raise _too_large(limit)
    if not file.file_path:
        raise FileUnavailable("Telegram doesn't say where the file is: try again later.")
    if file.file_path.startswith("/"):
        raise FileUnavailable(
            f"The Bot API server at {bot.section}.api_base runs with --local and keeps files on its own disk; "
            f"this one is {safe(file.file_path)} there."
        )
    try:
        return await _download(bot, file.file_path, limit)
    except ClientResponseError as error:
        raise FileUnavailable(f"Telegram has the file, and doesn't give it (HTTP {error.status}): try again.") from None
    except (ClientError, TimeoutError, OSError) as error:
        why = safe(error) or type(error).__name__
        raise FileUnavailable(f"The download from Telegram broke off ({why}): try again.") from None


async def _describe(bot: CompanyBot, ref: str) -> File:
    try:
        return await bot(GetFile(file_id=ref))
    except TelegramBadRequest as error:
        why = safe(error)
        if "too big" in why:
            why = "it has more than the 20 MB that a bot can have. Ask the customer to send it another way"
        raise FileUnavailable(f"Telegram doesn't give the file: {why}.") from None
    except AiogramError as error:
        raise FileUnavailable(f"The file can't be fetched: {explain(error, 1, bot.section).why}.") from None


async def _download(bot: CompanyBot, path: str, limit: int) -> bytes:
    content = bytearray()
    url = bot.session.api.file_url(bot.token, quote(path))
    async with aclosing(bot.session.stream_content(url, timeout=PATIENCE, chunk_size=CHUNK)) as chunks:
        async for chunk in chunks:
            content += chunk
            if len(content) > limit:
                raise _too_large(limit)
    return bytes(content)


def _too_large(limit: int) -> FileUnavailable:
    return FileUnavailable(f"The file has more than {limit:,} bytes, which is the most that is fetched.")
