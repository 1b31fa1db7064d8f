"""What can go wrong with conversations."""

from llm.errors import AnswerdeskError


class BotError(AnswerdeskError):
    """Root of what goes wrong with conversations."""


class Fenced(BotError):
    """The conversation belongs to someone else by now: what was made for it must not be stored or sent."""


class FileUnavailable(BotError):
    """A customer's file can't be had from the channel: it is gone, too large, or the channel can't be reached."""
