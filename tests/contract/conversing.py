"""Steps of a conversation, as the contract tests of the store take them."""

from collections.abc import Sequence

from bot.conversation import Change, Conversation, Message, Pace, Reply, Status
from bot.domain import Author, Chat, Outcome
from bot.ports import Inbound, Kind
from bot.storage import conversations as store
from bot.storage import work
from retrieval.database import Database

CHAT = Chat("acme", "web", "visitor-1")
OTHER = Chat("acme", "web", "visitor-2")
PACE = Pace(quiet=1.0, longest_burst=3.0)
LEASE = 10.0
ANSWER = Reply("We open at nine [1].", Author.BOT, "en", outcome=Outcome.ANSWERED)


async def receive(
    database: Database,
    event: str,
    at: float,
    chat: Chat = CHAT,
    kind: Kind = Kind.MESSAGE,
    text: str = "",
    ref: str = "",
) -> None:
    await database.write(store.receive, Inbound(event, chat, kind, text=text or event, ref=ref), PACE, at)


async def claim(database: Database, at: float, lease: str = "w1", limit: int = 10) -> Sequence[Conversation]:
    claimed = await database.write(work.claim, lease, limit, [CHAT.line], at, at + LEASE)
    return claimed.conversations


async def asked_and_claimed(database: Database, at: float = 0.0) -> Conversation:
    """One question, in the hands of a worker."""
    await receive(database, "e1", at)
    (conversation,) = await claim(database, at + 1)
    return conversation


async def conclude(database: Database, leased: Conversation, at: float, *replies: Reply) -> Conversation:
    return await database.write(work.conclude, leased, Change(leased.asked, replies), at)


async def now(database: Database, chat: Chat = CHAT) -> Conversation:
    found = await database.read(store.find, chat)
    assert found is not None
    return found


async def messages(database: Database, chat: Chat = CHAT) -> Sequence[Message]:
    return await database.read(store.transcript, chat.company, (await now(database, chat)).id)


async def sent(database: Database, leased: Conversation, seq: int) -> None:
    message = Message(leased.id, seq, Author.BOT, "", status=Status.SENT, attempts=1, refs=["m7"])
    await database.write(work.settle, leased, message, 5.0)
