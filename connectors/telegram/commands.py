"""The commands that Telegram offers beside the text field, in each language we speak."""

from collections.abc import Iterator

from aiogram.methods import SetMyCommands
from aiogram.types import BotCommand

from bot.texts import FALLBACK, LANGUAGES, text

COMMANDS = ("start", "help", "human", "new", "language", "privacy")


def registrations() -> Iterator[SetMyCommands]:
    """One call for everyone, and one for each language."""
    yield SetMyCommands(commands=_commands(FALLBACK))
    for language in LANGUAGES:
        yield SetMyCommands(commands=_commands(language), language_code=language)


def _commands(language: str) -> list[BotCommand]:
    return [BotCommand(command=name, description=text(f"command_{name}", language)) for name in COMMANDS]
