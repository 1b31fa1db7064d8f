"""What the bot would say in a conversation that a person has: a draft for them to send, change or throw away."""

import time
from collections.abc import Callable
from dataclasses import replace

from bot.conversation import Message, Status
from bot.domain import Answer, Author, Outcome, Question, Suggestion, Turn
from bot.errors import BotError
from bot.handoffs.summary import open_question
from bot.ports import Answerer, Kind
from bot.storage import suggesting as store
from bot.tracing import CONVERSATION
from llm.errors import UsageError
from llm.telemetry import span
from retrieval.database import Database


class Suggesting:
    """Makes suggestions, from public documents only: what it proposes may be sent to a customer."""

    def __init__(self, answer: Answerer, database: Database, now: Callable[[], float] = time.time) -> None:
        self._answer = answer
        self._database = database
        self._now = now

    async def suggest(self, company: str, conversation: str, hint: str = "") -> Suggestion:
        """Answer the customer's open question, heeding the hint; kept as the case's suggestion.

        Raises `UsageError` where there is nothing to answer, or nothing to say, and `StoreUnavailable`.
        """
        current, messages = await self._database.read(store.open_messages, company, conversation)
        asked = open_question(messages)
        if not asked:
            raise UsageError("The customer has asked nothing yet.")
        history = [Turn(message.author, message.text) for message in messages if _was_said(message)]
        question = Question(company, asked, language=current.language, history=history, hint=hint.strip())
        with span("suggest", {"answerdesk.company": company, CONVERSATION: conversation}):
            answer = await self._final(question)
        proposal = answer.proposal or Suggestion(answer.text, answer.citations, answer.confidence)
        if answer.outcome is not Outcome.ANSWERED and answer.proposal is None:
            raise UsageError("The public documents say nothing about this.")
        suggestion = replace(proposal, hint=question.hint, at=self._now())
        await self._database.write(store.keep, company, conversation, suggestion, self._now())
        return suggestion

    async def _final(self, question: Question) -> Answer:
        answers = [step async for step in self._answer(question) if isinstance(step, Answer)]
        if not answers:
            raise BotError("The answerer ended without an answer.")
        return answers[-1]


def _was_said(message: Message) -> bool:
    said = message.kind is Kind.MESSAGE and message.author is not Author.NOTICE and bool(message.text)
    return said and message.status not in (Status.WITHDRAWN, Status.FAILED)
