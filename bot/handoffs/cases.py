"""The cases of a company as the people who work on them see them: the queue, one case, and its timeline."""

from collections.abc import Sequence

from bot.domain import Suggestion
from bot.handoffs.casefile import Case, Entry, EntryKind
from bot.handoffs.mood import Mood
from bot.storage import cases as store
from retrieval.database import Database

__all__ = ["Case", "Cases", "Entry", "EntryKind", "Mood", "Suggestion"]


class Cases:
    """Reads cases. `Database.listen("conversation", heard)` tells the id of each conversation that changes.

    All methods raise `retrieval.errors.StoreUnavailable`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queue(self, company: str) -> Sequence[Case]:
        """The open cases: those that wait, the longest first; then those that people have; then the snoozed."""
        return await self._database.read(store.queue, company)

    async def closed(self, company: str, limit: int = 50) -> Sequence[Case]:
        """The cases that were closed last, the newest first."""
        return await self._database.read(store.closed, company, limit)

    async def get(self, company: str, conversation: str) -> Case | None:
        """The open case of a conversation, else its last one; None if it never had any."""
        return await self._database.read(store.latest, company, conversation)

    async def timeline(self, company: str, conversation: str, after: str = "") -> Sequence[Entry]:
        """Messages, notes and events, by time; only those after a cursor (`Entry.cursor`) where one is given.

        What changes in place (a status, an edited text) has no new entry: read the timeline anew and compare by `id`.
        """
        return await self._database.read(store.timeline, company, conversation, after)
