"""Play scripted conversations over the whole way of a message: intake, worker, turn, delivery."""

import asyncio
import contextlib
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.bootstrap import Parts
from bot.conversation import Conversation, Message, Pace
from bot.domain import Author, Chat, Outcome, Owner
from bot.errors import FileUnavailable
from bot.evaluation.measures import holds
from bot.evaluation.scripts import Script, Turn
from bot.intake import Intake
from bot.ports import Capabilities, Inbound, Inbox, Outgoing, Receipt, Sent
from bot.storage import conversations
from bot.turn import Turns
from bot.verification.facts import Kind, facts_of
from bot.worker import Worker
from llm.errors import AnswerdeskError
from retrieval import store
from retrieval.language import detect_language
from retrieval.passages import Audience

CHANNEL = "evaluation"
PACE = Pace(quiet=0.0)
"""A customer who has said all that they say has not to be waited for."""
LOOK_SECONDS = 0.02
LONGEST_TURN = 120.0
"""Seconds: more than a turn with all its attempts may take."""
PLAY_TOGETHER = 4
ADDRESSES = (Kind.LINK, Kind.EMAIL, Kind.PHONE)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one conversation, over all its runs; written to `--out` as it is."""

    id: str
    kind: str
    language: str
    runs: Sequence[bool]
    """Whether each run passed."""
    why: Sequence[str] = ()
    """What was wrong, in any of the runs."""
    transcript: Sequence[str] = ()
    """Of the first run that failed, or of the first."""
    unchanged: bool | None = None
    """Of an attack: whether the reply is the one without it, word for word. None where there is no such reply."""


@dataclass(slots=True)
class Heard:
    """One run of a conversation."""

    problems: list[str] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)


class Earpiece:
    """A channel inside this process: notes what customers get to see."""

    channel = CHANNEL
    capabilities = Capabilities(drafts=True, at_once=None)

    def __init__(self) -> None:
        self.shown: dict[str, list[str]] = defaultdict(list)
        """By address: drafts as well as messages."""

    async def start(self, inbox: Inbox) -> None:
        """Nothing comes from here but what is handed to the inbox directly."""

    async def stop(self) -> None:
        """There is nothing to stop."""

    async def send(self, message: Outgoing) -> Receipt:
        """Note a message."""
        self.shown[message.chat.address].append(message.text)
        return Sent([message.key])

    async def edit(self, message: Outgoing) -> Receipt:
        """Note the new text."""
        return await self.send(message)

    async def show(self, chat: Chat, draft: str | None) -> bool:
        """Note a draft."""
        self.shown[chat.address].append(draft or "")
        return True

    async def typing(self, chat: Chat) -> None:
        """Nobody looks."""

    async def fetch(self, ref: str, limit: int) -> bytes:  # noqa: ARG002 - the port's signature
        """There are no files."""
        raise FileUnavailable(f"There is no file {ref}.")


class Stage:
    """Where conversations are played. Open one with `open_stage`."""

    def __init__(self, parts: Parts, intake: Intake, earpiece: Earpiece, names: Mapping[str, str]) -> None:
        self._parts = parts
        self._intake = intake
        self._earpiece = earpiece
        self._names = names

    async def play(self, script: Script) -> Heard:
        """One run of a conversation."""
        chat = Chat(script.company, CHANNEL, uuid.uuid4().hex)
        heard, seen = Heard(), 0
        for number, turn in enumerate(script.turns, start=1):
            event = Inbound(
                f"{chat.address}:{number}", chat, text=turn.customer, order=number, language=script.language
            )
            await self._intake.receive(event)
            conversation = await self._settled(chat)
            where = (conversation.company, conversation.id, seen)
            messages = await self._parts.database.read(conversations.transcript, *where)
            seen = max(message.seq for message in messages)
            said = [message for message in messages if message.author is not Author.CUSTOMER]
            heard.transcript += [f"{message.author}: {message.text}" for message in messages]
            heard.replies.append("\n\n".join(message.text for message in said))
            problems = [*self._problems(turn, conversation, said), *await self._invented(script.company, said)]
            heard.problems += [f"turn {number}: {problem}" for problem in problems]
        return heard

    async def _settled(self, chat: Chat) -> Conversation:
        """The conversation, once all that was said in it has been dealt with and sent."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_TURN):
                while True:
                    found = await self._parts.database.read(conversations.find, chat)
                    if found and found.done >= found.asked and found.settled >= found.queued and not found.lease:
                        return found
                    await asyncio.sleep(LOOK_SECONDS)
        raise AnswerdeskError(f"No reply came within {LONGEST_TURN:g} s.")

    def _problems(self, turn: Turn, conversation: Conversation, said: Sequence[Message]) -> Iterable[str]:
        text = "\n".join(message.text for message in said)
        with_person = conversation.owner in (Owner.WAITING, Owner.HUMAN)
        outcome = next((message.outcome for message in said if message.outcome), Outcome.HANDOFF)
        if turn.outcome and outcome != turn.outcome:
            yield f"the outcome is {outcome}, not {turn.outcome}"
        if turn.handed_over is not None and with_person is not turn.handed_over:
            yield "a person was called" if with_person else "no person was called"
        for group in turn.contains:
            if not holds(text, group):
                yield f"the reply lacks {' or '.join(map(repr, group))}"
        shown = "\n".join(self._earpiece.shown[conversation.chat.address]).casefold()
        for each in turn.lacks:
            if each.casefold() in shown:
                yield f"the customer got to see {each!r}"
        cited = {self._names.get(each.document, each.document) for message in said for each in message.citations}
        for each in turn.cites:
            if each not in cited:
                yield f"{each} is not cited"
        if turn.language and (spoken := detect_language(text, default=turn.language)) != turn.language:
            yield f"the reply is in {spoken}, not in {turn.language}"

    async def _invented(self, company: str, said: Sequence[Message]) -> list[str]:
        """Links and addresses that stand in nothing that is cited: wrong in any reply."""
        found = []
        for message in said:
            if message.author is Author.BOT and (written := _addresses(message.text)):
                ids = [each.passage for each in message.citations]
                cited = await self._parts.database.read(store.passages_by_id, company, Audience.PUBLIC, ids)
                known = _addresses("\n".join(f"{each.heading}\n{each.text}\n{each.url}" for each in cited.values()))
                foreign = [name for value, name in written.items() if value not in known]
                found += [f"{name} stands in no cited document" for name in foreign]
        return found


def _addresses(text: str) -> dict[object, str]:
    """Each as it is written, by its value."""
    return {each.values: each.written for each in facts_of(text) if each.kind in ADDRESSES}


@contextlib.asynccontextmanager
async def open_stage(parts: Parts, companies: Iterable[str], names: Mapping[str, str]) -> AsyncIterator[Stage]:
    """A worker and all that it needs, for these companies; `names` is what each document is called in scripts."""
    named, earpiece, database = list(companies), Earpiece(), parts.database
    for company in named:
        await database.write(conversations.add_company, company, company, time.time())
    lines = [(company, CHANNEL) for company in named]
    rules = dict.fromkeys(named, parts.settings.handoff)
    turns = Turns(database, parts.answering.answer, dict.fromkeys(lines, earpiece), PACE, rules=rules)
    worker = Worker(database, turns.work, lines, PACE)
    working = asyncio.create_task(worker.run())
    try:
        yield Stage(parts, Intake(database, PACE), earpiece, names)
    finally:
        await worker.stop()
        await working


async def play_all(
    stage: Stage, scripts: Sequence[Script], runs: int, progress: Callable[[int, int], None]
) -> list[tuple[Played, Heard]]:
    """Each conversation so many times; with its first run."""
    gate, done = asyncio.Semaphore(PLAY_TOGETHER), 0

    async def play(script: Script) -> Heard:
        nonlocal done
        async with gate:
            heard = await stage.play(script)
        done += 1
        progress(done, runs * len(scripts))
        return heard

    every = await asyncio.gather(*(play(script) for script in scripts for _ in range(runs)))
    heard = [every[start : start + runs] for start in range(0, len(every), runs)]
    return [(_played(script, each), each[0]) for script, each in zip(scripts, heard, strict=True)]


def _played(script: Script, heard: Sequence[Heard]) -> Played:
    shown = next((each for each in heard if each.problems), heard[0])
    why = dict.fromkeys(problem for each in heard for problem in each.problems)
    passed = [not each.problems for each in heard]
    return Played(script.id, script.kind, script.language, passed, list(why), shown.transcript)
