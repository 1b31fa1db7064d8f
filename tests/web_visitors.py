"""Visitors of the web chat, over HTTP: what they send, and what their open pages are told."""

import asyncio
import contextlib
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx

from connectors.web.visitors import COOKIE

SECONDS = 20
"""Longest wait for an event: far more than it takes, so that a slow machine fails no test."""


def say(client: httpx.AsyncClient, text: str, identity: str = "", **headers: str) -> Any:
    body = {"id": identity or uuid.uuid4().hex, "text": text}
    return client.post("/chat/messages", json=body, headers=headers)


def act(client: httpx.AsyncClient, action: str, **more: Any) -> Any:
    return client.post("/chat/actions", json={"id": uuid.uuid4().hex, "action": action, **more})


def address_of(client: httpx.AsyncClient) -> str:
    return hashlib.sha256(client.cookies[COOKIE].encode()).hexdigest()[:40]


class Stream:
    """An open event stream, and what it has told."""

    def __init__(self, response: httpx.Response) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.cursor = ""
        self._lines = response.aiter_lines()

    async def until(self, name: str, **wanted: Any) -> dict[str, Any]:
        """The first event of that name with these values; what comes before it is heard too."""
        async with asyncio.timeout(SECONDS):
            while True:
                found, data = await self._next()
                self.heard.append((found, data))
                if found == name and wanted.items() <= data.items():
                    return data

    async def has(self, name: str, **wanted: Any) -> dict[str, Any]:
        """Such an event, heard already or still to come."""
        known = (data for found, data in self.heard if found == name and wanted.items() <= data.items())
        return next(known, None) or await self.until(name, **wanted)

    async def _next(self) -> tuple[str, dict[str, Any]]:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line and "data" in fields:
                self.cursor = fields.get("id", self.cursor)
                return fields["event"], json.loads(fields["data"])
            key, _, value = line.partition(": ")
            fields[key] = value
        raise AssertionError("the stream ended")

    def texts(self) -> list[str]:
        return [data["text"] for name, data in self.heard if name == "message"]


@contextlib.asynccontextmanager
async def listening(client: httpx.AsyncClient, after: str = "", **headers: str) -> AsyncIterator[Stream]:
    query = {"after": after} if after else {}
    async with client.stream("GET", "/chat/events", params=query, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)
