"""The handoff against a plain model: whatever people, the customer and the clock do, both stores agree with it."""

import asyncio
import itertools
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bot.conversation import Change, Opening
from bot.domain import Author, Chat, Owner, Reason
from bot.handoffs.cases import Case, Cases, EntryKind
from bot.handoffs.handoff import Handoffs, Taken
from bot.handoffs.suggesting import Suggesting
from bot.handoffs.tending import HOUR, Tending
from bot.sections import HandoffSettings
from bot.storage import conversations as store
from bot.storage import work
from llm.errors import UsageError
from retrieval.database import Database, open_database
from tests.contract.staffing import Clock, called, leased, send_all, writes
from tests.contract.test_tending import ignorant
from tests.postgres import new_database
from tests.stores import opened, sqlite_url

T = TypeVar("T")
PEOPLE = st.sampled_from(["ann", "bob"])
KEYS = st.sampled_from(["", "k1", "k2"])
RULES = HandoffSettings(idle_hours=8, idle_answer_hours=2)


@dataclass
class Modelled:
    """What should be so."""

    owner: Owner = Owner.BOT
    person: str | None = None
    snoozed: float | None = None
    idle: float | None = None
    active: float = 0.0
    cases: int = 0
    replies: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    @property
    def is_open(self) -> bool:
        return self.owner in (Owner.WAITING, Owner.HUMAN)

    def wrote(self, now: float) -> None:
        self.active, self.snoozed, self.idle = now, None, None


class HandingOver(RuleBasedStateMachine):
    """People, a customer, the bot and the clock, in any order."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database: Database = self.runner.run(open_database(url))
        self.chat = Chat("acme", uuid.uuid4().hex, "visitor")
        self.clock = Clock(1.0)
        self.desk = Handoffs(self.database, self.clock)
        self.tending = Tending(
            self.database, Suggesting(ignorant, self.database, self.clock), {"acme": RULES}, self.clock
        )
        self.model = Modelled()
        self.numbers = itertools.count()
        self.run(writes(self.database, self.event(), "Hello?", 1.0, self.chat))
        self.id = self.run(self.database.read(store.find, self.chat)).id  # type: ignore[union-attr]
        self.settle()

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def event(self) -> str:
        return f"{self.chat.channel}-{next(self.numbers)}"

    def settle(self) -> None:
        """A worker sends what waits."""
        self.clock.now += 1
        self.run(self._settle())

    async def _settle(self) -> None:
        held = await leased(self.database, self.clock.now, self.chat)
        if held.asked > held.done:
            owner = Owner.BOT if held.bot_answers else held.owner
            held = await self.database.write(work.conclude, held, Change(held.asked, owner=owner), self.clock.now)
        await send_all(self.database, held, self.clock.now)

    def attempt(self, work: Coroutine[Any, Any, T], expected: type[Exception] | None) -> None:
        """Do it, and see it refused if that is expected."""
        if expected is None:
            self.run(work)
        else:
            with pytest.raises(expected):
                self.run(work)

    def taken(self, person: str) -> bool:
        return self.model.owner is Owner.HUMAN and self.model.person != person

    @rule(hours=st.sampled_from([0.1, 1.0, 2.0, 8.0]))
    def time_passes(self, hours: float) -> None:
        self.clock.now += hours * HOUR
        now, model = self.clock.now, self.model
        self.run(self.tending.tend())
        if model.snoozed is not None:
            if model.snoozed <= now:
                model.snoozed, model.active = None, now
        elif model.owner is Owner.HUMAN and model.idle is None and model.active <= now - 8 * HOUR:
            model.idle = now
        elif model.owner is Owner.HUMAN and model.idle is not None and model.idle <= now - 2 * HOUR:
            model.owner, model.person = Owner.BOT, None
            self.settle()

    @rule()
    def the_customer_writes(self) -> None:
        self.run(writes(self.database, self.event(), "Hello?", self.clock.now, self.chat))
        if self.model.owner is Owner.CLOSED:
            self.model.owner = Owner.BOT
        self.model.wrote(self.clock.now)
        self.settle()

    @precondition(lambda self: self.model.owner is Owner.BOT)
    @rule()
    def the_bot_calls_a_person(self) -> None:
        self.run(writes(self.database, self.event(), "A hard one", self.clock.now, self.chat))
        self.clock.now += 1
        self.run(called(self.database, self.clock.now, Opening(Reason.UNSURE), chat=self.chat))
        self.model.owner = Owner.WAITING
        self.model.cases += 1
        self.model.wrote(self.clock.now)

    @rule(person=PEOPLE, force=st.booleans())
    def claim(self, person: str, force: bool) -> None:
        model, refused = self.model, self.taken(person) and not force
        self.attempt(self.desk.claim("acme", self.id, person, force=force), Taken if refused else None)
        if refused or model.person == person:
            return
        model.cases += not model.is_open
        moved = model.owner is not Owner.HUMAN
        model.owner, model.person = Owner.HUMAN, person
        model.wrote(self.clock.now)
        if moved:
            self.settle()

    @rule(person=PEOPLE)
    def hand_back(self, person: str) -> None:
        expected = Taken if self.taken(person) else UsageError if self.model.owner is Owner.CLOSED else None
        self._leave(self.desk.hand_back("acme", self.id, person), Owner.BOT, expected)

    @rule(person=PEOPLE)
    def resolve(self, person: str) -> None:
        expected = Taken if self.taken(person) else None
        self._leave(self.desk.resolve("acme", self.id, person), Owner.CLOSED, expected)

    def _leave(self, move: Coroutine[Any, Any, Any], owner: Owner, expected: type[Exception] | None) -> None:
        self.attempt(move, expected)
        if expected is None and self.model.owner is not owner:
            self.model.owner, self.model.person = owner, None
            self.settle()

    @rule(person=PEOPLE, key=KEYS)
    def reply(self, person: str, key: str) -> None:
        model, words = self.model, f"reply {next(self.numbers)}"
        known = bool(key) and key in model.done
        expected = None if known else UsageError if model.owner is not Owner.HUMAN else None
        if not known and self.taken(person):
            expected = Taken
        self.attempt(self.desk.reply("acme", self.id, person, words, key=key), expected)
        if not known and expected is None:
            model.replies.append(words)
            model.done.add(key)
            model.wrote(self.clock.now)
            self.settle()

    @rule(person=PEOPLE, key=KEYS)
    def note(self, person: str, key: str) -> None:
        words = f"note {next(self.numbers)}"
        self.run(self.desk.note("acme", self.id, person, words, key=key))
        if not key or key not in self.model.done:
            self.model.notes.append(words)
            self.model.done.add(key)
            self.model.active, self.model.idle = self.clock.now, None

    @rule(person=PEOPLE, hours=st.sampled_from([1, 20]))
    def snooze(self, person: str, hours: int) -> None:
        until = self.clock.now + hours * HOUR
        expected = UsageError if not self.model.is_open else Taken if self.taken(person) else None
        self.attempt(self.desk.snooze("acme", self.id, person, until), expected)
        if expected is None:
            self.model.snoozed, self.model.idle = until, None

    @rule(person=PEOPLE)
    def keep(self, person: str) -> None:
        expected = None if self.model.owner is Owner.HUMAN else UsageError
        self.attempt(self.desk.keep("acme", self.id, person), expected)
        if expected is None and self.model.idle is not None:
            self.model.active, self.model.idle = self.clock.now, None

    @invariant()
    def the_store_agrees(self) -> None:
        model, cases = self.model, Cases(self.database)
        row = self.run(self.database.read(store.get, "acme", self.id))
        assert row is not None
        assert (row.owner, row.person) == (model.owner, model.person)
        case: Case | None = self.run(cases.get("acme", self.id))
        is_open = case is not None and case.closed_at is None
        assert is_open == model.is_open
        if case is not None and is_open:
            assert (case.snoozed_until, case.idle_since, case.last_at) == (model.snoozed, model.idle, model.active)
            assert case.person == model.person
        said = self.run(self.database.read(store.transcript, "acme", self.id))
        assert [message.text for message in said if message.author is Author.PERSON] == model.replies
        entries = self.run(cases.timeline("acme", self.id))
        assert [entry.text for entry in entries if entry.kind is EntryKind.NOTE] == model.notes
        ours = [case for case in self.run(cases.closed("acme", 10_000)) if case.conversation.id == self.id]
        assert len(ours) + is_open == model.cases


def _check(url: str, examples: int) -> None:
    machine: Callable[[], HandingOver] = lambda: HandingOver(url)  # noqa: E731 - it has to be made for each example
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


async def _prepare(url: str) -> None:
    async with opened(url):
        pass


def test_sqlite_agrees_with_the_model(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    asyncio.run(_prepare(url))
    _check(url, examples=40)


def test_postgresql_agrees_with_the_model(postgres: str) -> None:
    url = asyncio.run(new_database(postgres))
    asyncio.run(_prepare(url))
    _check(url, examples=15)
