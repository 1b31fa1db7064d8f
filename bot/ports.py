"""What the bot needs from outside: channels, and an answerer. One contract for the web chat, Telegram and Slack.

A connector turns what its channel says into `Inbound` events and hands them to the `Inbox`; it acknowledges to its
channel only after `receive` returned. What is to be said comes back to its `send`, in order for each chat, until it
returns a receipt that settles the message.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from bot.domain import Answer, Author, Chat, Citation, Draft, Outcome, Question

if TYPE_CHECKING:
    from bot.handoffs.casefile import Case, Entry


class Kind(StrEnum):
    """What happened in a chat."""

    MESSAGE = "message"
    EDIT = "edit"
    """`text` replaces that of the message `ref`; it changes the question as long as there is no answer."""
    DELETE = "delete"
    """The message `ref` is taken back."""
    COMMAND = "command"
    """`text` is its name without a slash: `human`, `new`, `language de`; also what a button of that meaning sends."""
    FEEDBACK = "feedback"
    """`text` is `helpful` or `unhelpful`, `ref` the `Outgoing.key` that is judged."""
    STOP = "stop"
    """The customer stopped the answer that was being made."""
    BLOCKED = "blocked"
    """The customer can't be written to any more, until something comes from there."""


SILENT = (Kind.FEEDBACK, Kind.BLOCKED)
"""What is kept but asks nothing."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message. Its content stays with the channel until a person asks for it."""

    ref: str
    """What the channel calls the file."""
    name: str
    media_type: str
    size: int | None = None
    """Bytes, where the channel says so."""
    album: str = ""
    """The files of an album come one by one, perhaps with pauses. They share this, and are one message."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One event of a channel. The same `id` twice is a redelivery, and harmless."""

    id: str
    """The channel's own id of the event; unique within the company and the channel."""
    chat: Chat
    kind: Kind = Kind.MESSAGE
    text: str = ""
    ref: str = ""
    """The channel's id of the message that this is about."""
    order: float = 0.0
    """Where it stands in its chat as the channel counts (a message id, a time): a burst is read in this order."""
    author: str = ""
    """The customer's id in the channel."""
    name: str = ""
    """What to call the customer, if the channel says so."""
    language: str = ""
    """A two-letter code: what the channel takes the customer's language for."""
    quote: str = ""
    """The text that the customer replied to."""
    attachments: Sequence[Attachment] = ()


class Inbox(Protocol):
    """Where connectors hand in what happened."""

    async def receive(self, event: Inbound) -> bool:
        """Store the event durably; False if it was there already.

        Raises `retrieval.errors.StoreUnavailable`: don't acknowledge then, so that the channel delivers again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for a customer."""

    key: str
    """Names the message for good: the same on every attempt to send it."""
    chat: Chat
    conversation: str
    seq: int
    """Its place in the conversation."""
    author: Author
    text: str
    at: float
    """Seconds since the epoch, UTC."""
    language: str = ""
    citations: Sequence[Citation] = ()
    suggestions: Sequence[str] = ()
    """Questions to offer as buttons; choosing one sends it as the customer's message."""
    outcome: Outcome | None = None
    """Of the bot's answers only."""
    sender: str = ""
    """The name of the person who wrote it, if a person did."""
    refs: Sequence[str] = ()
    """The parts of it that the channel has already: it is sent from there on."""
    files: Sequence[Attachment] = ()
    """Files of a member of the staff: `ref` is an id in the table `file`, see `bot.storage.files`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The channel has the message."""

    refs: Sequence[str] = ()
    """What the channel calls it: several, if it had to be split."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now; other chats go on meanwhile."""

    after: float
    """Seconds."""
    why: str = ""
    refs: Sequence[str] = ()
    """What the channel calls the parts that it took."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The connection broke before the channel answered: the message may be there or not."""

    why: str
    refs: Sequence[str] = ()
    """What the channel calls the parts that it took before."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The chat can't be written to: blocked, deleted, or moved."""

    why: str
    moved_to: str = ""
    """The chat's new address: the message is sent there."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The channel refuses this message, and will every time."""

    why: str


Receipt = Sent | Retry | Unknown | Gone | Rejected


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can do, and how fast."""

    drafts: bool = False
    """An answer can be shown while it is being made."""
    per_second: float | None = None
    """Messages a second over all chats of a company; None is no limit."""
    chat_interval: float = 0.0
    """Seconds between two messages to one chat."""
    at_once: int | None = 1
    """Messages of a company that may be on their way at a time: at most so many come twice after a crash, which may
    fall between the channel's OK and our commit. None where it does no harm to send the same key twice.
    """


class Connector(Protocol):
    """One channel. But for `start` and `fetch`, its methods don't raise: trouble is logged, or is a receipt."""

    @property
    def channel(self) -> str:
        """Such as `web`: the `Chat.channel` of its events."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What the channel can do."""
        ...

    async def start(self, inbox: Inbox) -> None:
        """Begin to listen. Raises `llm.errors.SettingsError` when it never could."""
        ...

    async def stop(self) -> None:
        """Stop listening; what was received is handed in first. Sending still works."""
        ...

    async def send(self, message: Outgoing) -> Receipt:
        """Send it, once if the channel allows. In one chat, the next comes only after this one's receipt."""
        ...

    async def edit(self, message: Outgoing) -> Receipt:
        """Give a message that was sent another text: `message.refs` are its parts, `message.text` is what it says now.

        `Rejected` says, for staff to read, why that can't be.
        """
        ...

    async def show(self, chat: Chat, draft: str | None) -> bool:
        """Show the answer so far, in place of the draft before. None takes the draft away: no answer comes of it.

        Returns whether the customer sees it: not every chat of a channel can show drafts.

        A message sent to the chat takes the draft's place without further ado. Only called with `Capabilities.drafts`.
        """
        ...

    async def typing(self, chat: Chat) -> None:
        """Show that an answer is being made; called every few seconds while it is."""
        ...

    async def fetch(self, ref: str, limit: int) -> bytes:
        """The content of a customer's file, by its `Attachment.ref`; needs no `start`.

        Raises `bot.errors.FileUnavailable` when the channel doesn't give it, or it has more than `limit` bytes.
        """
        ...


Answerer = Callable[[Question], AsyncIterator[Draft | Answer]]
"""Answers a question: any number of drafts, then one answer. Closing the iterator stops the work."""


class StaffChannel(Protocol):
    """Where a company's staff work: a place with a thread for each case, such as Slack. Its methods don't raise.

    One call runs at a time for each thread; `bot.handoffs.mirroring.Mirror` calls again as the receipts say.
    """

    @property
    def name(self) -> str:
        """Such as `slack`. Notes whose key begins with `slack:` were written there, and aren't posted back."""
        ...

    async def find_thread(self, key: str) -> str | None:
        """The thread that was opened under this key, if there is one: asked when nobody knows whether it was.

        Raises `retrieval.errors.StoreUnavailable` when that can't be found out now.
        """
        ...

    async def open_thread(self, case: "Case", key: str) -> Receipt:
        """Open a case's thread with its card, and leave the key in it for `find_thread`. `Sent.refs[0]` is the thread.

        `case.so_far` is the conversation until then; what comes later is posted.
        """
        ...

    async def post(self, thread: str, case: "Case", entry: "Entry") -> Receipt:
        """Add to a thread what happened. `Gone.moved_to` names the thread that took this one's place."""
        ...

    async def redraw(self, thread: str, case: "Case") -> Receipt:
        """Make the card show the case as it is now."""
        ...
