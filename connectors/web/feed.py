"""What an open page is told: the conversation as SQL has it, and what passes by on its way there.

The cursor of a feed is the newest place up to which nothing waits to be sent any more. Places are not shown in order:
an answer may be sent after the customer wrote again. Whoever comes back with a cursor gets everything above it, some of
it perhaps for the second time; a page takes a message of a place it knows as the same message.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.conversation import Conversation, Message, Status
from bot.domain import Author, Owner
from bot.ports import Attachment, Kind, Outgoing
from connectors.web.markup import markup

Event = tuple[str, dict[str, Any]]
"""A name, and what it says."""

REPLAY = 500
"""At most so many messages are told to a page that just opened."""

FEEDBACK = {"helpful": "helpful", "unhelpful": "not_helpful"}


@dataclass(slots=True)
class Subscription:
    """What one open page hasn't been told yet. Drafts replace each other, so that a slow reader is no burden."""

    outgoing: list[Outgoing] = field(default_factory=list)
    passing: dict[str, dict[str, Any]] = field(default_factory=dict)
    conversation: str = ""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """There is something new, here or in SQL."""
        self._news.set()

    async def wait(self, seconds: float) -> None:
        """Until there is something new, or it is time to look at SQL anyway."""
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return
        self._news.clear()

    def take(self) -> tuple[list[Outgoing], dict[str, dict[str, Any]]]:
        """What came since the last time."""
        taken = self.outgoing, self.passing
        self.outgoing, self.passing = [], {}
        return taken


class Hub:
    """The open pages of this process, by the address of their chat."""

    def __init__(self) -> None:
        self._open: defaultdict[str, list[Subscription]] = defaultdict(list)
        self._addresses: dict[str, str] = {}
        self.closed = False

    @contextmanager
    def subscribe(self, address: str) -> Iterator[Subscription]:
        """Be told what passes by, for as long as the context is open."""
        subscription = Subscription()
        self._open[address].append(subscription)
        try:
            yield subscription
        finally:
            self._open[address].remove(subscription)
            if not self._open[address]:
                del self._open[address]
                self._addresses.pop(subscription.conversation, None)

    def identify(self, subscription: Subscription, conversation: Conversation) -> None:
        """Tell which conversation a page shows, so that `changed` finds it."""
        subscription.conversation = conversation.id
        self._addresses[conversation.id] = conversation.chat.address

    def publish(self, message: Outgoing) -> None:
        """Show a message to all pages of its chat; it takes the draft's place."""
        for subscription in self._open.get(message.chat.address, ()):
            subscription.passing.clear()
            subscription.outgoing.append(message)
            subscription.wake()

    def draft(self, address: str, text: str | None) -> bool:
        """Show the answer so far; None takes it away. False if no page of the chat is open in this process."""
        # Which numbers have a citation is known at the end only: until then every marker counts as one.
        self._pass(address, "draft", {"text": text, "blocks": None if text is None else markup(text, range(1, 100))})
        return address in self._open

    def typing(self, address: str) -> None:
        """Show that an answer is being made."""
        self._pass(address, "typing", {})

    def _pass(self, address: str, name: str, data: dict[str, Any]) -> None:
        for subscription in self._open.get(address, ()):
            subscription.passing[name] = data
            subscription.wake()

    def wake(self, address: str) -> None:
        """Let the pages of a chat look at SQL."""
        for subscription in self._open.get(address, ()):
            subscription.wake()

    def close(self) -> None:
        """Let all pages go."""
        self.closed = True
        for address in self._open:
            self.wake(address)

    def changed(self, conversation: str) -> None:
        """Let the pages that show this conversation look at SQL."""
        self.wake(self._addresses.get(conversation, ""))


@dataclass(slots=True)
class View:
    """What one page has been told: turns the conversation into the events it lacks."""

    conversation: str = ""
    place: int = 0
    """Everything up to here has been told, and nothing up to here waits to be sent."""
    start: int | None = None
    """Messages before this one belong to a conversation that the customer has left."""
    owner: Owner | None = None
    told: set[int] = field(default_factory=set)
    """Places above `place` that were told already."""

    @classmethod
    def resume(cls, cursor: str) -> "View":
        """A page that comes back with the cursor it had, or a new one."""
        conversation, _, place = cursor.partition(".")
        return cls(conversation, int(place)) if place.isdecimal() and len(place) < 10 else cls()

    @property
    def cursor(self) -> str:
        """What a page may come back with."""
        return f"{self.conversation}.{self.place}" if self.conversation else ""

    def turn_to(self, conversation: Conversation) -> int:
        """Which conversation it is; returns the place above which its messages are needed."""
        if conversation.id != self.conversation:
            self.conversation, self.place, self.start, self.told = conversation.id, 0, None, set()
        return max(self.place, conversation.since - 1, conversation.last - REPLAY)

    def catch_up(self, conversation: Conversation | None, messages: Sequence[Message]) -> Iterator[Event]:
        """Given the conversation and its messages (see `turn_to`), what the page lacks."""
        if conversation is not None:
            yield from self._begin(conversation, messages)
            for message in messages:
                yield from self._tell(message)
            unsent = [message.seq for message in messages if message.status is Status.OUTBOX]
            self.place = max(self.place, min(unsent, default=conversation.last + 1) - 1)
            self.told = {seq for seq in self.told if seq > self.place}
        owner = conversation.owner if conversation else Owner.BOT
        if owner is not self.owner:
            self.owner = owner
            yield "status", {"owner": owner.value}

    def _begin(self, conversation: Conversation, messages: Sequence[Message]) -> Iterator[Event]:
        """A `new` command counts as soon as it is stored; a worker notes it in `since` a little later."""
        commands = (message.seq for message in messages if (message.kind, message.text) == (Kind.COMMAND, "new"))
        start = max(conversation.since, self.start or 0, *commands)
        if start != self.start:
            self.start = start
            yield "conversation", {"id": conversation.id, "start": start}

    def _tell(self, message: Message) -> Iterator[Event]:
        if message.seq in self.told or message.seq < (self.start or 0) or message.seq <= self.place:
            return
        if message.kind is Kind.FEEDBACK and message.text in FEEDBACK:
            self.told.add(message.seq)
            seq = message.ref.rpartition(":")[2]
            yield "feedback", {"seq": int(seq), "value": FEEDBACK[message.text]}
        elif message.kind is Kind.EDIT and message.status is Status.SENT:
            self.told.add(message.seq)
            yield "edited", edited(message)
        elif message.kind is Kind.MESSAGE and message.status in (Status.RECEIVED, Status.SENT):
            self.told.add(message.seq)
            yield "message", shown(message)

    def pass_on(self, outgoing: Sequence[Outgoing]) -> Iterator[Event]:
        """What was sent just now."""
        for message in outgoing:
            if message.seq not in self.told and message.seq > self.place:
                self.told.add(message.seq)
                yield "message", shown(message)


def edited(correction: Message) -> dict[str, Any]:
    """What a message of the staff says now."""
    return {"seq": int(correction.ref), "text": correction.text, "blocks": markup(correction.text, ())}


def shown(message: Message | Outgoing) -> dict[str, Any]:
    """A message as the page gets it."""
    customer = message.author is Author.CUSTOMER
    return {
        "seq": message.seq,
        "ref": message.ref if isinstance(message, Message) and customer else "",
        "author": message.author.value,
        "sender": message.sender if message.author is Author.PERSON else "",
        "text": message.text,
        "blocks": None if customer else markup(message.text, {citation.number for citation in message.citations}),
        "language": "" if customer else message.language,
        "citations": [
            {
                "number": citation.number,
                "document": citation.document,
                "passage": citation.passage,
                "title": citation.title,
                "location": citation.location,
            }
            for citation in message.citations
        ],
        "suggestions": list(message.suggestions),
        "files": [{"id": file.ref, "name": file.name, "size": file.size} for file in _files(message)],
        "edited": isinstance(message, Message) and message.edited,
        "outcome": message.outcome.value if message.outcome else None,
        "at": message.at,
    }


def _files(message: Message | Outgoing) -> Sequence[Attachment]:
    return message.attachments if isinstance(message, Message) else message.files
