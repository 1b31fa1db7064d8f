"""Sending what waits in the outbox: in order for each conversation, as fast as the channel takes it, once."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from bot import tracing
from bot.conversation import Conversation, Message, Status
from bot.domain import Author, Chat, Line
from bot.errors import Fenced
from bot.held import GivenBack, Held, recorded, see_through
from bot.ports import Capabilities, Connector, Gone, Kind, Receipt, Rejected, Retry, Sent, Unknown
from bot.storage import work as store
from bot.storage.conversations import one_message
from retrieval.database import Database

log = logging.getLogger(__name__)

SEND_SECONDS = 30.0
"""A connector that takes longer has broken off."""
SHORT_WAIT = 0.05
"""A person who claims a conversation is kept waiting so long, rather than written to the database."""
CLAIM_WAITS = 10.0
"""A claim waits so long for a message that waits for its place: taking its mark off costs two more commits."""
RESEND_UNKNOWN = 3
"""A message of which the channel never said that it took it is sent at most so often."""
SLOT_SECONDS = 5.0
"""A message that the channel hasn't answered by then lets one of another chat go before."""
GIVE_UP = 24 * 3600.0
"""Seconds after which a message that a channel keeps putting off is no longer worth sending."""


class Pacer:
    """Keeps to the rates of a channel: so many a second over all chats, and a pause between two to one chat."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._next: dict[Line | Chat, float] = {}

    def wait(self, chat: Chat, capabilities: Capabilities) -> float:
        """Take the next free place; returns the seconds until then."""
        now = self._now()
        if len(self._next) > 10_000:
            self._next = {key: at for key, at in self._next.items() if at > now}
        at = max(now, self._next.get(chat, 0.0), self._next.get(chat.line, 0.0))
        if capabilities.chat_interval:
            self._next[chat] = at + capabilities.chat_interval
        if capabilities.per_second:
            # Counted from now, not from this chat's own wait: others needn't stand behind it.
            self._next[chat.line] = max(now, self._next.get(chat.line, 0.0)) + 1 / capabilities.per_second
        return at - now


class Slot:
    """The place of a message on its way: from before it is sent until what came of it is on record.

    One that hears nothing from the channel is lent to another message, once: all chats of a line move on, if slowly.
    """

    def __init__(self, places: asyncio.Semaphore | None) -> None:
        self._places = places
        self._overdue = asyncio.get_running_loop().call_later(SLOT_SECONDS, self.free) if places else None

    def answered(self) -> None:
        """The channel has answered: from now on the place is kept, however long recording takes."""
        if self._overdue:
            self._overdue.cancel()

    def free(self) -> None:
        """Let another message go; the second time this does nothing."""
        self.answered()
        if self._places:
            self._places.release()
            self._places = None


class Slots:
    """How many messages are on their way to a channel: sent, and not yet known here for good."""

    def __init__(self) -> None:
        self._places: dict[Line, asyncio.Semaphore] = {}

    async def take(self, chat: Chat, capabilities: Capabilities) -> Slot:
        """Wait for a free place."""
        if capabilities.at_once is None:
            return Slot(None)
        places = self._places.setdefault(chat.line, asyncio.Semaphore(capabilities.at_once))
        await places.acquire()
        return Slot(places)


@dataclass(frozen=True, slots=True)
class _Pause:
    """Sending goes on later."""

    seconds: float


class Delivery:
    """Empties the outbox of conversations that are held."""

    def __init__(
        self, database: Database, connectors: Mapping[Line, Connector], now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._connectors = connectors
        self._now = now
        self._pacer = Pacer(now)
        self._slots = Slots()

    async def drain(self, held: Held, conversation: Conversation, *, giving_back: bool = False) -> GivenBack:
        """Send what waits. `conversation` is the row as last seen; its `sending` message is marked as such already.

        `giving_back` leaves the last message sent in the outcome, to be settled in one commit with giving the
        conversation back. Raises `Fenced` when the lease ran out, or a person took the conversation.
        """
        settled = conversation.settled
        if conversation.queued <= settled:
            return GivenBack(settled)
        settled, waiting = await self._database.read(store.outbox, conversation)
        for message in waiting:
            with contextlib.ExitStack() as slot:
                settling = await self._send(held, conversation, message, slot)
                if isinstance(settling, _Pause):
                    return GivenBack(message.seq - 1, delay=settling.seconds, put_off=True)
                if settling is not None and giving_back and message is waiting[-1]:
                    held.given_back.push(slot.pop_all())
                    return GivenBack(settled, sent=settling)
                if settling is not None:
                    await self._settle(held, conversation, settling)
        return GivenBack(settled)

    async def _send(
        self, held: Held, conversation: Conversation, message: Message, slot: contextlib.ExitStack
    ) -> Message | _Pause | None:
        """Send one message. What is returned is still to be settled, None is settled already."""
        connector = self._connectors[conversation.chat.line]
        marked = await self._wait_for_rates(conversation, message, connector.capabilities)
        place, marked = await self._place(conversation, connector.capabilities, marked=marked)
        slot.callback(place.free)
        if held.lost or self._now() >= held.until:
            raise Fenced("The lease ran out before the message was sent.")
        if message.author is not Author.PERSON and not marked and not await self._begin(conversation, message):
            return None
        message = replace(message, attempts=message.attempts + 1)
        with tracing.sending(conversation, message) as sending:
            receipt = await see_through(self._receipt(connector, conversation, message))
            place.answered()
            sending.acknowledged(receipt, self._now() - message.at)
        if isinstance(receipt, Sent):  # nothing is waited for between that and its being recorded
            return replace(message, status=Status.SENT, refs=receipt.refs)
        return await see_through(self._judge(held, conversation, message, receipt))

    async def _wait_for_rates(self, conversation: Conversation, message: Message, capabilities: Capabilities) -> bool:
        """Keep to the channel's rates. Returns whether the message is still marked as being sent."""
        marked = conversation.sending == message.seq
        wait = self._pacer.wait(conversation.chat, capabilities)
        if wait > SHORT_WAIT and marked:
            await self._database.write(store.hold, conversation)
            marked = False
        if wait:
            await asyncio.sleep(wait)
        return marked

    async def _place(
        self, conversation: Conversation, capabilities: Capabilities, *, marked: bool
    ) -> tuple[Slot, bool]:
        """Wait for a free place; who wants to claim the conversation doesn't wait as long as that may take."""
        if marked:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLAIM_WAITS):
                    return await self._slots.take(conversation.chat, capabilities), True
            await self._database.write(store.hold, conversation)
        return await self._slots.take(conversation.chat, capabilities), False

    async def _begin(self, conversation: Conversation, message: Message) -> bool:
        return await self._database.write(store.begin_send, conversation, message.seq)

    async def _receipt(self, connector: Connector, conversation: Conversation, message: Message) -> Receipt:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                if message.kind is Kind.EDIT:
                    return await self._edit(connector, conversation, message)
                return await connector.send(message.outgoing(conversation.chat))
        except TimeoutError:
            return Unknown(f"nothing was heard for {SEND_SECONDS:g} s")
        except Exception as error:
            log.exception("sending to %s raised, which connectors should not", connector.channel)
            return Unknown(f"{type(error).__name__}: {error}")

    async def _edit(self, connector: Connector, conversation: Conversation, correction: Message) -> Receipt:
        """Give a message that was sent the text of its correction."""
        where = (conversation.company, conversation.id, int(correction.ref))
        message = await self._database.read(one_message, *where)
        if message is None or message.status is not Status.SENT:
            return Rejected("the message never reached the customer")
        return await connector.edit(replace(message, text=correction.text).outgoing(conversation.chat))

    async def _judge(
        self, held: Held, conversation: Conversation, message: Message, receipt: Retry | Unknown | Gone | Rejected
    ) -> _Pause | None:
        """Record why the message was not sent."""
        match receipt:
            case Retry(after, why, refs) if self._now() - message.at < GIVE_UP:
                taken = replace(message, refs=refs or message.refs)
                return await self._put_off(held, conversation, taken, max(after, _backoff(message.attempts)), why)
            case Unknown(why, refs) if message.attempts < RESEND_UNKNOWN:
                taken = replace(message, refs=refs or message.refs)
                return await self._put_off(held, conversation, taken, _backoff(message.attempts), why)
            case Gone(why, moved_to):
                log.info("conversation %s can't be written to: %s", conversation.id, why)
                await self._database.write(store.gone, conversation, why, moved_to, self._now())
                return _Pause(0.0)
            case Retry(why=why) | Unknown(why=why) | Rejected(why):
                log.error("message %s:%d was given up: %s", conversation.id, message.seq, why)
                failed = replace(message, status=Status.FAILED)
                await self._settle(held, conversation, failed, why)
                return None

    async def _put_off(
        self, held: Held, conversation: Conversation, message: Message, seconds: float, why: str
    ) -> _Pause:
        log.info("message %s:%d is put off for %.1f s: %s", conversation.id, message.seq, seconds, why)
        await self._settle(held, conversation, message)
        return _Pause(seconds)

    async def _settle(self, held: Held, conversation: Conversation, message: Message, why: str = "") -> None:
        def settle() -> Awaitable[None]:
            return self._database.write(store.settle, conversation, message, self._now(), why)

        await see_through(recorded(held, self._now, settle))


def _backoff(attempts: int) -> float:
    return float(min(2 ** (attempts - 1), 60))
