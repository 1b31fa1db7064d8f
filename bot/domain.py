"""The nouns of conversations, as frozen types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from retrieval.passages import Audience


class Outcome(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    CLARIFY = "clarify"
    HANDOFF = "handoff"


class Manner(StrEnum):
    """Where the words of an answer are from."""

    VERBATIM = "verbatim"
    """A FAQ entry's own answer."""
    EXTRACTED = "extracted"
    """Sentences of a document."""
    WRITTEN = "written"
    """A model's, verified."""
    FIXED = "fixed"
    """A text of the system, such as a greeting."""


class Reason(StrEnum):
    """Why a question went to a person, or back to the customer."""

    NOT_COVERED = "not_covered"
    """No document is about this."""
    UNSURE = "unsure"
    """Something similar was found, not clearly an answer."""
    NOTHING_VERIFIED = "nothing_verified"
    """A model wrote an answer, and no sentence of it stood in the documents."""
    ASKED_FOR_PERSON = "asked_for_person"
    FILE = "file"
    """The customer sent a file and no words: only a person can look at it."""
    NO_DOCUMENTS = "no_documents"
    """The company has no documents yet."""
    FAILED = "failed"
    """Something broke on our side."""
    RULE = "rule"
    """The question is about a topic that always goes to a person."""
    ANGRY = "angry"
    """The customer is angry."""
    REPEATED = "repeated"
    """The bot didn't help twice in a row."""


class Author(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "customer"
    BOT = "bot"
    PERSON = "person"
    """A member of the support staff."""
    NOTICE = "notice"
    """A fixed text of the system: handed over, handed back, ..."""


class Owner(StrEnum):
    """Who answers a conversation now: the states of a handoff."""

    BOT = "bot"
    WAITING = "waiting"
    """Handed over; no person has claimed it yet."""
    HUMAN = "human"
    CLOSED = "closed"


Line = tuple[str, str]
"""A company and one of its channels: what one connector serves."""


@dataclass(frozen=True, slots=True)
class Chat:
    """Where a customer is: one chat of one company on one channel."""

    company: str
    channel: str
    """Such as `web` or `telegram`."""
    address: str
    """What the channel knows the chat by."""

    @property
    def line(self) -> "Line":
        """Which connector serves it."""
        return self.company, self.channel


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of the support staff: an account at the desk."""

    company: str
    id: str
    """What they sign in by, and what is on record as who did something."""
    name: str
    """As customers read it."""
    slack: str = ""
    """Their user id in Slack, if they are linked."""
    ready: bool = True
    """Whether they have chosen a password."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a company's customer (or staff) asks."""

    company: str
    text: str
    audience: Audience = Audience.PUBLIC
    language: str = ""
    """A two-letter code; empty means detect it."""
    history: Sequence["Turn"] = ()
    conversation: str = ""
    """Which one it belongs to: its questions go to the same model replica. Empty if to none."""
    began: float | None = None
    """When the customer began to wait, in the event loop's time: what it takes counts from there. None means now."""
    hint: str = ""
    """What a member of the staff wants heeded; they ask in the customer's place then."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier exchange of the same conversation."""

    author: Author
    text: str
    citations: Sequence["Citation"] = ()
    evidence: Sequence[str] = ()
    """Of an answer that a model wrote: see `Answer.evidence`."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage that an answer stands on, as the marker `[number]` in the text names it."""

    number: int
    document: str
    passage: str
    title: str
    location: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the bot would say, for a person to send, to change or to throw away."""

    text: str
    citations: Sequence[Citation] = ()
    confidence: float = 0.0
    hint: str = ""
    """What the person told the bot to heed."""
    at: float = 0.0
    """When it was made: seconds since the epoch, UTC."""


class Ruling(StrEnum):
    """Why, of two passages that contradict each other, one was answered from."""

    APPROVED = "approved"
    NEWER = "newer"
    OPEN = "open"
    """Nothing speaks for one of them: the customer is told that the documents differ."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """Two passages that contradict each other."""

    kept: str
    """The one that was answered from, by id."""
    other: str
    said: str
    otherwise: str
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Answer:
    """The final word on a question. A `handoff` has a reason, and a text that tells the customer so."""

    outcome: Outcome
    text: str
    confidence: float
    language: str
    citations: Sequence[Citation] = ()
    reason: Reason | None = None
    suggestions: Sequence[str] = ()
    """With `clarify`: questions the documents do answer, for the customer to pick from."""
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    evidence: Sequence[str] = ()
    """The passages that a model was given for it and not before, by id, in their order in the prompt."""
    proposal: Suggestion | None = None
    """Of what is no answer: the best that could have been said, for staff to look at."""
    disputes: Sequence[Dispute] = ()
    """Where documents contradict what was answered from; the text says so."""
    manner: Manner = Manner.FIXED
    explanation: Mapping[str, object] = field(default_factory=dict, compare=False)
    """How it came about, as plain data that is stored with it: `query`, `passages`, `signals`, and `withheld`."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The answer so far: what is safe to show already. Each draft replaces the one before."""

    text: str
