"""What the bot would say in a conversation that a person has: a draft for them to send, change or throw away."""

import time
from collections.abc import Callable

from bot.domain import Suggestion
from bot.ports import Answerer
from retrieval.database import Database


class Suggesting:
    """Makes suggestions, from public documents only: what it proposes may be sent to a customer."""

    def __init__(self, answer: Answerer, database: Database, now: Callable[[], float] = time.time) -> None:
        self._answer = answer
        self._database = database
        self._now = now

    async def suggest(self, company: str, conversation: str, hint: str = "") -> Suggestion:
        """Answer the customer's open question, heeding the hint; kept as the case's suggestion.

        Raises `UsageError` where there is nothing to answer, or no answer was found, and says so.
        """
        raise NotImplementedError
