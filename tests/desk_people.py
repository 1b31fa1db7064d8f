"""People at the desk of the test site, spoken to over HTTP."""

import contextlib
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx

from bot.domain import Chat
from bot.intake import Intake
from bot.ports import Inbound, Kind
from connectors.web.desk.entrance import COOKIE
from retrieval import store
from retrieval.passages import Audience, Found, Scored
from tests.chat_site import COMPANY, PACE, RETURNS, Site, document, serve

T = TypeVar("T")

NAMES = {"mia": "Mia Chen", "jo": "Jo Park"}
PASSWORD = "correct horse battery"
SECONDS = 30
"""Longest wait: far more than anything takes, so that a slow machine fails no test."""
SECRET = "Never tell customers about the 40 % margin."


@contextlib.contextmanager
def desk_site(folder: Path, address: str = "") -> Iterator[Site]:
    """A site with a public and an internal document, and two members of the staff."""
    running: list[Site] = []

    async def search(company: str, text: str, _audience: Audience, count: int) -> Found:
        """Finds all passages there are."""
        held = [("returns", Audience.PUBLIC), ("handbook", Audience.INTERNAL)]
        passages = [
            each
            for name, audience in held
            for each in await running[0].database.read(store.passages_of_document, company, audience, name)
        ]
        return Found(text, tuple(Scored(each, 1.0, 1.0, 1.0) for each in passages[:count]), 0.8)

    with serve(folder, search=search, address=address) as site:
        running.append(site)
        site.add(
            document("returns", RETURNS[:2]),
            document("handbook", [("", SECRET)], audience=Audience.INTERNAL, title="Handbook"),
        )
        for account, name in NAMES.items():
            site.run(site.desk.accounts.add(COMPANY, account, name))
            site.run(site.desk.accounts.set_password(COMPANY, account, PASSWORD))
        yield site


def session_of(site: Site, account: str) -> str:
    """The secret of a new session."""
    return site.run(site.desk.accounts.sign_in(COMPANY, account, PASSWORD, uuid.uuid4().hex))


class Person:
    """A member of the staff with the desk open."""

    def __init__(self, site: Site, account: str) -> None:
        self.client = httpx.Client(base_url=site.url, timeout=SECONDS, follow_redirects=True)
        self.client.cookies.set(COOKIE, session_of(site, account), path="/desk")
        self.csrf = token_in(self.client.get("/desk").text)

    def posts(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.client.post(f"/desk/{path}", json=body or {}, headers={"x-csrf-token": self.csrf} | headers)

    def does(self, action: str, conversation: str, **body: Any) -> httpx.Response:
        return self.posts(f"conversations/{conversation}/{action}", body)

    def writes(self, action: str, conversation: str, text: str, **more: Any) -> httpx.Response:
        return self.does(action, conversation, **{"key": uuid.uuid4().hex, "text": text, **more})

    def sees(self, conversation: str) -> Any:
        return self.client.get(f"/desk/conversations/{conversation}").raise_for_status().json()

    def texts(self, conversation: str, kind: str = "message") -> list[str]:
        return [each["text"] for each in self.sees(conversation)["entries"] if each["kind"] == kind]

    @contextlib.contextmanager
    def listens(self, after: str = "") -> Iterator[Iterator[tuple[str, Any, str]]]:
        """What the open desk is told: names, data and cursors."""
        with self.client.stream("GET", "/desk/events", params={"after": after}) as response:
            yield _events(response)

    def queue(self) -> dict[str, dict[str, Any]]:
        """The queue as it is, by conversation."""
        with self.listens() as events:
            return {case["id"]: case for case in next(data["cases"] for name, data, _ in events if name == "queue")}


def token_in(page: str) -> str:
    """What requests of the open desk bring along."""
    return str(re.findall(r'data-csrf="(\w+)"', page)[0])


def filled(page: str, **fields: str) -> dict[str, str]:
    """The form of a page with these fields filled in."""
    return {"csrf": re.findall(r'name="csrf" value="([^"]+)"', page)[0]} | fields


def _events(response: httpx.Response) -> Iterator[tuple[str, Any, str]]:
    name = cursor = data = ""
    for line in response.iter_lines():
        field, _, value = line.partition(":")
        match field:
            case "event":
                name = value.strip()
            case "id":
                cursor = value.strip()
            case "data":
                data = value
            case "" if data:
                yield name, json.loads(data), cursor
                data = ""


def asks_for_person(site: Site, text: str = "Hello", **more: str) -> str:
    """A customer writes and asks for a person; returns the conversation."""
    chat = Chat(COMPANY, "web", uuid.uuid4().hex)
    intake = Intake(site.database, PACE)
    event = {"name": "Ana", "language": "en", **more}
    site.run(intake.receive(Inbound(uuid.uuid4().hex, chat, text=text, **event)))
    until(lambda: site.conversation(chat.address).due is None)
    site.run(intake.receive(Inbound(uuid.uuid4().hex, chat, Kind.COMMAND, "human", **event)))
    until(lambda: site.conversation(chat.address).owner == "waiting")
    return site.conversation(chat.address).id


def writes_again(site: Site, conversation: str, text: str) -> None:
    """The customer of a conversation writes."""
    found = site.run(site.desk.cases.get(COMPANY, conversation))
    assert found is not None
    site.run(Intake(site.database, PACE).receive(Inbound(uuid.uuid4().hex, found.conversation.chat, text=text)))


def until(look: Callable[[], T]) -> T:
    """What a look shows once it shows something."""
    for _ in range(SECONDS * 50):
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("It never came.")
