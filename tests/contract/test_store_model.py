"""Both stores against a plain model: whatever happens in whatever order, they agree, and everything is answered."""

import asyncio
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bot.conversation import Change, Conversation, Pace, Reply, Status
from bot.domain import Author, Chat, Owner
from bot.errors import Fenced
from bot.handoffs.handoff import claimed, handed_back, resolved
from bot.ports import Inbound
from bot.storage import cases, handoffs, work
from bot.storage import conversations as store
from bot.storage.handoffs import Person
from llm.errors import UsageError
from retrieval.database import Database, open_database
from tests.postgres import new_database
from tests.stores import opened, sqlite_url

PACE = Pace(quiet=2, longest_burst=5)
LEASE = 10
ADDRESSES = st.sampled_from(["a", "b", "c"])
PEOPLE = st.sampled_from(["ann", "bob"])
MOVES = {"claim": claimed, "hand back": handed_back, "resolve": resolved}


@dataclass
class Modelled:
    """What a conversation should be like."""

    statuses: list[str] = field(default_factory=list)
    """Of all messages: `in`, `outbox`, `sent` or `withdrawn`."""
    authors: list[Author] = field(default_factory=list)
    asked: int = 0
    done: int = 0
    burst_at: int = 0
    due: float | None = None
    lease: str | None = None
    owner: Owner = Owner.BOT
    person: str | None = None
    sending: int | None = None

    def add(self, status: str, author: Author) -> int:
        self.statuses.append(status)
        self.authors.append(author)
        return len(self.statuses)

    @property
    def outbox(self) -> list[int]:
        return [seq for seq, status in enumerate(self.statuses, 1) if status == "outbox"]


@dataclass
class Hand:
    """A conversation in the hands of a worker, who may not know yet that it is somebody else's."""

    leased: Conversation
    queued: int = 0
    unsent: list[Any] = field(default_factory=list)


class Conversing(RuleBasedStateMachine):
    """The steps of channels, workers and people."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database: Database = self.runner.run(open_database(url))
        self.channel = uuid.uuid4().hex  # an example sees its own conversations only
        self.line = ("acme", self.channel)
        self.now = 0
        self.leases = itertools.count(1)
        self.model: dict[str, Modelled] = {}
        self.ids: dict[str, str] = {}
        self.events: set[int] = set()
        self.hands: list[Hand] = []

    def teardown(self) -> None:
        try:
            self._finish_everything()
        finally:
            self.runner.run(self.database.close())
            self.runner.close()

    def write(self, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.runner.run(self.database.write(operation, *args, **kwargs))

    def read(self, operation: Callable[..., Any], *args: Any) -> Any:
        return self.runner.run(self.database.read(operation, *args))

    def modelled(self, leased: Conversation) -> Modelled:
        return self.model[leased.chat.address]

    @rule(ticks=st.integers(1, LEASE + 1))
    def time_passes(self, ticks: int) -> None:
        self.now += ticks

    @rule(address=ADDRESSES, number=st.integers(0, 30))
    def receive(self, address: str, number: int) -> None:
        event = Inbound(f"{self.channel}-{number}", Chat("acme", self.channel, address), text=str(number))
        if number in self.events:
            with pytest.raises(store.Duplicate):
                self.write(store.receive, event, PACE, self.now)
            return
        self.events.add(number)
        self.write(store.receive, event, PACE, self.now)
        model = self.model.setdefault(address, Modelled())
        self.ids.setdefault(address, self.read(store.find, event.chat).id)
        fresh = model.asked <= model.done
        model.burst_at = self.now if fresh else model.burst_at
        model.asked = model.add("in", Author.CUSTOMER)
        due = self.now + 2 if fresh else min(self.now + 2, model.burst_at + 5)
        model.due = max(model.due or 0, due)

    @rule(limit=st.sampled_from([1, 10]))
    def claim(self, limit: int) -> None:
        lease = f"{self.channel[:20]}.{next(self.leases)}"
        got = self.write(work.claim, lease, limit, [self.line], self.now, self.now + LEASE)
        due = sorted(one.due for one in self.model.values() if one.due is not None and one.due <= self.now)
        taken = [self.modelled(one) for one in got.conversations]
        assert sorted(one.due or 0 for one in taken) == due[:limit]
        for one, model in zip(got.conversations, taken, strict=True):
            assert (one.asked, one.done, one.owner) == (model.asked, model.done, model.owner)
            model.lease, model.due = lease, self.now + LEASE
            self.hands.append(Hand(one))

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), count=st.integers(0, 2), strict=st.booleans(), call=st.booleans())
    def conclude(self, data: st.DataObject, count: int, strict: bool, call: bool) -> None:
        hand = data.draw(st.sampled_from(self.hands))
        leased, model = hand.leased, self.modelled(hand.leased)
        owner = (Owner.WAITING if call else Owner.BOT) if leased.bot_answers else leased.owner
        change = Change(leased.asked, [Reply("answer", Author.BOT)] * count, owner)
        more = model.asked != leased.asked
        if (model.lease, model.owner) != (leased.lease, leased.owner) or (strict and more):
            with pytest.raises(Fenced):
                self.write(work.conclude, leased, change, self.now, only_if_all=strict)
            return
        idle = not model.outbox and not hand.unsent
        hand.leased = self.write(work.conclude, leased, change, self.now, only_if_all=strict)
        model.done = max(model.done, leased.asked)
        model.burst_at = self.now if model.asked > leased.asked else model.burst_at
        model.owner = owner
        for _ in range(count):
            model.add("outbox", Author.BOT)
        if idle and hand.leased.sending is not None:
            model.sending = hand.leased.sending
        assert hand.leased.sending == model.sending

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def look_into_the_outbox(self, data: st.DataObject) -> None:
        hand = data.draw(st.sampled_from(self.hands))
        hand.queued, hand.unsent = self.read(work.outbox, hand.leased)
        assert [message.seq for message in hand.unsent] == self.modelled(hand.leased).outbox

    @precondition(lambda self: any(hand.unsent for hand in self.hands))
    @rule(data=st.data())
    def begin_to_send(self, data: st.DataObject) -> None:
        hand = data.draw(st.sampled_from([hand for hand in self.hands if hand.unsent]))
        model, seq = self.modelled(hand.leased), hand.unsent[0].seq
        if model.lease != hand.leased.lease:
            with pytest.raises(Fenced):
                self.write(work.begin_send, hand.leased, seq)
            return
        begun = self.write(work.begin_send, hand.leased, seq)
        assert begun == (seq in model.outbox)
        model.sending = seq if begun else None
        if not begun:
            hand.unsent.pop(0)

    @precondition(lambda self: any(hand.unsent for hand in self.hands))
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        """Only what was begun is sent, or what no person can forestall."""
        hand = data.draw(st.sampled_from([hand for hand in self.hands if hand.unsent]))
        model, message = self.modelled(hand.leased), hand.unsent[0]
        held = model.lease == hand.leased.lease
        if not held or (message.author is not Author.PERSON and model.sending != message.seq):
            return
        assert model.owner is not Owner.HUMAN or message.author is not Author.BOT
        hand.unsent.pop(0)
        self._settle(hand.leased, message)

    def _settle(self, leased: Conversation, message: Any) -> None:
        model = self.modelled(leased)
        self.write(work.settle, leased, replace(message, status=Status.SENT), self.now)
        model.statuses[message.seq - 1] = "sent"
        model.sending = None if model.sending == message.seq else model.sending

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), delay=st.sampled_from([0, 5]), quiet=st.sampled_from([0, 2]))
    def release(self, data: st.DataObject, delay: int, quiet: int) -> None:
        hand = data.draw(st.sampled_from(self.hands))
        self.hands.remove(hand)
        self._release(hand, delay, quiet)

    def _release(self, hand: Hand, delay: int, quiet: int) -> None:
        model = self.modelled(hand.leased)
        settled = hand.unsent[0].seq - 1 if hand.unsent else max(hand.queued, hand.leased.settled)
        self.write(work.release, hand.leased, settled, self.now, delay=delay, quiet=quiet)
        if model.lease != hand.leased.lease:
            return
        model.lease = model.sending = None
        model.due = self.read(store.get, "acme", self.ids[hand.leased.chat.address]).due
        if model.outbox:
            assert model.due is not None
        elif model.asked > model.done:
            assert model.due in (max(model.burst_at + quiet, self.now + delay), self.now + delay)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), person=PEOPLE, move=st.sampled_from(sorted(MOVES)))
    def a_person_moves(self, data: st.DataObject, person: str, move: str) -> None:
        address = data.draw(st.sampled_from(sorted(self.model)))
        model, key = self.model[address], ("acme", self.ids[address])
        arguments = (handoffs.move, key, MOVES[move], Person(person), (Reply("notice"),), self.now)
        if model.owner is Owner.CLOSED and move == "hand back":
            with pytest.raises(UsageError):
                self.write(*arguments)
            return
        moved = self.write(*arguments)
        owner = MOVES[move](model.owner)
        if model.owner is Owner.HUMAN and model.person != person:
            assert moved.obstacle is handoffs.Obstacle.TAKEN
        elif owner is not model.owner and model.sending is not None and (model.due or 0) > self.now:
            assert moved.obstacle is handoffs.Obstacle.SENDING
        else:
            assert moved.obstacle is None
            if owner is not model.owner:
                self._moved(model, owner, person)

    def _moved(self, model: Modelled, owner: Owner, person: str) -> None:
        if owner is Owner.HUMAN:
            for seq in model.outbox:
                if model.authors[seq - 1] is not Author.PERSON:
                    model.statuses[seq - 1] = "withdrawn"
        model.owner, model.person, model.sending = owner, person if owner is Owner.HUMAN else None, None
        model.add("outbox", Author.NOTICE)
        model.due = max(model.due or 0, self.now)

    @precondition(lambda self: any(one.owner is Owner.HUMAN for one in self.model.values()))
    @rule(data=st.data())
    def a_person_writes(self, data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(sorted(a for a, one in self.model.items() if one.owner is Owner.HUMAN)))
        model = self.model[address]
        reply = Reply("hello", Author.PERSON)
        self.write(handoffs.say, ("acme", self.ids[address]), Person(model.person), reply, (), "", self.now)
        model.add("outbox", Author.PERSON)
        model.due = max(model.due or 0, self.now)

    @invariant()
    def the_store_agrees(self) -> None:
        for address, model in self.model.items():
            row = self.read(store.get, "acme", self.ids[address])
            assert (row.last, row.asked, row.done) == (len(model.statuses), model.asked, model.done)
            assert (row.owner, row.person, row.lease, row.due) == (model.owner, model.person, model.lease, model.due)
            case = self.read(cases.latest, "acme", self.ids[address])
            assert (case is not None and case.closed_at is None) == (model.owner in (Owner.WAITING, Owner.HUMAN))

    def _finish_everything(self) -> None:
        """One last worker comes after all others died: it finds all that is left, and nothing stays behind."""
        for _ in range(2 * len(self.model)):
            self.now += 2 * LEASE
            got = self.write(work.claim, f"last.{next(self.leases)}", 10, [self.line], self.now, self.now + LEASE)
            for leased in got.conversations:
                change = Change(leased.asked, [], Owner.BOT if leased.bot_answers else leased.owner)
                hand = Hand(self.write(work.conclude, leased, change, self.now))
                queued, unsent = self.read(work.outbox, hand.leased)
                for message in unsent:
                    self._settle(hand.leased, message)
                self.write(work.release, hand.leased, queued, self.now)
        for address in self.model:
            row = self.read(store.get, "acme", self.ids[address])
            assert (row.done, row.due, row.lease) == (row.asked, None, None)
            seen = self.read(store.transcript, "acme", row.id)
            assert [message.status.replace("received", "in") for message in seen] == self.model[address].statuses
            assert "outbox" not in self.model[address].statuses


def _check(url: str, examples: int) -> None:
    run_state_machine_as_test(
        lambda: Conversing(url),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


async def _prepare(url: str) -> None:
    async with opened(url):
        pass


def test_sqlite_agrees_with_the_model(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    asyncio.run(_prepare(url))
    _check(url, examples=60)


def test_postgresql_agrees_with_the_model(postgres: str) -> None:
    url = asyncio.run(new_database(postgres))
    asyncio.run(_prepare(url))
    _check(url, examples=30)
