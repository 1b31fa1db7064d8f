"""A conversation and its messages as the workers see them, and what a customer asks in a burst of messages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot.domain import Author, Chat, Citation, Outcome, Owner, Reason, Suggestion
from bot.ports import Attachment, Kind, Outgoing
from bot.texts import LANGUAGES


class Status(StrEnum):
    """Where a message stands on its way."""

    RECEIVED = "received"
    """It came from the customer."""
    OUTBOX = "outbox"
    """It waits to be sent."""
    SENT = "sent"
    WITHDRAWN = "withdrawn"
    """It was never sent: a person took over, or the customer can't be written to."""
    FAILED = "failed"
    """The channel refused it, or never said that it took it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds."""

    quiet: float = 0.7
    """A burst has ended when the customer has been quiet for so long..."""
    longest_burst: float = 3.0
    """... or has been writing for so long."""
    lease: float = 15.0
    """A worker that isn't heard of for so long loses its conversations to others."""
    poll: float = 1.0
    """How often to look for work that nobody announced."""
    first_sign: float = 12.0
    """The customer is told to hold on when nothing of the answer could be shown by then."""
    unshown_turn: float = 24.0
    """A person is called when the customer has waited so long, over all attempts, and nothing could be shown..."""
    turn: float = 28.0
    """... or so long, and what was shown hasn't come to an end..."""
    overdue: float = 28.5
    """... or so long, whatever became of the worker: any process that is alive calls a person then."""
    retries: Sequence[float] = (0.5, 2.0)
    """Waits before a failed turn is tried again; then the message is parked and a person is called."""
    deaths: int = 5
    """So many workers may die while they hold a message, mostly of another one's fault; then it is parked as well."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """The row of a conversation, as it was when it was read."""

    company: str
    id: str
    chat: Chat
    owner: Owner
    person: str | None
    customer: str
    language: str
    last: int
    asked: int
    done: int
    queued: int
    settled: int
    since: int
    sending: int | None
    failures: int
    deaths: int
    gone: str | None
    lease: str | None
    due: float | None

    @property
    def bot_answers(self) -> bool:
        """Whether the bot has the word; a closed conversation is opened again by the customer's next message."""
        return self.owner in (Owner.BOT, Owner.CLOSED)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation: what came in, and what went out."""

    conversation: str
    seq: int
    author: Author
    text: str
    at: float = 0.0
    """Seconds since the epoch, UTC."""
    kind: Kind = Kind.MESSAGE
    status: Status = Status.OUTBOX
    attempts: int = 0
    ref: str = ""
    order: float = 0.0
    quote: str = ""
    attachments: Sequence[Attachment] = ()
    language: str = ""
    citations: Sequence[Citation] = ()
    suggestions: Sequence[str] = ()
    evidence: Sequence[str] = ()
    """Of the bot's answer: see `bot.domain.Answer.evidence`."""
    outcome: Outcome | None = None
    reason: Reason | None = None
    sender: str = ""
    refs: Sequence[str] = ()
    edited: bool = False
    """Its text was changed after it was sent."""
    trace: str = ""
    """Where it came from, as a `traceparent`: its intake, or the turn that says it. Empty where nobody traces."""

    def outgoing(self, chat: Chat) -> Outgoing:
        """The message as a connector gets it."""
        return Outgoing(
            key=f"{self.conversation}:{self.seq}",
            chat=chat,
            conversation=self.conversation,
            seq=self.seq,
            author=self.author,
            text=self.text,
            at=self.at,
            language=self.language,
            citations=self.citations,
            suggestions=self.suggestions,
            outcome=self.outcome,
            sender=self.sender,
            refs=self.refs,
            files=self.attachments,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What the unanswered messages of a customer come to."""

    upto: int
    """They are dealt with once everything up to this one is."""
    text: str = ""
    """The questions, joined; empty if there is none."""
    commands: Sequence[str] = ()
    attachments: Sequence[Attachment] = ()
    stopped: bool = False
    """The customer stopped the answer after the last question."""
    since: int | None = None
    """Where the history begins from now on, if the customer asked for a new conversation."""

    @property
    def language(self) -> str:
        """The language that the customer chose; empty if none of ours was."""
        chosen = [command.removeprefix("language ") for command in self.commands if command.startswith("language ")]
        return chosen[-1] if chosen and chosen[-1] in LANGUAGES else ""


def asked(unanswered: Iterable[Message], upto: int) -> Asked:
    """Read a burst: edits change what they edit, deletions remove it, in the order of the channel."""
    heard: list[Message] = []
    edits: dict[str, str] = {}
    deleted: set[str] = set()
    for message in sorted(unanswered, key=lambda message: (message.order, message.seq)):
        match message.kind:
            case Kind.EDIT:
                edits[message.ref] = message.text
            case Kind.DELETE:
                deleted.add(message.ref)
            case Kind.FEEDBACK | Kind.BLOCKED:
                pass
            case _:
                heard.append(message)
    kept = [
        replace(message, text=edits.get(message.ref, message.text)) if message.ref else message
        for message in heard
        if not message.ref or message.ref not in deleted
    ]
    return _read(kept, upto)


def _read(kept: Sequence[Message], upto: int) -> Asked:
    since = max(
        (message.seq for message in kept if (message.kind, message.text) == (Kind.COMMAND, "new")), default=None
    )
    kept = [message for message in kept if since is None or message.seq >= since]
    stop = max((message.seq for message in kept if message.kind is Kind.STOP), default=0)
    questions = [message for message in kept if message.kind is Kind.MESSAGE and message.seq > stop]
    return Asked(
        upto=upto,
        text="\n".join(_with_quote(message) for message in questions if message.text.strip()),
        commands=[message.text for message in kept if message.kind is Kind.COMMAND],
        attachments=[attachment for message in questions for attachment in message.attachments],
        stopped=stop > 0 and not questions,
        since=since,
    )


def _with_quote(message: Message) -> str:
    return f"> {message.quote}\n{message.text}" if message.quote else message.text


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that a turn wants to say."""

    text: str
    author: Author = Author.NOTICE
    language: str = ""
    citations: Sequence[Citation] = ()
    suggestions: Sequence[str] = ()
    outcome: Outcome | None = None
    reason: Reason | None = None
    sender: str = ""
    attachments: Sequence[Attachment] = ()
    evidence: Sequence[str] = ()
    trace: str = ""
    """See `Message.trace`."""
    corrects: int | None = None
    """The place of the message that has this text from now on; else it is a message of its own."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of a handoff when it begins."""

    reason: Reason | None = None
    """None where a person takes the conversation unasked."""
    detail: str = ""
    """What the reason is about, such as the topic of a rule."""
    suggestion: Suggestion | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a turn comes to: stored in one transaction, or not at all."""

    upto: int
    replies: Sequence[Reply] = ()
    owner: Owner = Owner.BOT
    language: str = ""
    since: int | None = None
    events: Sequence[tuple[str, dict[str, object]]] = field(default_factory=tuple)
    handoff: Opening | None = None
    """Why `owner` is waiting, when that is new."""
