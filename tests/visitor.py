"""A customer with the web chat open, spoken to over HTTP."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


class Visitor:
    """A customer with the chat open."""

    def __init__(self, port: int, base: str = "") -> None:
        self._url = f"http://127.0.0.1:{port}{base}"
        self.cookies = httpx.Cookies()
        with self._client() as client:
            self.cookies = client.get("/chat").raise_for_status().cookies

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._url, cookies=self.cookies, timeout=30, trust_env=False)

    def says(self, text: str) -> None:
        with self._client() as client:
            client.post("/chat/messages", json={"id": str(uuid.uuid4()), "text": text}).raise_for_status()

    def acts(self, action: str) -> None:
        """Presses a button."""
        with self._client() as client:
            client.post("/chat/actions", json={"id": str(uuid.uuid4()), "action": action}).raise_for_status()

    @contextmanager
    def listens(self) -> Iterator[Iterator[dict[str, Any]]]:
        """What the open page is told."""
        with self._client() as client, client.stream("GET", "/chat/events") as events:
            yield (json.loads(line.removeprefix("data:")) for line in events.iter_lines() if line.startswith("data:"))

    def hears(self, author: str) -> dict[str, Any]:
        """The first message of this author, as soon as there is one."""
        with self.listens() as told:
            return next(each for each in told if each.get("author") == author and "seq" in each)

    def everything_until(self, words: str) -> str:
        """All that the open page is told, byte for byte, up to some words."""
        heard = ""
        with self._client() as client, client.stream("GET", "/chat/events") as events:
            for part in events.iter_text():
                heard += part
                if words in heard:
                    break
        return heard
