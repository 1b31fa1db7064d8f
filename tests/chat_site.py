"""The web chat as it runs: real storage, worker and server on a loopback port. Only the answerer is scripted."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import uvicorn
from numpy.typing import NDArray

from bot.answers.teaching import Teaching
from bot.conversation import Conversation, Pace
from bot.domain import Answer, Chat, Citation, Draft, Outcome, Question, Reason
from bot.handoffs.consulting import Consultant, Search
from bot.handoffs.handoff import Handoffs
from bot.handoffs.suggesting import Suggesting
from bot.intake import Intake
from bot.ports import Answerer
from bot.sections import HandoffSettings, WebSettings
from bot.storage.conversations import add_company, find
from bot.storage.migrate import migrate
from bot.texts import text as fixed_text
from bot.turn import Turns
from bot.worker import Worker
from connectors.web.app import WebDependencies, create_app
from connectors.web.connector import WebConnector
from connectors.web.desk.desk import Desk, open_desk
from connectors.web.limits import Limits
from retrieval import store
from retrieval.database import Database, open_database
from retrieval.passages import Audience, Document, Found, Location, Passage
from tests.stores import sqlite_url

T = TypeVar("T")

COMPANY = "halden"
NAME = "Halden Bikes"
MANY = WebSettings(messages_a_minute=10_000, address_messages_a_minute=10_000)
"""Tests are quicker than people."""
PACE = Pace(quiet=0.05, poll=0.2, retries=(0.05, 0.05))

RETURNS = (
    ("How long can I return an order?", "You can return any order within 60 days of delivery."),
    ("Who pays for the return?", "Returns within the country are free. Print the label from your account."),
    ("How long does a refund take?", "We refund you within 5 working days of the parcel reaching us."),
    ("Can I exchange a frame for another size?", "Yes, once, within 60 days, as long as it hasn't been ridden."),
    ("Where is my order?", "Open the tracking link in the mail that said your order was sent."),
)


def document(
    identity: str,
    entries: Sequence[tuple[str, str]],
    *,
    company: str = COMPANY,
    audience: Audience = Audience.PUBLIC,
    url: str = "",
    title: str = "Returns and exchanges",
    heading: str = "Returns",
    page: int | None = None,
    language: str = "en",
) -> tuple[Document, list[store.Embedded]]:
    """A document of question-and-answer pairs; prose where the question is empty."""
    whole = Document(
        identity, company, audience, f"/docs/{identity}", title, language, url, identity, len(entries), 0.0
    )
    passages = [
        Passage(f"{identity}#{n}", identity, n, title, answer, question, Location(heading, page), language, url)
        for n, (question, answer) in enumerate(entries)
    ]
    return whole, [store.Embedded(passage, np.ones(2, np.float32)) for passage in passages]


def cite(number: int, identity: str, position: int, title: str = "Returns and exchanges") -> Citation:
    return Citation(number, identity, f"{identity}#{position}", title, "Returns")


def answered(text: str, *citations: Citation) -> Answer:
    return Answer(Outcome.ANSWERED, text, 0.9, "en", citations)


async def scripted(question: Question) -> AsyncIterator[Draft | Answer]:
    """Answers by what is asked; a story comes word by word, `slowly` with pauses."""
    asked = question.text.lower()
    if "broken" in asked:
        raise RuntimeError("scripted")
    if "unknown" in asked:
        told = fixed_text("handed_over_not_covered", "en")
        yield Answer(Outcome.HANDOFF, told, 0.1, "en", reason=Reason.NOT_COVERED)
    elif "unclear" in asked:
        suggestions = [each for each, _ in RETURNS[:2]]
        yield Answer(Outcome.CLARIFY, fixed_text("clarify", "en"), 0.4, "en", suggestions=suggestions)
    elif "story" in asked:
        words = "You can return any order within 60 days of delivery. [1] Returns are free. [2]".split()
        for end in range(1, len(words)):
            yield Draft(" ".join(words[:end]))
            await asyncio.sleep(0.1 if "slowly" in asked else 0.01)
        yield answered(" ".join(words), cite(1, "returns", 0), cite(2, "returns", 1))
    else:
        yield answered(f"You said: {question.text}")


class Level:
    """An embedding model to which everything means the same."""

    name, dimensions = "model", 2

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.full((len(texts), 2), 0.5**0.5, np.float32)

    embed_passages = embed_queries

    def count_tokens(self, text: str) -> int:
        return len(text.split())


async def found(company: str, text: str, _audience: Audience, count: int) -> Found:
    """Finds nothing: tests that search bring passages of their own."""
    return Found(text, (), 0.0)


@dataclass(slots=True)
class Site:
    """A running web chat, and the desk beside it."""

    url: str
    database: Database
    connector: WebConnector
    handoffs: Handoffs
    desk: Desk
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the server's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def add(self, *documents: tuple[Document, list[store.Embedded]]) -> None:
        """Store documents."""
        for whole, passages in documents:
            self.run(self.database.write(store.put_document, whole, passages, "model"))

    def conversation(self, address: str) -> Conversation:
        """The conversation of a visitor."""
        found = self.run(self.database.read(find, Chat(COMPANY, "web", address)))
        assert found is not None
        return found


def bound(port: int) -> socket.socket:
    """A socket on a loopback port; 0 takes a free one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


@contextlib.asynccontextmanager
async def _running(
    address: str, port: int, answerer: Answerer, search: Search, web: Mapping[str, Any]
) -> AsyncIterator[Site]:
    database = await open_database(address)
    await migrate(database)
    await database.write(add_company, COMPANY, NAME, 0.0)
    connector = WebConnector(database, COMPANY)
    await connector.start(Intake(database, PACE))
    turns = Turns(database, answerer, {(COMPANY, connector.channel): connector}, PACE)
    worker = Worker(database, turns.work, [(COMPANY, connector.channel)], PACE)
    working = asyncio.create_task(worker.run())
    consultant = Consultant(
        database, answerer, search, Suggesting(answerer, database), Teaching(database, Level(), search)
    )
    consulting = asyncio.create_task(consultant.run())
    desk = open_desk(database, COMPANY, lambda _, ref, limit: connector.fetch(ref, limit), HandoffSettings())
    app = create_app(WebDependencies(database, COMPANY, NAME, connector, desk=desk, **web))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=3))
    listener = bound(port)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield Site(url, database, connector, Handoffs(database), desk, asyncio.get_running_loop())
    finally:
        connector.close()
        desk.board.close()
        server.should_exit = True
        await serving
        await connector.stop()
        await worker.stop()
        consultant.stop()
        await working
        await consulting
        await database.close()


@contextlib.contextmanager
def serve(
    folder: Path,
    port: int = 0,
    answerer: Answerer = scripted,
    search: Search = found,
    limits: WebSettings = MANY,
    sites: Sequence[str] = (),
    address: str = "",
) -> Iterator[Site]:
    """Run a site over the database at an address, or in a folder, in a thread of its own."""
    web = {"limits": Limits(limits), "sites": sites}
    ready: list[Site] = []
    started = threading.Event()
    leave: list[Callable[[], None]] = []

    async def main() -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        leave.append(lambda: loop.call_soon_threadsafe(done.set))
        async with _running(address or sqlite_url(folder), port, answerer, search, web) as site:
            ready.append(site)
            started.set()
            await done.wait()

    failures: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failures.append(error)
            started.set()

    thread = threading.Thread(target=work, name="site")
    thread.start()
    started.wait(30)
    try:
        if failures:
            raise failures[0]
        yield ready[0]
    finally:
        if not failures:
            leave[0]()
        thread.join(30)
