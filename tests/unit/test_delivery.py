"""Sending: in order, at the channel's pace, and what becomes of each receipt."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.conversation import Message, Status
from bot.delivery import Delivery, Pacer, Slots
from bot.domain import Answer, Author, Chat, Draft, Outcome, Owner, Question
from bot.errors import Fenced
from bot.held import Held
from bot.ports import Capabilities, Gone, Outgoing, Receipt, Rejected, Retry, Sent, Unknown
from bot.storage import conversations as store
from bot.storage import work
from tests.desk import CHAT, Desk, desk
from tests.fakes.channel import FakeChannel

OTHER = replace(CHAT, address="other visitor")


async def statuses(at: Desk) -> list[tuple[str, Status]]:
    messages = await at.database.read(store.transcript, "acme", (await at.conversation()).id)
    return [(message.text, message.status) for message in messages if message.author is not Author.CUSTOMER]


async def last_message(at: Desk) -> Message:
    return (await at.database.read(store.transcript, "acme", (await at.conversation()).id))[-1]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.delivery._backoff", lambda attempts: 0.01 * attempts)


class TestReceipts:
    async def test_what_arrived_is_recorded_as_the_channel_calls_it(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.receipts.append(Sent(["m7", "m8"]))
            await at.writes("Hi")
            await at.at_rest()
            message = await last_message(at)
            assert (message.status, message.refs, message.attempts) == (Status.SENT, ("m7", "m8"), 1)

    async def test_a_channel_that_says_later_is_asked_later(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.receipts.append(Retry(0.05))
            await at.writes("Hi")
            assert await at.channel.texts(1) == ["Hi"]
            assert [message.key for message in at.channel.attempts] == [at.channel.arrived[0].key] * 2

    async def test_a_chat_that_has_to_wait_stops_no_other(self, tmp_path: Path) -> None:
        def busy(message: Outgoing) -> Receipt:
            return Retry(30) if message.chat == CHAT else Sent()

        async with desk(tmp_path) as at:
            at.channel.receipts.extend([busy] * 2)
            await at.writes("Hi")
            await at.writes("Hello", OTHER)
            assert await at.channel.texts(1) == ["Hello"]

    async def test_nothing_overtakes_what_was_put_off(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.receipts.extend([Retry(0.1), Retry(0.1)])
            await at.writes("one")
            await at.channel.until(lambda: at.channel.attempts)
            await at.writes("two")
            assert await at.channel.texts(2) == ["one", "two"]

    async def test_what_the_channel_took_of_a_long_message_is_kept(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.receipts.append(Retry(0.01, refs=["part 1"]))
            await at.writes("Hi")
            await at.channel.texts(1)
            assert at.channel.attempts[1].refs == ("part 1",)

    async def test_an_unknown_outcome_is_sent_again_under_the_same_key(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.receipts.append(Unknown("cut off"))
            await at.writes("Hi")
            await at.channel.texts(1)
            assert len({message.key for message in at.channel.attempts}) == 1

    async def test_an_outcome_that_stays_unknown_calls_a_person(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.receipts.extend([Unknown("cut off")] * 3)
            await at.writes("Hi")
            assert (await at.at_rest()).owner is Owner.WAITING
            assert await statuses(at) == [("Hi", Status.FAILED)]

    async def test_a_refused_message_calls_a_person(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.receipts.append(Rejected("too long"))
            await at.writes("Hi")
            assert (await at.at_rest()).owner is Owner.WAITING
            assert await at.events() == ["opened", "answered", "send_failed", "handed_over"]

    async def test_who_blocked_us_is_not_written_to(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.receipts.append(Gone("blocked"))
            await at.writes("Hi")
            assert (await at.at_rest()).gone == "blocked"
            assert await statuses(at) == [("Hi", Status.WITHDRAWN)]

    async def test_a_chat_that_moved_gets_the_message_at_its_new_address(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.receipts.append(Gone("migrated", moved_to="new address"))
            await at.writes("Hi")
            await at.channel.texts(1)
            assert at.channel.arrived[0].chat.address == "new address"

    async def test_a_connector_that_raises_is_tried_again(self, tmp_path: Path) -> None:
        def broken(_message: Outgoing) -> Receipt:
            raise RuntimeError("a bug")

        async with desk(tmp_path) as at:
            at.channel.receipts.append(broken)
            await at.writes("Hi")
            assert await at.channel.texts(1) == ["Hi"]


class TestHumanWins:
    async def test_a_message_that_waits_for_its_turn_is_withdrawn(self, tmp_path: Path) -> None:
        """The claim commits while the message waits for the channel's pace; it is never sent."""
        channel = FakeChannel(Capabilities(chat_interval=0.5, at_once=None))
        async with desk(tmp_path, channel=channel) as at:
            await at.writes("one")
            await at.channel.texts(1)
            await at.writes("two")
            await at.until(lambda conversation: conversation.queued > 2 and conversation.sending is None)
            await at.handoffs.claim("acme", (await at.conversation()).id, "ann")
            await at.at_rest()
            assert [message.author for message in channel.attempts] == [Author.BOT, Author.NOTICE]

    async def test_a_claim_waits_for_the_message_on_its_way(self, tmp_path: Path) -> None:
        async with desk(tmp_path) as at:
            at.channel.open.clear()
            await at.writes("one")
            await at.channel.until(lambda: at.channel.busy)
            claim = asyncio.create_task(at.handoffs.claim("acme", (await at.conversation()).id, "ann"))
            await asyncio.sleep(0.2)
            assert not claim.done()
            at.channel.open.set()
            await claim
            assert at.channel.arrived[0].author is Author.BOT

    async def test_claims_at_random_moments_forestall_or_follow(self, tmp_path: Path) -> None:
        """Whenever a claim comes, no message of the bot arrives once it has been committed."""
        late: list[str] = []
        claimed: set[str] = set()

        def note(message: Outgoing) -> Receipt:
            if message.author is Author.BOT and message.chat.address in claimed:
                late.append(message.key)
            return Sent()

        async def draft_and_answer(question: Question) -> AsyncIterator[Draft | Answer]:
            await asyncio.sleep(0.005)
            yield Draft(question.text)
            await asyncio.sleep(0.005)
            yield Answer(Outcome.ANSWERED, question.text, 1.0, "en")

        async def story(at: Desk, number: int) -> None:
            chat = replace(CHAT, address=f"visitor {number}")
            await at.writes("Hi", chat)
            await asyncio.sleep(0.02 + number % 40 / 400)
            conversation = await at.conversation(chat)
            await at.handoffs.claim("acme", conversation.id, "ann")
            claimed.add(chat.address)

        async with desk(tmp_path, draft_and_answer) as at:
            at.channel.receipts.extend([note] * 1000)
            await asyncio.gather(*(story(at, number) for number in range(120)))
            await asyncio.sleep(0.3)
        assert late == []


class TestPace:
    async def test_a_message_is_not_sent_on_a_lease_that_ran_out(self, tmp_path: Path) -> None:
        async with desk(tmp_path, working=False) as at:
            await at.writes("Hi")
            now = (await at.conversation()).due or 0
            claimed = await at.database.write(work.claim, "w1", 1, [CHAT.line], now, now + 10)
            (leased,) = claimed.conversations
            await at.handoffs.resolve("acme", leased.id, "ann")
            delivery = Delivery(at.database, {CHAT.line: at.channel}, now=lambda: now + 11)
            with pytest.raises(Fenced):
                await delivery.drain(Held(leased, until=now + 10), await at.conversation())
            assert at.channel.attempts == []

    async def test_no_more_are_on_their_way_than_the_channel_says(self, tmp_path: Path) -> None:
        channel = FakeChannel(Capabilities(at_once=2))
        async with desk(tmp_path, channel=channel) as at:
            channel.open.clear()
            for number in range(10):
                await at.writes("Hi", replace(CHAT, address=str(number)))
            await channel.until(lambda: channel.busy == 2)
            await asyncio.sleep(0.1)
            channel.open.set()
            await channel.texts(10)
        assert channel.busiest == 2

    async def test_a_slow_message_does_not_stop_the_others_for_long(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.delivery.SLOT_SECONDS", 0.05)
        channel = FakeChannel(Capabilities(at_once=1))
        async with desk(tmp_path, channel=channel) as at:
            channel.open.clear()
            await at.writes("Hi")
            await at.writes("Hello", OTHER)
            await channel.until(lambda: channel.busy == 2)

    async def test_a_place_that_hears_nothing_is_lent_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.delivery.SLOT_SECONDS", 0.01)
        slots, limited = Slots(), Capabilities(at_once=1)
        first = await slots.take(CHAT, limited)
        monkeypatch.setattr("bot.delivery.SLOT_SECONDS", 1000.0)
        second = await asyncio.wait_for(slots.take(CHAT, limited), 20)
        third = asyncio.create_task(slots.take(CHAT, limited))
        first.free()
        await asyncio.sleep(0.05)
        assert not third.done()
        second.free()
        (await asyncio.wait_for(third, 20)).free()

    async def test_a_place_is_kept_until_the_channels_word_is_on_record(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.delivery.SLOT_SECONDS", 0.05)
        slots, limited = Slots(), Capabilities(at_once=1)
        first = await slots.take(CHAT, limited)
        first.answered()
        second = asyncio.create_task(slots.take(CHAT, limited))
        await asyncio.sleep(0.2)
        assert not second.done()
        first.free()
        (await asyncio.wait_for(second, 20)).free()

    async def test_a_person_claims_what_waits_behind_a_channel_that_hangs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.delivery.CLAIM_WAITS", 0.1)
        channel, last = FakeChannel(Capabilities(at_once=1)), replace(CHAT, address="19")
        async with desk(tmp_path, channel=channel) as at:
            channel.open.clear()
            for number in range(20):
                await at.writes("Hi", replace(CHAT, address=str(number)))
            waiting = await at.until(lambda one: one.queued and one.sending is None, last)
            await asyncio.wait_for(at.handoffs.claim("acme", waiting.id, "ann"), 20)
            channel.open.set()
            await at.at_rest(last)
            assert [each.author for each in channel.arrived if each.chat == last] == [Author.NOTICE]

    async def test_a_channel_that_never_answers_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.delivery.SEND_SECONDS", 0.05)
        async with desk(tmp_path) as at:
            at.channel.open.clear()
            await at.writes("Hi")
            await at.until(lambda conversation: conversation.owner is Owner.WAITING)
            assert len(at.channel.attempts) == 3

    def test_messages_to_one_chat_keep_their_distance(self) -> None:
        pacer = Pacer(lambda: 100.0)
        rates = Capabilities(chat_interval=1.0)
        assert [pacer.wait(CHAT, rates) for _ in range(3)] == [0, 1, 2]
        assert pacer.wait(OTHER, rates) == 0

    def test_all_chats_of_a_company_share_a_rate(self) -> None:
        pacer = Pacer(lambda: 100.0)
        rates = Capabilities(per_second=2.0)
        chats = [replace(CHAT, address=str(number)) for number in range(3)]
        assert [pacer.wait(chat, rates) for chat in chats] == [0, 0.5, 1]
        assert pacer.wait(Chat("other", "web", "0"), rates) == 0

    def test_a_busy_chat_takes_no_more_than_its_share(self) -> None:
        pacer = Pacer(lambda: 100.0)
        rates = Capabilities(per_second=10.0, chat_interval=60.0)
        assert [pacer.wait(CHAT, rates) for _ in range(3)] == [0, 60, 120]
        assert pacer.wait(OTHER, rates) == pytest.approx(0.3)
