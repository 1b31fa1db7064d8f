"""The web chat over HTTP: its page, and what visitors send."""

import uuid
from pathlib import Path

import httpx
import pytest

from bot.domain import Chat
from bot.storage.conversations import find, transcript
from connectors.web.chat import LIMIT
from connectors.web.visitors import COOKIE
from tests.chat_site import COMPANY, NAME, Site, serve
from tests.web_visitors import address_of, listening, say


def test_the_root_leads_to_the_chat(site: Site) -> None:
    response = httpx.get(site.url, follow_redirects=True)
    assert response.url.path == "/chat"
    assert NAME in response.text


def test_the_visitors_secret_is_kept_from_scripts_and_other_sites(site: Site) -> None:
    cookie = httpx.get(f"{site.url}/chat").headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))


def test_two_visitors_get_two_secrets(site: Site) -> None:
    first, second = (httpx.get(f"{site.url}/chat").cookies[COOKIE] for _ in range(2))
    assert first != second


async def test_a_visitor_keeps_the_secret(visitor: httpx.AsyncClient) -> None:
    before = visitor.cookies[COOKIE]
    await visitor.get("/chat")
    assert visitor.cookies[COOKIE] == before


@pytest.mark.parametrize("path", ["/chat", "/nowhere", "/chat/events", "/healthz", "/chat/documents/returns"])
def test_every_response_has_the_security_headers(site: Site, path: str) -> None:
    headers = httpx.get(site.url + path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_the_page_has_no_inline_script_or_style(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/chat")).text
    assert "<style" not in page
    assert " style=" not in page
    assert page.count("<script") == page.count('<script type="module" src=') == 1


async def test_static_files_are_kept_by_browsers(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/chat")).text
    style = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    response = await visitor.get(style)
    assert response.headers["content-type"].startswith("text/css")
    assert "immutable" in response.headers["cache-control"]


async def test_common_questions_are_in_the_readers_language(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/chat", headers={"accept-language": "de"})).text
    assert "Wie lange kann ich zurückgeben?" in page
    assert "How long can I return an order?" not in page


async def test_common_questions_are_public_ones_of_this_company(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/chat")).text
    assert "How long can I return an order?" in page
    assert "Secret?" not in page
    assert "Whose?" not in page


async def test_a_language_once_chosen_stays(visitor: httpx.AsyncClient) -> None:
    await visitor.get("/chat?language=zh")
    assert '<html lang="zh"' in (await visitor.get("/chat", headers={"accept-language": "de"})).text


async def test_an_unknown_language_changes_nothing(visitor: httpx.AsyncClient) -> None:
    assert '<html lang="en"' in (await visitor.get('/chat?language="><script>')).text


async def test_the_interface_is_not_described_to_strangers(visitor: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await visitor.get(path)).status_code == 404


async def test_a_missing_page_says_so_in_the_readers_language(visitor: httpx.AsyncClient) -> None:
    response = await visitor.get("/nowhere", headers={"accept": "text/html", "accept-language": "fr"})
    assert response.status_code == 404
    assert "Cette page n’existe pas" in response.text


async def test_health_is_told(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/healthz")).json() == {"status": "ok"}


async def test_a_message_is_stored_when_it_is_accepted(site: Site, visitor: httpx.AsyncClient) -> None:
    response = await say(visitor, "hello")
    assert (response.status_code, response.json()) == (202, {"new": True})
    conversation = site.conversation(address_of(visitor))
    stored = site.run(site.database.read(transcript, COMPANY, conversation.id))
    assert stored[0].text == "hello"


async def test_a_message_sent_twice_is_stored_once(site: Site, visitor: httpx.AsyncClient) -> None:
    identity = uuid.uuid4().hex
    await say(visitor, "hello", identity)
    assert (await say(visitor, "hello", identity)).json() == {"new": False}
    conversation = site.conversation(address_of(visitor))
    stored = site.run(site.database.read(transcript, COMPANY, conversation.id))
    assert [message.text for message in stored if message.author == "customer"] == ["hello"]


async def test_two_visitors_may_use_the_same_id(site: Site, visitor: httpx.AsyncClient) -> None:
    identity = uuid.uuid4().hex
    await say(visitor, "mine", identity)
    async with httpx.AsyncClient(base_url=site.url) as other:
        await other.get("/chat")
        assert (await say(other, "theirs", identity)).json() == {"new": True}


async def test_the_longest_message_is_taken(visitor: httpx.AsyncClient) -> None:
    assert (await say(visitor, "长" * LIMIT)).status_code == 202


async def test_a_message_that_is_too_long_is_refused_with_the_limit(visitor: httpx.AsyncClient) -> None:
    response = await say(visitor, "x" * (LIMIT + 1))
    assert response.status_code == 413
    assert response.json() == {
        "error": "too_long",
        "message": "A message can have 4000 characters at most; this one has 4001.",
    }


async def test_a_huge_body_is_refused(visitor: httpx.AsyncClient) -> None:
    response = await say(visitor, "x" * 200_000)
    assert response.status_code == 413
    assert "content-security-policy" in response.headers


@pytest.mark.parametrize("text", ["", "  \n\t"])
async def test_an_empty_message_is_refused(visitor: httpx.AsyncClient, text: str) -> None:
    assert (await say(visitor, text)).status_code == 422


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"id": "1", "text": "short id"}', b'{"id": "12345678"}', b'{"id": "12345678", "text": 1}'],
)
async def test_a_broken_message_is_refused_without_internals(visitor: httpx.AsyncClient, body: bytes) -> None:
    response = await visitor.post("/chat/messages", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.json().keys() == {"error", "message"}


async def test_half_a_character_breaks_nothing(visitor: httpx.AsyncClient) -> None:
    body = b'{"id": "12345678", "text": "a \\ud800 b \\u0000 c"}'
    response = await visitor.post("/chat/messages", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 202
    async with listening(visitor) as stream:
        await stream.until("message", author="customer", text="a ? b  c")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
async def test_other_sites_cannot_send_messages(visitor: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await say(visitor, "hello", **headers)).status_code == 403


async def test_our_own_page_can_send_messages(site: Site, visitor: httpx.AsyncClient) -> None:
    headers = {"sec-fetch-site": "same-origin", "origin": site.url}
    assert (await say(visitor, "hello", **headers)).status_code == 202


async def test_a_form_cannot_send_messages(visitor: httpx.AsyncClient) -> None:
    response = await visitor.post("/chat/messages", data={"id": "12345678", "text": "hello"})
    assert response.status_code in (415, 422)


async def test_a_stranger_cannot_send_or_listen(site: Site) -> None:
    async with httpx.AsyncClient(base_url=site.url) as stranger:
        assert (await say(stranger, "hello")).status_code == 403
        assert (await stranger.get("/chat/events")).status_code == 403


async def test_a_chat_that_is_stopping_takes_nothing(tmp_path: Path) -> None:
    with serve(tmp_path) as site:
        async with httpx.AsyncClient(base_url=site.url) as client:
            await client.get("/chat")
            site.run(site.connector.stop())
            response = await say(client, "hello")
            assert response.status_code == 503
            assert response.json()["error"] == "unavailable"
            stored = site.run(site.database.read(find, Chat(COMPANY, "web", address_of(client))))
            assert stored is None
