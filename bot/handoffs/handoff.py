"""Who owns a conversation. One machine serves every place that people work in.

====================================  ===========================
from                                  to
====================================  ===========================
bot                                   waiting: a person is called
closed                                waiting: a person's reply failed
bot, waiting, closed                  human: a person claims it
human, waiting                        bot: handed back
bot, waiting, human                   closed: resolved
human, waiting                        bot: the customer begins anew
closed                                bot: the customer writes
====================================  ===========================
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from bot.conversation import Conversation, Reply
from bot.domain import Author, Owner
from bot.errors import BotError
from bot.sections import HandoffSettings
from bot.storage import handoffs as store
from bot.storage.conversations import get
from bot.storage.handoffs import NewFile, Person
from bot.storage.notes import write_note
from bot.texts import text
from llm.errors import UsageError
from retrieval.database import Database

__all__ = ["Handoffs", "NewFile", "Taken", "claimed", "handed_back", "resolved"]

PATIENCE = 0.05
"""Seconds between two looks at whether the bot's message on its way has arrived."""
MB = 1024 * 1024


class Taken(BotError):
    """Another person has the conversation."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"{holder} has this conversation.")
        self.holder = holder
        """What to call them."""


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

    `person` is who makes the move, as their tool knows them; `name` is what customers and staff read. What has a `key`
    is done once for each key of a conversation: a double click, or an event that comes again, does nothing more.
    Raises `Taken`, naming who has the conversation, `UsageError` for a move that can't be, and `StoreUnavailable`.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], float] = time.time,
        rules: Mapping[str, HandoffSettings] | None = None,
    ) -> None:
        """`rules`: by company; the defaults where there are none."""
        self._database = database
        self._now = now
        self._rules = rules or {}

    async def claim(
        self, company: str, conversation: str, person: str, name: str = "", *, force: bool = False
    ) -> Conversation:
        """Take the conversation. Once this returns, nothing more of the bot's is sent in it.

        `force` takes it from whoever has it, which the case's timeline says.
        """
        who = Person(person, name)
        return await self._move(company, conversation, claimed, who, "person_joined", force=force)

    async def hand_back(self, company: str, conversation: str, person: str, name: str = "") -> Conversation:
        """Let the bot answer again."""
        return await self._move(company, conversation, handed_back, Person(person, name), "handed_back")

    async def resolve(self, company: str, conversation: str, person: str, name: str = "") -> Conversation:
        """Close the conversation."""
        return await self._move(company, conversation, resolved, Person(person, name), "closed")

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
        """Write to the customer. Only who claimed the conversation can."""
        if not words.strip() and not files:
            raise UsageError("There is nothing to send.")
        self._require_size(company, files)
        said = Reply(words, Author.PERSON, sender=name)
        where, who = (company, conversation), Person(person, name)
        return _free(await self._database.write(store.say, where, who, said, tuple(files), key, self._now()))

    async def correct(
        self, company: str, conversation: str, person: str, seq: int, words: str, key: str = ""
    ) -> Conversation:
        """Change what a person has sent: `seq` is its `Entry.seq`. Only who claimed the conversation can.

        The channel carries it over in its turn. Where it can't, the case's timeline says so.
        """
        if not words.strip():
            raise UsageError("There is nothing to say instead: a message that was sent can't be taken back.")
        said = Reply(words, Author.PERSON, corrects=seq)
        where, who = (company, conversation), Person(person)
        return _free(await self._database.write(store.correct, where, who, said, key, self._now()))

    async def note(
        self, company: str, conversation: str, person: str, words: str, name: str = "", key: str = ""
    ) -> None:
        """Write for staff only. Anybody can, whoever has the conversation."""
        if not words.strip():
            raise UsageError("There is nothing to note.")
        where = (company, conversation)
        await self._database.write(write_note, where, person, name, words, key, self._now())

    async def snooze(self, company: str, conversation: str, person: str, until: float, name: str = "") -> Conversation:
        """Put the case aside until then, or until somebody writes: it stands last in the queue meanwhile."""
        if until <= self._now():
            raise UsageError("That time has passed: choose a later one.")
        where, who = (company, conversation), Person(person, name)
        return _free(await self._database.write(store.snooze, where, who, until, self._now()))

    async def keep(self, company: str, conversation: str, person: str, name: str = "") -> Conversation:
        """Answer that an idle conversation stays with its person."""
        where, who = (company, conversation), Person(person, name)
        return _free(await self._database.write(store.keep, where, who, self._now()))

    async def return_idle(self, company: str, conversation: str, idle_since: float) -> bool:
        """Give a conversation back to the bot that was idle all the time; False if it wasn't."""
        replies = await self._told(company, conversation, "handed_back")
        where = (company, conversation)
        return await self._database.write(store.return_idle, where, idle_since, replies, self._now())

    async def _move(
        self,
        company: str,
        conversation: str,
        transition: store.Transition,
        person: Person,
        told: str,
        *,
        force: bool = False,
    ) -> Conversation:
        where = (company, conversation)
        replies = await self._told(company, conversation, told)
        while True:
            moved = await self._database.write(store.move, where, transition, person, replies, self._now(), force=force)
            if moved.obstacle is not store.Obstacle.SENDING:
                return _free(moved)
            await asyncio.sleep(PATIENCE)

    async def _told(self, company: str, conversation: str, key: str) -> tuple[Reply, ...]:
        current = await self._database.read(get, company, conversation)
        return (Reply(text(key, current.language), language=current.language),) if current else ()

    def _require_size(self, company: str, files: Sequence[NewFile]) -> None:
        limit = self._rules.get(company, HandoffSettings()).max_file_mb
        for file in files:
            if len(file.content) > limit * MB:
                raise UsageError(f"{file.name} has more than {limit:g} MB, which is the most that is sent.")


def _free(moved: store.Moved) -> Conversation:
    if moved.obstacle is store.Obstacle.TAKEN:
        raise Taken(moved.holder)
    return moved.conversation
