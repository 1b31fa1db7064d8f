"""Who owns a conversation. One machine serves every place that people work in.

====================================  ===========================
from                                  to
====================================  ===========================
bot                                   waiting: a person is called
bot, waiting, closed                  human: a person claims it
human, waiting                        bot: handed back
bot, waiting, human                   closed: resolved
closed                                bot: the customer writes
====================================  ===========================
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.conversation import Conversation, Reply
from bot.domain import Author, Owner
from bot.errors import BotError
from bot.storage import handoffs as store
from bot.storage.conversations import get
from bot.texts import text
from llm.errors import UsageError
from retrieval.database import Database

PATIENCE = 0.05
"""Seconds between two looks at whether the bot's message on its way has arrived."""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that a member of the staff sends to a customer."""

    name: str
    media_type: str
    content: bytes


class Taken(BotError):
    """Another person has the conversation."""


def claimed(_owner: Owner) -> Owner:
    """A person takes the conversation, whoever has it: a closed one too, to write once more."""
    return Owner.HUMAN


def handed_back(owner: Owner) -> Owner:
    """The bot answers again. Raises `UsageError` for a closed conversation."""
    if owner is Owner.CLOSED:
        raise UsageError("This conversation is closed: claim it to write to the customer again.")
    return Owner.BOT


def resolved(_owner: Owner) -> Owner:
    """Done, until the customer writes again."""
    return Owner.CLOSED


class Handoffs:
    """What people do with conversations. Every move can be made twice: the second changes nothing.

    `person` is who makes the move, as their tool knows them; `name` is what customers and staff read. Raises `Taken`,
    naming who has the conversation, and `UsageError` for a move that can't be.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    async def claim(
        self, company: str, conversation: str, person: str, name: str = "", *, force: bool = False
    ) -> Conversation:
        """Take the conversation. Once this returns, nothing more of the bot's is sent in it.

        `force` takes it from whoever has it, which the case's timeline says.
        """
        return await self._move(company, conversation, claimed, person, "person_joined")

    async def hand_back(self, company: str, conversation: str, person: str, name: str = "") -> Conversation:
        """Let the bot answer again."""
        return await self._move(company, conversation, handed_back, person, "handed_back")

    async def resolve(self, company: str, conversation: str, person: str, name: str = "") -> Conversation:
        """Close the conversation."""
        return await self._move(company, conversation, resolved, person, "closed")

    async def reply(
        self,
        company: str,
        conversation: str,
        person: str,
        words: str,
        name: str = "",
        key: str = "",
        files: Sequence[NewFile] = (),
    ) -> Conversation:
        """Write to the customer. Only who claimed the conversation can. The same `key` twice sends once."""
        said = Reply(words, Author.PERSON, sender=name)
        return _free(await self._database.write(store.say, (company, conversation), person, said, self._now()))

    async def correct(
        self, company: str, conversation: str, person: str, seq: int, words: str, key: str = ""
    ) -> Conversation:
        """Change a reply that was sent. The channel carries it over in its turn; the timeline says if it can't."""
        raise NotImplementedError

    async def note(
        self, company: str, conversation: str, person: str, words: str, name: str = "", key: str = ""
    ) -> None:
        """Write for staff only. Anybody can, whoever has the conversation."""
        raise NotImplementedError

    async def snooze(self, company: str, conversation: str, person: str, until: float, name: str = "") -> Conversation:
        """Put the case aside until then, or until the customer writes: it stands last in the queue meanwhile."""
        raise NotImplementedError

    async def keep(self, company: str, conversation: str, person: str, name: str = "") -> Conversation:
        """Answer that an idle conversation stays with its person."""
        raise NotImplementedError

    async def _move(
        self, company: str, conversation: str, transition: store.Transition, person: str, told: str
    ) -> Conversation:
        key = (company, conversation)
        current = await self._database.read(get, *key)
        replies = (Reply(text(told, current.language), language=current.language),) if current else ()
        while True:
            moved = await self._database.write(store.move, key, transition, person, replies, self._now())
            if moved.obstacle is not store.Obstacle.SENDING:
                return _free(moved)
            await asyncio.sleep(PATIENCE)


def _free(moved: store.Moved) -> Conversation:
    if moved.obstacle is store.Obstacle.TAKEN:
        raise Taken(f"{moved.conversation.person} has this conversation.")
    return moved.conversation
