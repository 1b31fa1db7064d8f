"""What staff do with cases in Slack, carried out. What is written in a thread stays there until somebody sends it."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.answers.teaching import Lesson
from bot.domain import Owner
from bot.handoffs.cases import Case, Cases
from bot.handoffs.consulting import Consulting, Unanswered
from bot.handoffs.handoff import Handoffs, Taken
from bot.storage import conversations, notes
from bot.storage import errands as store
from bot.storage.errands import Errand
from connectors.slack import card, forms
from connectors.slack.calling import Clients, People, Person
from connectors.slack.events import CHANGED, DELETED, MESSAGE, PRESS, SEND, SUBMIT, Place, message_id
from connectors.slack.files import download
from connectors.slack.telling import tell
from connectors.slack.text import mentioned, plain
from llm.errors import UsageError
from retrieval.database import Database
from retrieval.passages import Audience

CLOSED = "This case is closed by now. When the customer writes again and needs a person, a new one opens."
NOT_STAFF = "Only members of this workspace can do that: guests and people of other companies can't."
SENT = "sent:"
"""Begins the reference of a message that went to a customer: the conversation and the place in it follow."""
_COMMAND = re.compile(r"\s*[!/](?P<name>reply|note)\b[ \t]*(?P<text>.*)", re.IGNORECASE | re.DOTALL)
_MARKER = re.compile(r"[ \t]*\[\d{1,2}\]")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the work of one company's staff in Slack needs."""

    company: str
    database: Database
    clients: Clients
    people: People
    handoffs: Handoffs
    cases: Cases
    consulting: Consulting
    direct: bool
    """What the person who has a case writes in its thread goes out, unless it is marked as a note."""
    largest_file: int
    now: Callable[[], float] = time.time


class Cockpit:
    """Carries errands about cases out. Each can be carried out twice: the second time changes nothing.

    Raises `UsageError`, `Taken` and `FileUnavailable`, whose words are for the person, what failed calls to Slack
    raise, and `StoreUnavailable`.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.does = {
            MESSAGE: self._message,
            CHANGED: self._changed,
            DELETED: self._deleted,
            PRESS: self._press,
            SUBMIT: self._submit,
            SEND: self._send,
        }
        """By kind of errand."""

    async def _press(self, errand: Errand) -> None:
        action, about = str(errand.body["action"]), str(errand.body["value"])
        conversation, handoff, detail = (*about.split(":", 2), "", "")[:3]
        person = await self._person(errand)
        case = await self._case(conversation, handoff)
        try:
            await self._act(action, case, person, detail)
        except Taken as taken:
            buttons = [card.button(card.TAKE_OVER, card.value(case))]
            await tell(self._desk.clients, errand.body, f"{taken.holder} was faster, and has this case.", buttons)

    async def _act(self, action: str, case: Case, person: Person, detail: str) -> None:
        handoffs = self._desk.handoffs
        who = (self._desk.company, case.conversation.id, person.id, person.name)
        match action:
            case card.CLAIM:
                await handoffs.claim(*who)
            case card.TAKE_OVER:
                await handoffs.claim(*who, force=True)
            case card.SEND_DRAFT:
                await self._send_draft(case, person, detail)
            case card.RETURN:
                await handoffs.hand_back(*who)
            case card.RESOLVE:
                await handoffs.resolve(*who)
            case card.KEEP:
                await handoffs.keep(*who)

    async def _send_draft(self, case: Case, person: Person, made: str) -> None:
        if case.suggestion is None or repr(case.suggestion.at) != made:
            raise UsageError("The draft has changed meanwhile, and wasn't sent: look at the new one first.")
        await self._reply(case, person, sendable(case.suggestion.text), f"slack:draft:{case.id}:{made}")

    async def _submit(self, errand: Errand) -> None:
        conversation, handoff, thread = (*str(errand.body["about"]).split(":", 2), "", "")[:3]
        place = Place.of(thread) if thread else None
        about = errand.body if place is None else {**errand.body, "channel": place.channel, "thread": place.ts}
        values = errand.body["values"]
        try:
            person = await self._person(errand)
            if errand.body["form"] == card.TEACH:
                await self._teach(conversation, person, values, about)
                return
            case = await self._case(conversation, handoff)
            await self._heed(str(errand.body["form"]), case, person, values, errand.id)
        except (UsageError, Taken, Unanswered) as error:
            words = str(values.get(forms.WORDS) or "")
            await tell(self._desk.clients, about, f"{error} Nothing was sent.{f' You wrote: {words}' if words else ''}")

    async def _heed(self, form: str, case: Case, person: Person, values: Mapping[str, str], key: str) -> None:
        match form:
            case card.EDIT | card.REPLY:
                await self._reply(case, person, values[forms.WORDS], key)
            case card.AGAIN:
                await self._desk.consulting.suggest(self._desk.company, case.conversation.id, values[forms.HINT])
            case card.SNOOZE:
                until = self._desk.now() + float(values[forms.HOURS]) * 3600
                await self._desk.handoffs.snooze(
                    self._desk.company, case.conversation.id, person.id, until, person.name
                )

    async def _teach(
        self, conversation: str, person: Person, values: Mapping[str, str], about: Mapping[str, Any]
    ) -> None:
        """Keep an answer that a person approves; or tell them alone what speaks against it."""
        desk, question = self._desk, values[forms.QUESTION]
        held = await desk.database.read(conversations.get, desk.company, conversation)
        lesson = Lesson(
            question,
            values[forms.ANSWER],
            Audience(values[forms.AUDIENCE]),
            held.customer if held else "",
            sure=values[forms.DOUBTS] == forms.SURE,
        )
        came = await desk.consulting.teach(desk.company, lesson)
        if came.document:
            where = (desk.company, conversation)
            await desk.database.write(
                notes.record_taught, where, person.id, person.name, question, came.document, desk.now()
            )
            await tell(desk.clients, about, f"Saved. From now on “{question}” is answered so.")
            return
        doubts = "\n".join(f"• {each.says}" for each in came.doubts)
        said = f"Not saved yet, look at this first:\n{doubts}\nThen press the button again, and choose to save anyway."
        await tell(desk.clients, about, f"{said}\n\nYou wrote: {lesson.answer}")

    async def _message(self, errand: Errand) -> None:
        """A note; unless it says that it is for the customer, or the company wants that of all messages."""
        conversation = await self._conversation_of(errand)
        if conversation is None:
            return
        person = await self._desk.people.get(str(errand.body["user"]))
        command, words = await self._words(errand)
        case = await self._desk.cases.get(self._desk.company, conversation)
        theirs = case is not None and case.conversation.owner is Owner.HUMAN and case.person == person.id
        if command == "reply" or (self._desk.direct and theirs and command != "note"):
            self._require_staff(person)
            await self._send_message(errand, self._open(case), person, words)
        else:
            files = [f"📎 {file['name']}" for file in errand.body["files"]]
            await self._note(conversation, person, "\n".join(filter(None, [words, *files])), errand.id)

    async def _send(self, errand: Errand) -> None:
        """Somebody chose `Send to customer` for a message."""
        conversation = await self._conversation_of(errand)
        if conversation is None:
            raise UsageError("This message is in no case's thread: only those can be sent to a customer.")
        if not errand.body["written"]:
            raise UsageError("Only what a person wrote can be sent: copy what you need into Reply.")
        person = await self._person(errand)
        case = self._open(await self._desk.cases.get(self._desk.company, conversation))
        await self._send_message(errand, case, person, (await self._words(errand))[1])

    async def _changed(self, errand: Errand) -> None:
        """What was sent is changed for the customer, too; else it is noted."""
        person = await self._desk.people.get(str(errand.body["user"]))
        _, words = await self._words(errand)
        if sent := await self._sent_as(errand):
            self._require_staff(person)
            conversation, _, seq = sent.rpartition(":")
            await self._desk.handoffs.correct(
                self._desk.company, conversation, person.id, int(seq), words, key=errand.id
            )
        elif conversation_id := await self._conversation_of(errand):
            await self._note(conversation_id, person, f"✏️ {words}", errand.id)

    async def _deleted(self, errand: Errand) -> None:
        if await self._sent_as(errand):
            raise UsageError("The customer still has this message: what was sent can't be taken back, only changed.")

    async def _send_message(self, errand: Errand, case: Case, person: Person, words: str) -> None:
        """Send what a message of the thread holds, and remember as what: it may be changed later."""
        name = message_id(errand.body["channel"], errand.body["ts"])
        files = await download(self._desk.clients, errand.body["files"], self._desk.largest_file)
        seq = await self._reply(case, person, words, f"{name}:sent", files)
        said = await self._desk.database.read(conversations.one_message, self._desk.company, case.conversation.id, seq)
        if said and said.text == words:  # else it was sent before, as another one
            await self._desk.database.write(
                store.note_ref, self._desk.company, name, f"{SENT}{case.conversation.id}:{seq}"
            )

    async def _reply(self, case: Case, person: Person, words: str, key: str, files: Sequence[Any] = ()) -> int:
        """Send words to the customer; who sends has the case. Returns their place in the conversation."""
        where = (self._desk.company, case.conversation.id)
        if case.conversation.owner is not Owner.HUMAN:
            await self._desk.handoffs.claim(*where, person.id, person.name)
        after = await self._desk.handoffs.reply(*where, person.id, words, person.name, key, files)
        return after.last

    async def _note(self, conversation: str, person: Person, words: str, key: str) -> None:
        if words:
            await self._desk.handoffs.note(self._desk.company, conversation, person.id, words, person.name, key)

    async def _words(self, errand: Errand) -> tuple[str, str]:
        """The command that a message begins with, if any, and its text as a customer may read it."""
        text = str(errand.body["text"])
        names = {user: await self._desk.people.name_of(user) for user in mentioned(text)}
        said = plain(text, errand.body["blocks"], names)
        found = _COMMAND.fullmatch(said)
        return (found["name"].lower(), found["text"].strip()) if found else ("", said)

    async def _person(self, errand: Errand) -> Person:
        person = await self._desk.people.get(str(errand.body["user"]))
        self._require_staff(person)
        return person

    def _require_staff(self, person: Person) -> None:
        if not person.staff:
            raise UsageError(NOT_STAFF)

    async def _case(self, conversation: str, handoff: str) -> Case:
        case = self._open(await self._desk.cases.get(self._desk.company, conversation))
        if case.id != handoff:
            raise UsageError(CLOSED)
        return case

    def _open(self, case: Case | None) -> Case:
        if case is None or case.closed_at is not None:
            raise UsageError(CLOSED)
        return case

    async def _conversation_of(self, errand: Errand) -> str | None:
        thread = Place(errand.body["channel"], errand.body["thread"]).ref
        return await self._desk.database.read(store.conversation_of, self._desk.company, thread)

    async def _sent_as(self, errand: Errand) -> str:
        """The conversation and the place in it of a message that was sent; empty if it wasn't."""
        name = message_id(errand.body["channel"], errand.body["ts"])
        ref = await self._desk.database.read(store.ref_of, self._desk.company, name)
        return ref.removeprefix(SENT) if ref.startswith(SENT) else ""


def sendable(draft: str) -> str:
    """A draft as a person would write it: without the marks of its sources, and of bold."""
    return _MARKER.sub("", draft).replace("**", "").strip()
