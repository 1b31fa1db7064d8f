"""The timeline of a case: what was said, what staff noted and what happened, merged by time.

Its cursor is three numbers, such as `12.240.7`: the messages, events and notes up to these have been told. Each of the
three keeps its own order, whatever the clocks of the machines that wrote them said.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.conversation import Message, Opening, Status
from bot.domain import Author, Reason
from bot.handoffs.casefile import Entry, EntryKind
from bot.handoffs.summary import why
from bot.ports import Kind

CUSTOMER = "The customer"
ASSISTANT = "The assistant"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a timeline was read."""

    seq: int = 0
    event: int = 0
    note: int = 0

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read `12.240.7`; anything else is the beginning."""
        parts = text.split(".")
        return cls(*map(int, parts)) if len(parts) == 3 and all(part.isdecimal() for part in parts) else cls()

    def __str__(self) -> str:
        return f"{self.seq}.{self.event}.{self.note}"


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of the audit trail."""

    id: int
    at: float
    kind: str
    actor: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """What a member of the staff wrote for staff."""

    id: int
    at: float
    person: str
    name: str
    text: str
    key: str


_Step = tuple[float, Cursor, Entry | None]
"""When, which cursor it moves on (one number is set), and what there is to see."""


def merged(messages: Sequence[Message], events: Sequence[Event], notes: Sequence[Note], after: str) -> list[Entry]:
    """The entries after a cursor, each with its own. The three must be what comes after it."""
    cursor = Cursor.parse(after)
    found = []
    for _, step, entry in heapq.merge(
        ((message.at, Cursor(seq=message.seq), _of_message(message)) for message in messages),
        ((event.at, Cursor(event=event.id), _of_event(event)) for event in events),
        ((note.at, Cursor(note=note.id), _of_note(note)) for note in notes),
        key=lambda step: step[0],
    ):
        cursor = Cursor(step.seq or cursor.seq, step.event or cursor.event, step.note or cursor.note)
        if entry is not None:
            found.append(replace(entry, cursor=str(cursor)))
    return found


def _of_note(note: Note) -> Entry:
    name = note.name or note.person
    return Entry(EntryKind.NOTE, f"n{note.id}", note.at, "", note.text, Author.PERSON, name, key=note.key)


def _of_message(message: Message) -> Entry | None:
    mine = message.author is Author.CUSTOMER
    match message.kind:
        case Kind.MESSAGE:
            return _said(message, f"> {message.quote}\n{message.text}" if message.quote else message.text)
        case Kind.EDIT if mine or message.status is not Status.FAILED:
            who = CUSTOMER if mine else message.sender or "A member of the staff"
            return _happened(message, "corrected", f"{who} changed a message to: “{message.text}”", message.sender)
        case Kind.DELETE:
            return _happened(message, "deleted", f"{CUSTOMER} took a message back.")
        case Kind.FEEDBACK:
            helpful = message.text == "helpful"
            said = f"{CUSTOMER} found the answer {'helpful' if helpful else 'not helpful'}."
            return _happened(message, message.text, said)
        case Kind.COMMAND if message.text in TOLD_COMMANDS:
            return _happened(message, message.text, TOLD_COMMANDS[message.text])
        case Kind.COMMAND:
            return _said(message, f"/{message.text}")
        case _:
            return None


def _said(message: Message, text: str) -> Entry:
    mine = message.author is Author.CUSTOMER
    return Entry(
        kind=EntryKind.MESSAGE,
        id=f"m{message.seq}",
        at=message.at,
        cursor="",
        text=text,
        author=message.author,
        name="" if mine else message.sender,
        attachments=message.attachments if mine else (),
        files=() if mine else message.attachments,
        status=message.status,
        seq=message.seq,
        citations=message.citations,
        edited=message.edited,
        outcome=message.outcome,
    )


TOLD_COMMANDS = {"human": f"{CUSTOMER} asked for a person.", "new": f"{CUSTOMER} began a new conversation."}
"""What is told of these commands; others are shown as the customer wrote them."""


def _happened(message: Message, event: str, text: str, name: str = "") -> Entry:
    """What a message that is no message comes to. Its status says whether a correction is with the customer yet."""
    status = None if message.author is Author.CUSTOMER else message.status
    return Entry(EntryKind.EVENT, f"m{message.seq}", message.at, "", text, name=name, status=status, event=event)


def _of_event(event: Event) -> Entry | None:
    describe = _EVENTS.get(event.kind)
    if describe is None:
        return None
    name = str(event.data.get("name") or event.actor)
    return Entry(EntryKind.EVENT, f"e{event.id}", event.at, "", describe(event, name), name=name, event=event.kind)


def _handed_over(event: Event, _name: str) -> str:
    reason = event.data.get("reason")
    known = Reason(reason) if reason in set(Reason) else None
    return f"{ASSISTANT} called a person. {why(Opening(known, str(event.data.get('detail', ''))))}".strip()


def _claimed(event: Event, name: str) -> str:
    before = event.data.get("taken_from")
    if before:
        return f"{name} took the conversation over from {before}."
    withdrawn = f" {ASSISTANT}'s unsent answer was withdrawn." if event.data.get("withdrawn") else ""
    return f"{name} took the conversation.{withdrawn}"


def _returned(event: Event, name: str) -> str:
    if event.actor == "idle":
        return f"Nobody wrote, and nobody wanted to keep the conversation: it went back to {ASSISTANT.lower()}."
    return f"{name} gave the conversation back to {ASSISTANT.lower()}."


def _idle(event: Event, _name: str) -> str:
    hours, left = event.data.get("hours", 0), event.data.get("left", 0)
    return (
        f"Nobody has written for {hours:g} hours. Unless somebody keeps the conversation, it goes back to "
        f"{ASSISTANT.lower()} in {left:g} hours."
    )


def _snoozed(event: Event, name: str) -> str:
    until = datetime.fromtimestamp(event.data.get("until", 0), UTC)
    return f"{name} put the case aside until {until:%Y-%m-%d %H:%M} UTC."


def _send_failed(event: Event, _name: str) -> str:
    return f"A message could not be delivered: {event.data.get('why') or 'the channel gave no reason'}."


def _documents_differ(event: Event, _name: str) -> str:
    data = event.data
    return (
        f"Documents contradict each other: {data.get('kept')} says “{data.get('said')}”, {data.get('other')} says "
        f"“{data.get('otherwise')}”. {ASSISTANT} answered from the first."
    )


_EVENTS: Mapping[str, Callable[[Event, str], str]] = {
    "handed_over": _handed_over,
    "claimed": _claimed,
    "returned": _returned,
    "resolved": lambda _event, name: f"{name} resolved the conversation.",
    "left": lambda _event, _name: f"{CUSTOMER} began anew: {ASSISTANT.lower()} answers again, and this case is closed.",
    "reopened": lambda _event, _name: f"{CUSTOMER} wrote again.",
    "idle": _idle,
    "taught": lambda event, name: f"{name} saved an answer to “{event.data.get('question', '')}”.",
    "kept": lambda _event, name: f"{name} keeps the conversation.",
    "snoozed": _snoozed,
    "woken": lambda _event, _name: "The case is back in the queue.",
    "send_failed": _send_failed,
    "documents_differ": _documents_differ,
    "blocked": lambda _event, _name: f"{CUSTOMER} can't be written to any more.",
    "gone": lambda _event, _name: f"{CUSTOMER} can't be written to any more.",
}
"""What staff are told of the audit trail."""
