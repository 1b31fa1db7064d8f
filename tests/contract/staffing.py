"""A conversation that people work on, for tests of cases."""

from dataclasses import replace

from bot.conversation import Change, Conversation, Message, Opening, Pace, Reply, Status
from bot.domain import Author, Chat, Citation, Outcome, Owner, Reason, Suggestion
from bot.ports import Inbound, Kind
from bot.storage import conversations as store
from bot.storage import work
from retrieval.database import Database

CHAT = Chat("acme", "web", "visitor")
PACE = Pace(quiet=0, longest_burst=0)
CITATION = Citation(1, "d1", "d1#0", "Returns", "page 2")
SUGGESTION = Suggestion("Within 30 days [1].", (CITATION,), 0.41, at=2.0)


class Clock:
    """The time, as the test says."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def writes(database: Database, event: str, text: str, at: float, chat: Chat = CHAT, **more: object) -> None:
    """The customer writes."""
    kind = more.pop("kind", Kind.MESSAGE)
    inbound = Inbound(event, chat, kind, text, order=at, name="Ada", **more)  # type: ignore[arg-type]
    await database.write(store.receive, inbound, PACE, at)


async def conversation(database: Database, chat: Chat = CHAT) -> Conversation:
    found = await database.read(store.find, chat)
    assert found is not None
    return found


async def leased(database: Database, at: float, chat: Chat = CHAT) -> Conversation:
    """A worker takes the conversation that is due, whatever its lease was."""
    claimed = await database.write(work.claim, f"w{at}", 100, [chat.line], at, at + 10)
    return next(each for each in claimed.conversations if each.chat == chat)


async def called(
    database: Database, at: float, opening: Opening | None = None, text: str = "A person will.", chat: Chat = CHAT
) -> Conversation:
    """The bot calls a person."""
    held = await leased(database, at, chat)
    reply = Reply(text, Author.BOT, "en", outcome=Outcome.HANDOFF, reason=Reason.UNSURE)
    change = Change(held.asked, [reply], Owner.WAITING, "en", handoff=opening or Opening(Reason.UNSURE))
    after = await database.write(work.conclude, held, change, at)
    await send_all(database, after, at)
    return after


async def send_all(database: Database, held: Conversation, at: float, status: Status = Status.SENT) -> list[Message]:
    """What waits is sent, and the lease given back."""
    queued, waiting = await database.read(work.outbox, held)
    for message in waiting:
        done = replace(message, status=status, refs=(f"m{message.seq}",))
        await database.write(work.settle, held, done, at, "too long" if status is Status.FAILED else "")
    await database.write(work.release, held, queued, at)
    return list(waiting)


async def handed_over(database: Database, at: float = 0.0, chat: Chat = CHAT, opening: Opening | None = None) -> str:
    """The customer asked, and a person was called: the conversation's id."""
    await writes(database, f"{chat.address}-e{at}", "Can I return my bike?", at, chat)
    return (await called(database, at, opening, chat=chat)).id
