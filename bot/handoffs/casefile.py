"""A case: one handoff with all that the people who work on it are shown. `bot.handoffs.cases` reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.conversation import Conversation, Status
from bot.domain import Author, Citation, Outcome, Suggestion
from bot.handoffs.mood import Mood
from bot.ports import Attachment


class EntryKind(StrEnum):
    """What an entry of a case's timeline is."""

    MESSAGE = "message"
    """Something the customer wrote, or was told."""
    NOTE = "note"
    """What staff write for staff."""
    EVENT = "event"
    """What happened: `Mia took the conversation.`"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a case's timeline."""

    kind: EntryKind
    id: str
    """Names it for good; unique within the conversation."""
    at: float
    """Seconds since the epoch, UTC."""
    cursor: str
    """The place after this entry: `timeline(..., after=cursor)` goes on from there."""
    text: str
    """In the customer's language for messages; of events, an English sentence."""
    author: Author | None = None
    """None for events."""
    name: str = ""
    """Who wrote it or did it, as people read it; empty where nobody said."""
    attachments: Sequence[Attachment] = ()
    """Files of the customer, which the channel keeps: `Connector.fetch(ref, limit)`; a web visitor's are in `file`."""
    files: Sequence[Attachment] = ()
    """Files that staff sent: their `ref` is an id in `file`."""
    status: Status | None = None
    """Of messages only. What was withdrawn never reached the customer."""
    seq: int | None = None
    """Of messages only: what `Handoffs.correct` is told."""
    citations: Sequence[Citation] = ()
    edited: bool = False
    outcome: Outcome | None = None
    """Of the bot's answers only: `bot.answers.explaining.explain` says how it came about."""
    event: str = ""
    """Of events only: what happened, such as `claimed`, `returned`, `resolved`, `idle`, `snoozed`, `send_failed`."""
    key: str = ""
    """Of notes only: the key that `Handoffs.note` was given, which says where it was written."""


@dataclass(frozen=True, slots=True)
class Case:
    """One handoff of a conversation. A conversation has one open case at most, and any number of closed ones."""

    company: str
    id: str
    conversation: Conversation
    opened_at: float
    closed_at: float | None
    reason: str
    """A `bot.domain.Reason`; empty where a person took the conversation unasked."""
    detail: str
    """What the reason is about: the topic of a rule."""
    mood: Mood
    language: str
    summary: Sequence[str]
    """Up to three lines: the problem in the customer's words, what was tried, what is missing."""
    suggestion: Suggestion | None
    """What the bot would say."""
    snoozed_until: float | None
    person: str | None
    """Who has it: the conversation's `person`."""
    person_name: str
    """What to call them; their id where they gave no name."""
    last_at: float
    """When somebody last wrote."""
    question: str
    """The customer's last words."""
    unread: int
    """Customer messages since somebody last answered."""
    idle_since: float | None = None
    """Set while staff are asked whether the conversation may go back to the bot; `Handoffs.keep` answers no."""
    so_far: Sequence[Entry] = ()
    """The last entries up to when it was opened. Only of `get` and in mirroring, not in lists."""
