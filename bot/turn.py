"""A turn: all that a customer wrote since the last one gets one reply, stored in one transaction or not at all."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot import metrics, tracing
from bot.aside import break_off, is_aside, said_beside
from bot.conversation import Asked, Change, Conversation, Message, Opening, Pace, Reply, Status, asked
from bot.delivery import Delivery
from bot.domain import Answer, Author, Line, Outcome, Owner, Question, Reason, Turn
from bot.drafting import Drafting, Listening, Superseded
from bot.errors import Fenced
from bot.handoffs.escalation import Escalation
from bot.held import GivenBack, Held, see_through
from bot.intents import asks_for_person, phrase_language
from bot.patience import asks, next_attempt, unanswered, waited
from bot.ports import Answerer, Connector, Kind
from bot.replying import answered, called, command_replies, language_of, notice, parked
from bot.sections import HandoffSettings
from bot.storage import work as store
from bot.texts import text
from bot.tracing import Observed
from llm.telemetry import traceparent
from retrieval.database import Database

log = logging.getLogger(__name__)

HISTORY = 30
"""Messages before the question that the answerer gets to see, at most."""
HISTORY_STEP = 15
"""Of them, so many are left out at a time: a prompt that begins as the one before is one that the model has cached."""
FOR_PEOPLE_ONLY = (Reason.ASKED_FOR_PERSON, Reason.RULE, Reason.ANGRY, Reason.REPEATED)
"""Who waits for one of these reasons gets no more of the bot."""
_NO_RULES = Escalation.of(HandoffSettings())
RESTARTS = 3
"""A turn that the customer's further messages made begin anew so often is seen through."""


class Turns:
    """What a worker does with a conversation it holds."""

    def __init__(
        self,
        database: Database,
        answerer: Answerer,
        connectors: Mapping[Line, Connector],
        pace: Pace,
        now: Callable[[], float] = time.time,
        rules: Mapping[str, HandoffSettings] | None = None,
    ) -> None:
        """`rules`: by company, what goes to a person; the defaults where there are none."""
        self._database = database
        self._rules = {company: Escalation.of(settings) for company, settings in (rules or {}).items()}
        self._answerer = answerer
        self._connectors = connectors
        self._pace = pace
        self._now = now
        self._delivery = Delivery(database, connectors, now)

    async def work(self, held: Held) -> GivenBack:
        """Send what waits, answer what is asked, send that. Raises `Fenced` when the conversation was taken over."""
        try:
            return await self._work(held)
        finally:
            await break_off(held)

    async def _work(self, held: Held) -> GivenBack:
        conversation = held.conversation
        if conversation.asked <= conversation.done:
            return await self._delivery.drain(held, conversation, giving_back=True)
        try:
            given = await self._delivery.drain(held, conversation)
            if given.put_off:
                return given
            concluded = await self._turn(held)
        except Fenced:
            raise
        except Exception as error:
            log.error("turn of conversation %s failed: %s: %s", conversation.id, type(error).__name__, error)
            metrics.turn_failures.add(1, metrics.of_line(conversation.chat.line))
            current, messages = await self._database.read(store.burst, conversation, 0)
            if (wait := next_attempt(error, current, messages, self._pace, self._now())) is not None:
                said = await said_beside(held, self._now)
                return GivenBack(conversation.settled, delay=max(wait, said.delay), failed=True)
            with tracing.turn(current, messages, self._now()) as observed:
                concluded = await self._park(observed, current, messages, f"{type(error).__name__}: {error}")
        said = await said_beside(held, self._now)
        return said if said.put_off else await self._delivery.drain(held, concluded, giving_back=True)

    async def _look(self, held: Held) -> tuple[Conversation, Sequence[Message]]:
        held.changed.clear()  # first: what comes while it is read counts as a change
        return await self._database.read(store.burst, held.conversation, HISTORY)

    async def _turn(self, held: Held) -> Conversation:
        conversation, messages = await self._look(held)
        with tracing.turn(conversation, messages, self._now()) as observed:
            return await self._take(held, observed, conversation, messages)

    async def _take(
        self, held: Held, observed: Observed, conversation: Conversation, messages: Sequence[Message]
    ) -> Conversation:
        if conversation.deaths > self._pace.deaths:
            return await self._park(observed, conversation, messages, "its workers died over it")
        for attempt in range(RESTARTS + 1):
            patient = attempt < RESTARTS
            try:
                change, shown = await self._decide(held, conversation, messages, patient=patient)
                sure = patient and not shown
                return await self._conclude(observed, conversation, change, shown=shown, only_if_all=sure)
            except (Superseded, Fenced) as error:
                log.info("conversation %s: %s", conversation.id, error)
                await asyncio.sleep(self._pace.quiet if isinstance(error, Superseded) else 0)
            conversation, messages = await self._look(held)
        raise Fenced("The conversation never held still.")

    async def _conclude(
        self,
        observed: Observed,
        conversation: Conversation,
        change: Change,
        *,
        shown: bool = False,
        only_if_all: bool = False,
    ) -> Conversation:
        now = self._now()
        told = observed.says(self._escalation(conversation.company).told(change, now, conversation.language))
        write = self._database.write(store.conclude, conversation, told, now, only_if_all=only_if_all)
        with tracing.commit():
            concluded = await see_through(write)
        observed.concluded(told, self._now(), shown=shown)
        return concluded

    def _escalation(self, company: str) -> Escalation:
        return self._rules.get(company, _NO_RULES)

    async def _decide(
        self, held: Held, conversation: Conversation, messages: Sequence[Message], *, patient: bool
    ) -> tuple[Change, bool]:
        """What the turn comes to, and whether the customer has seen some of it already."""
        heard = _with_new_files_only(
            asked(unanswered(conversation, messages), conversation.asked), messages, conversation.done
        )
        language = heard.language or phrase_language(heard.text) or conversation.language
        wants_person = "human" in heard.commands or asks_for_person(heard.text)
        # Who begins anew leaves the person they waited for, or had: from here on it is the bot's conversation.
        stays = heard.since is None
        if stays and conversation.owner is Owner.WAITING:
            return await self._while_waiting(held, conversation, messages, heard, patient=patient)
        if stays and not conversation.bot_answers:
            # What a person reads isn't answered by the bot, a command neither; a language takes effect all the same.
            return Change(heard.upto, owner=conversation.owner, language=heard.language), False
        if wants_person:
            return called(heard, language, Opening(Reason.ASKED_FOR_PERSON)), False
        if not heard.text and heard.attachments:
            return called(heard, language, Opening(Reason.FILE)), False
        if not heard.text:
            replies = command_replies(heard, language)
            return Change(heard.upto, replies, language=heard.language, since=heard.since), False
        return await self._answer(held, conversation, messages, heard, patient=patient)

    async def _answer(
        self, held: Held, conversation: Conversation, messages: Sequence[Message], heard: Asked, *, patient: bool
    ) -> tuple[Change, bool]:
        rules = self._escalation(conversation.company)
        if opening := rules.before(conversation, messages, heard.text, self._now()):
            return called(heard, language_of(conversation, heard.text), opening), False
        answer, shown = await self._generate(held, conversation, messages, heard, patient=patient)
        if opening := rules.after(conversation, messages, answer):
            return called(heard, answer.language, opening), shown
        return answered(heard, answer), shown

    async def _while_waiting(
        self, held: Held, conversation: Conversation, messages: Sequence[Message], heard: Asked, *, patient: bool
    ) -> tuple[Change, bool]:
        """Until a person comes, answer what the documents do cover, unless it is for people only."""
        language = heard.language or phrase_language(heard.text) or conversation.language
        replies = command_replies(heard, language)
        waits = Change(heard.upto, replies, Owner.WAITING, heard.language, heard.since)
        if heard.attachments:
            replies.append(notice("attachment_kept", language))
        if "human" in heard.commands or asks_for_person(heard.text):
            replies.append(notice("already_waiting", language, _why_waiting(messages)))
        elif heard.text and self._may_answer(conversation, messages, heard):
            answer, shown = await self._generate(held, conversation, messages, heard, patient=patient)
            if answer.outcome is Outcome.ANSWERED:
                return replace(answered(heard, answer), owner=Owner.WAITING), shown
            replies.append(notice("already_waiting", language, _why_waiting(messages)))
        return waits, False

    def _may_answer(self, conversation: Conversation, messages: Sequence[Message], heard: Asked) -> bool:
        if _why_waiting(messages) in FOR_PEOPLE_ONLY:
            return False
        rules = self._escalation(conversation.company)
        return rules.before(conversation, messages, heard.text, self._now()) is None

    async def _generate(
        self, held: Held, conversation: Conversation, messages: Sequence[Message], heard: Asked, *, patient: bool
    ) -> tuple[Answer, bool]:
        connector = self._connectors[conversation.chat.line]
        question = _question(conversation, messages, heard)

        async def superseded(shown: bool) -> bool:
            now, messages = await self._database.read(store.burst, conversation, 0)
            if now.owner is not conversation.owner:
                return True
            newer = [message for message in messages if message.seq > conversation.asked and asks(message)]
            return any(message.kind is Kind.STOP for message in newer) or (bool(newer) and patient and not shown)

        def hold_on() -> None:
            if held.beside is None and not any(map(is_aside, messages)):
                held.beside = asyncio.create_task(self._hold_on(held, conversation, question.text))

        already = waited(conversation, messages, self._now())
        drafting = Drafting(held, conversation, connector, self._pace, already)
        return await drafting.run(self._answerer, question, Listening(superseded, hold_on))

    async def _hold_on(self, held: Held, conversation: Conversation, words: str) -> tuple[GivenBack, float]:
        language = language_of(conversation, words)
        said = Reply(text("still_working", language), Author.BOT, language, trace=traceparent())
        noticed = await self._database.write(store.notice, conversation, said, self._now())
        return await self._delivery.drain(held, noticed), self._now()

    async def _park(
        self, observed: Observed, conversation: Conversation, messages: Sequence[Message], why: str
    ) -> Conversation:
        """Call a person and tell the customer, once a turn failed for the third time or took too long."""
        if not conversation.bot_answers:
            return await self._conclude(observed, conversation, Change(conversation.asked, owner=conversation.owner))
        return await self._conclude(observed, conversation, parked(conversation, messages, why))


def _question(conversation: Conversation, messages: Sequence[Message], heard: Asked) -> Question:
    return Question(
        company=conversation.company,
        text=heard.text,
        language=conversation.language,
        history=_history(conversation, messages, max(conversation.since, heard.since or 0)),
        conversation=conversation.id,
    )


def _why_waiting(messages: Sequence[Message]) -> Reason | None:
    """Why the conversation was handed over; None when that is further back than the messages go."""
    return next((message.reason for message in reversed(messages) if message.reason), None)


def _is_customers(message: Message) -> bool:
    return message.status is Status.RECEIVED


def _with_new_files_only(heard: Asked, messages: Sequence[Message], done: int) -> Asked:
    """The rest of an album that was spoken of already is nothing to speak of."""
    told = {file.album for message in messages if message.seq <= done for file in message.attachments}
    return replace(heard, attachments=[file for file in heard.attachments if not file.album or file.album not in told])


def _history(conversation: Conversation, messages: Sequence[Message], since: int) -> list[Turn]:
    left_out = -((HISTORY - conversation.done) // HISTORY_STEP) * HISTORY_STEP
    return [
        Turn(message.author, message.text, message.citations, message.evidence)
        for message in messages
        if message.seq > max(since, left_out) and message.text and message.kind is Kind.MESSAGE and _was_said(message)
        # An answer may stand behind the question that came while it was made.
        if message.seq <= conversation.done or not _is_customers(message)
    ]


def _was_said(message: Message) -> bool:
    if message.author is Author.NOTICE or is_aside(message):
        return False
    return message.status not in (Status.WITHDRAWN, Status.FAILED)
