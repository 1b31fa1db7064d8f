"""What one visitor, and all visitors at one address, may send and keep open; what is more is told when to come back."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from bot.sections import WebSettings
from connectors.web.errors import Refused
from connectors.web.limits import Limits
from tests.chat_site import Site, serve
from tests.web_visitors import SECONDS, act, listening, say

LIMITS = WebSettings(messages_a_minute=2, address_messages_a_minute=5, open_pages=2, address_open_pages=3)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path, limits=LIMITS) as site:
        yield site


@contextlib.asynccontextmanager
async def another(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Another visitor at the same address."""
    async with httpx.AsyncClient(base_url=site.url, timeout=SECONDS) as client:
        await client.get("/chat")
        yield client


async def test_who_sends_too_much_is_told_when_to_come_back(visitor: httpx.AsyncClient) -> None:
    assert [(await say(visitor, "hello")).status_code for _ in range(2)] == [202, 202]
    refused = await say(visitor, "hello", **{"accept-language": "de"})
    assert (refused.status_code, refused.json()["error"]) == (429, "too_much")
    seconds = int(refused.headers["retry-after"])
    assert 0 < seconds <= 60
    assert f"in {seconds} Sekunden" in refused.json()["message"]


async def test_what_a_visitor_sent_through_another_process_counts(
    tmp_path: Path, site: Site, visitor: httpx.AsyncClient
) -> None:
    assert (await say(visitor, "hello")).status_code == 202
    with serve(tmp_path, limits=LIMITS) as second:
        async with httpx.AsyncClient(base_url=second.url, timeout=SECONDS, cookies=visitor.cookies) as there:
            assert (await say(there, "hello")).status_code == 202
            refused = await say(there, "hello")
            assert refused.status_code == 429
            assert 0 < int(refused.headers["retry-after"]) <= 60
    assert (await say(visitor, "hello")).status_code == 429


async def test_presses_count_too(visitor: httpx.AsyncClient) -> None:
    assert [(await act(visitor, "stop")).status_code for _ in range(3)] == [202, 202, 429]


async def test_visitors_do_not_use_up_what_others_may_send(site: Site, visitor: httpx.AsyncClient) -> None:
    for _ in range(3):
        await say(visitor, "hello")
    async with another(site) as other:
        assert (await say(other, "hello")).status_code == 202


async def test_visitors_of_one_address_share_a_limit(site: Site) -> None:
    codes = []
    for _ in range(3):
        async with another(site) as visitor:
            codes += [(await say(visitor, "hello")).status_code for _ in range(2)]
    assert codes == [202] * 5 + [429]


async def test_a_visitor_may_keep_so_many_pages_open(site: Site, visitor: httpx.AsyncClient) -> None:
    async with listening(visitor), listening(visitor):
        refused = await visitor.get("/chat/events")
        assert (refused.status_code, refused.json()["error"]) == (429, "too_many_pages")
        assert int(refused.headers["retry-after"]) > 0
        async with another(site) as other, listening(other) as stream:
            assert await stream.until("status")
            async with another(site) as third:
                assert (await third.get("/chat/events")).status_code == 429


async def test_a_page_that_goes_away_makes_room(site: Site, visitor: httpx.AsyncClient) -> None:
    for _ in range(4):
        async with listening(visitor) as first, listening(visitor) as second:
            assert await first.until("status")
            assert await second.until("status")
        await _room(visitor)


async def _room(visitor: httpx.AsyncClient) -> None:
    """Until the server has noticed that the pages are gone."""
    for _ in range(200):
        async with visitor.stream("GET", "/chat/events") as first, visitor.stream("GET", "/chat/events") as second:
            if {first.status_code, second.status_code} == {200}:
                return
    raise AssertionError("there is never room again")


def test_a_limit_ends_after_a_minute() -> None:
    now = [0.0]
    limits = Limits(WebSettings(messages_a_minute=1), lambda: now[0])
    limits.count("visitor", "place")
    with pytest.raises(Refused) as refused:
        limits.count("visitor", "place")
    assert refused.value.headers == {"retry-after": "60"}
    now[0] = 60.5
    limits.count("visitor", "place")


def test_nothing_is_remembered_of_pages_that_are_gone() -> None:
    limits = Limits()
    with limits.open("visitor", "place"):
        pass
    assert not limits._open
