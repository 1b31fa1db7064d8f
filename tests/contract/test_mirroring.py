"""The threads of a staff channel follow the cases: once, in order, whatever breaks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, Row, select

from bot.conversation import Change, Reply
from bot.domain import Author, Chat, Owner
from bot.handoffs import mirroring
from bot.handoffs.handoff import Handoffs
from bot.handoffs.mirroring import Mirror
from bot.ports import Gone, Receipt, Rejected, Retry, Unknown
from bot.storage import work
from bot.storage.tables import handoffs as cases
from retrieval.database import Database, open_database
from tests.contract.staffing import Clock, handed_over, leased, send_all, writes
from tests.fakes.staff_channel import StaffRoom, Thread


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirroring, "POLL", 0.02)


@dataclass
class Scene:
    """What a test has in its hands; its clock moves on when there is nothing to do but to wait."""

    database: Database
    room: StaffRoom
    clock: Clock
    desk: Handoffs

    @property
    def thread(self) -> Thread:
        """The first thread."""
        return self.room.threads["t1"]

    async def at_rest(self) -> None:
        """Until nothing is due any more."""
        async with asyncio.timeout(60):
            while waiting := await self.database.read(due_cases):
                if all(row.lease is None for row in waiting):
                    self.clock.now = max(self.clock.now, min(row.due for row in waiting))
                await asyncio.sleep(0.01)

    async def opened(self) -> str:
        """A case whose thread is open: the conversation's id."""
        id_ = await handed_over(self.database)
        await self.at_rest()
        assert len(self.room.threads) == 1
        return id_

    async def sent(self) -> None:
        """What waits is sent to the customer."""
        self.clock.now += 20
        await send_all(self.database, await leased(self.database, self.clock.now), self.clock.now)


def due_cases(connection: Connection) -> list[Row]:
    return list(connection.execute(select(cases.c.due, cases.c.lease).where(cases.c.due.is_not(None))))


@contextlib.asynccontextmanager
async def working(database: Database, room: StaffRoom, clock: Clock) -> AsyncIterator[Scene]:
    """A mirror works until the test ends."""
    mirror = Mirror(database, {"acme": room}, clock)
    running = asyncio.create_task(mirror.run())
    try:
        yield Scene(database, room, clock, Handoffs(database, clock))
    finally:
        room.gate.set()
        await mirror.stop(drain=5.0)
        await running


@pytest.fixture
async def scene(database: Database) -> AsyncIterator[Scene]:
    async with working(database, StaffRoom(), Clock(1.0)) as scene:
        yield scene


class TestFollowing:
    async def test_the_thread_begins_with_how_it_came_to_it(self, scene: Scene) -> None:
        await scene.opened()
        so_far = [entry.text for entry in scene.thread.cards[0].so_far]
        assert so_far[:2] == ["Can I return my bike?", "A person will."]
        assert scene.thread.posts == []

    async def test_what_comes_later_is_posted_and_the_card_redrawn(self, scene: Scene) -> None:
        id_ = await scene.opened()
        await scene.desk.claim("acme", id_, "mia", "Mia")
        await scene.sent()
        await writes(scene.database, "e2", "Hello?", scene.clock.now)
        await scene.at_rest()
        joined = "A member of our team has joined the conversation."
        assert sorted(scene.thread.posts[:2]) == sorted([joined, "Mia took the conversation."])
        assert scene.thread.posts[2:] == ["Hello?"]
        assert (scene.thread.cards[-1].person_name, scene.thread.cards[-1].unread) == ("Mia", 2)

    async def test_the_end_is_told_and_the_next_case_has_a_thread_of_its_own(self, scene: Scene) -> None:
        id_ = await scene.opened()
        await scene.desk.resolve("acme", id_, "mia", "Mia")
        await scene.sent()
        await scene.at_rest()
        await handed_over(scene.database, scene.clock.now + 1)
        await scene.at_rest()
        assert "Mia resolved the conversation." in scene.thread.posts
        assert scene.thread.cards[-1].closed_at is not None
        assert scene.room.threads["t2"].posts == []

    async def test_a_note_that_was_written_there_is_not_posted_back(self, scene: Scene) -> None:
        id_ = await scene.opened()
        await scene.desk.note("acme", id_, "mia", "From Slack", "Mia", key="slack:Ev1")
        await scene.desk.note("acme", id_, "bo", "From the desk", "Bo")
        await scene.at_rest()
        assert scene.thread.posts == ["From the desk"]

    async def test_what_was_withdrawn_is_never_shown(self, scene: Scene) -> None:
        id_ = await handed_over(scene.database)
        await writes(scene.database, "e2", "And by post?", 3.0)
        held = await leased(scene.database, 3.0)
        answer = Change(held.asked, [Reply("By post.", Author.BOT)], Owner.WAITING)
        await scene.database.write(work.conclude, held, answer, 3.0)
        scene.clock.now = 14.0  # the worker died
        await scene.desk.claim("acme", id_, "mia", "Mia")
        await scene.sent()
        await scene.at_rest()
        assert "And by post?" in scene.thread.posts
        assert "By post." not in scene.thread.posts
        assert "Mia took the conversation. The assistant's unsent answer was withdrawn." in scene.thread.posts

    async def test_a_message_is_shown_when_it_was_sent(self, scene: Scene) -> None:
        id_ = await scene.opened()
        await scene.desk.claim("acme", id_, "mia", "Mia")
        await scene.sent()
        await scene.at_rest()
        await scene.desk.reply("acme", id_, "mia", "Yes.", "Mia")
        looked = scene.room.calls
        await asyncio.sleep(0.1)  # time enough to post it too early
        assert (scene.room.calls, scene.thread.posts[2:]) == (looked, [])
        await scene.sent()
        await scene.at_rest()
        assert scene.thread.posts[2:] == ["Yes."]

    async def test_a_message_that_can_not_be_sent_for_long_is_shown_all_the_same(self, scene: Scene) -> None:
        id_ = await scene.opened()
        await scene.desk.claim("acme", id_, "mia", "Mia")
        await scene.at_rest()  # the clock moves on until there is nothing to wait for
        assert "A member of our team has joined the conversation." in scene.thread.posts


class TestOpening:
    @pytest.mark.parametrize("trouble", [Retry(0.0), Retry(30.0, "rate limited"), Gone("is_archived"), Rejected("no")])
    async def test_what_was_not_opened_is_opened_later(self, scene: Scene, trouble: Receipt) -> None:
        scene.room.receipts.append(trouble)
        await scene.opened()

    async def test_what_was_perhaps_opened_is_looked_for(self, scene: Scene) -> None:
        scene.room.losing = True
        scene.room.receipts.append(Unknown("the connection broke"))
        await scene.opened()
        assert len(scene.thread.cards) == 2  # what it showed may have been of another time

    async def test_what_was_perhaps_opened_and_is_not_there_is_opened(self, scene: Scene) -> None:
        scene.room.receipts.append(Unknown("the connection broke"))
        await scene.opened()

    async def test_what_was_closed_before_it_had_a_thread_gets_none(self, database: Database) -> None:
        id_ = await handed_over(database)
        await Handoffs(database, Clock(5.0)).resolve("acme", id_, "mia")
        async with working(database, StaffRoom(), Clock(9.0)) as scene:
            await scene.at_rest()
            assert scene.room.threads == {}

    async def test_a_process_that_froze_after_the_channels_ok_leaves_one_thread(self, database: Database) -> None:
        room, clock = StaffRoom(), Clock(1.0)
        room.gate.clear()
        async with working(database, room, clock) as frozen:
            await handed_over(database)
            await room.until(lambda: room.threads)
            clock.now += mirroring.LEASE + 1
            second = StaffRoom(threads=room.threads)
            async with working(database, second, clock) as scene:
                await scene.at_rest()
            room.gate.set()
            await frozen.at_rest()
        assert list(room.threads) == ["t1"]


class TestTrouble:
    async def test_an_entry_that_was_perhaps_posted_is_tried_again_but_not_for_ever(self, scene: Scene) -> None:
        id_ = await scene.opened()
        scene.room.receipts.extend([Unknown("?")] * mirroring.RESEND_UNKNOWN)
        await scene.desk.note("acme", id_, "bo", "First", "Bo")
        await scene.at_rest()
        await scene.desk.note("acme", id_, "bo", "Second", "Bo")
        await scene.at_rest()
        assert scene.thread.posts == ["Second"]

    async def test_what_the_channel_refuses_does_not_hold_up_the_rest(self, scene: Scene) -> None:
        id_ = await scene.opened()
        scene.room.receipts.append(Rejected("too long"))
        await scene.desk.note("acme", id_, "bo", "Too long", "Bo")
        await scene.at_rest()
        await scene.desk.note("acme", id_, "bo", "Short", "Bo")
        await scene.at_rest()
        assert scene.thread.posts == ["Short"]

    async def test_a_thread_that_moved_is_followed(self, scene: Scene) -> None:
        id_ = await scene.opened()
        moved = scene.room.threads["t9"] = scene.room.threads.pop("t1")
        scene.room.receipts.append(Gone("moved", "t9"))
        await scene.desk.note("acme", id_, "bo", "Here", "Bo")
        await scene.at_rest()
        assert moved.posts == ["Here"]

    async def test_a_channel_that_was_archived_is_tried_again_after_a_while(self, scene: Scene) -> None:
        id_ = await scene.opened()
        before = scene.clock.now
        scene.room.receipts.append(Gone("is_archived"))
        await scene.desk.note("acme", id_, "bo", "Here", "Bo")
        await scene.at_rest()
        assert scene.clock.now >= before + mirroring.CLOSED_WAIT
        assert scene.thread.posts == ["Here"]

    async def test_after_an_outage_of_ten_minutes_everything_is_there_in_order(self, scene: Scene) -> None:
        """Nobody can be reached while 20 cases are opened and worked on."""
        chats = [Chat("acme", "web", f"v{number}") for number in range(20)]
        scene.room.down = True
        ids = [await handed_over(scene.database, 0.0, chat) for chat in chats]
        for minute in range(10):
            scene.clock.now = 60.0 * minute
            for id_ in ids:
                await scene.desk.note("acme", id_, "bo", f"note {minute}", "Bo")
        scene.room.down = False
        await scene.at_rest()
        assert len(scene.room.threads) == 20
        told = [f"note {minute}" for minute in range(10)]
        assert all(thread.posts == told for thread in scene.room.threads.values())


async def test_two_processes_open_one_thread_for_each_case(database: Database, database_url: str) -> None:
    async def happens(chat: Chat) -> None:
        id_ = await handed_over(database, 0.0, chat)
        for number in range(4):
            await Handoffs(database, Clock(1.0)).note("acme", id_, "bo", f"note {number}", "Bo")

    room, clock = StaffRoom(), Clock(1.0)
    other = await open_database(database_url)
    async with working(database, room, clock) as scene, working(other, room, clock):
        await asyncio.gather(*(happens(Chat("acme", f"web{number}", "visitor")) for number in range(20)))
        await scene.at_rest()
    await other.close()
    assert len({thread.key for thread in room.threads.values()}) == len(room.threads) == 20
    assert all(thread.posts == [f"note {number}" for number in range(4)] for thread in room.threads.values())
