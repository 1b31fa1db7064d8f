"""The web chat over HTTP, against real storage and a real worker."""

import asyncio
import contextlib
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.domain import Chat
from bot.storage.conversations import add_company, find, transcript
from connectors.web.chat import LIMIT
from connectors.web.visitors import COOKIE
from retrieval.passages import Audience
from tests.chat_site import COMPANY, NAME, RETURNS, Site, document, serve

SECONDS = 20
"""Longest wait for an event: far more than it takes, so that a slow machine fails no test."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("site")) as site:
        site.run(site.database.write(_add_other_company))
        site.add(
            document("returns", RETURNS),
            document(
                "manual", [("", "Grease the chain.")], url="https://halden.example/manual", page=7, title="Manual"
            ),
            document("odd/id #1", [("", "Odd.")], url="javascript:alert(1)"),
            document("internal", [("Secret?", "The margin is 40 %.")], audience=Audience.INTERNAL),
            document("other", [("Whose?", "Another company's.")], company="other"),
            document("deutsch", [("Wie lange kann ich zurückgeben?", "60 Tage.")], language="de"),
        )
        yield site


def _add_other_company(connection: Any) -> None:
    add_company(connection, "other", "Other", 0.0)


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has opened the chat."""
    async with httpx.AsyncClient(base_url=site.url, timeout=SECONDS) as client:
        await client.get("/chat")
        yield client


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


# --- the page ---


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


# --- messages ---


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


# --- events ---


async def test_an_answer_appears_as_it_is_made(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "a long story")
        answer = await stream.until("message", author="bot")
        drafts = [data["text"] for name, data in stream.heard if name == "draft"]
    assert drafts
    assert all(answer["text"].startswith(draft) for draft in drafts)
    assert [(each["number"], each["passage"]) for each in answer["citations"]] == [(1, "returns#0"), (2, "returns#1")]
    assert answer["outcome"] == "answered"


async def test_an_answer_comes_without_drafts_too(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "hello")
        assert (await stream.until("message", author="bot"))["text"] == "You said: hello"


async def test_a_message_names_the_id_its_sender_gave_it(visitor: httpx.AsyncClient) -> None:
    identity = uuid.uuid4().hex
    async with listening(visitor) as stream:
        await say(visitor, "hello", identity)
        assert (await stream.until("message", author="customer"))["ref"] == identity


async def test_every_tab_hears_everything(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as first, listening(visitor) as second:
        await say(visitor, "hello")
        for stream in (first, second):
            await stream.until("message", author="bot")
            assert stream.texts() == ["hello", "You said: hello"]


async def test_others_hear_nothing(site: Site, visitor: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=site.url, timeout=SECONDS) as other:
        await other.get("/chat")
        async with listening(other) as stream:
            await say(visitor, "private")
            await say(other, "mine")
            await stream.until("message", author="bot")
            assert stream.texts() == ["mine", "You said: mine"]


async def test_a_page_that_comes_back_hears_what_it_missed_and_no_more(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "first")
        await stream.until("message", author="bot")
        await say(visitor, "second")  # moves the cursor past the first answer
        await stream.until("message", text="second")
        await stream.until("message", author="bot")
    await say(visitor, "third")
    async with listening(visitor, **{"last-event-id": stream.cursor}) as again:
        await again.until("message", text="You said: third")
    assert "first" not in again.texts()
    assert [text for text in again.texts() if text not in stream.texts()] == ["third", "You said: third"]


async def test_a_new_page_hears_the_whole_conversation(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "hello")
        await stream.until("message", author="bot")
    async with listening(visitor) as again:
        await again.until("message", author="bot")
        assert again.texts() == ["hello", "You said: hello"]


async def test_after_a_restart_nothing_is_lost(tmp_path: Path) -> None:
    with serve(tmp_path) as site:
        port = int(site.url.rpartition(":")[2])
        async with httpx.AsyncClient(base_url=site.url, timeout=SECONDS) as client:
            await client.get("/chat")
            async with listening(client) as stream:
                await say(client, "before")
                await stream.until("message", author="bot")
    with serve(tmp_path, port) as site:
        async with httpx.AsyncClient(base_url=site.url, timeout=SECONDS, cookies=client.cookies) as client:
            await say(client, "after")
            async with listening(client, after=stream.cursor) as again:
                await again.until("message", text="You said: after")
    assert {*stream.texts(), *again.texts()} == {"before", "You said: before", "after", "You said: after"}


async def test_open_pages_are_let_go_when_the_server_ends(tmp_path: Path) -> None:
    with serve(tmp_path) as site:
        async with httpx.AsyncClient(base_url=site.url, timeout=SECONDS) as client:
            await client.get("/chat")
            async with listening(client) as stream:
                await stream.until("status")
                site.connector.close()
                with pytest.raises(AssertionError, match="the stream ended"):
                    await stream.until("message")


# --- people ---


async def test_the_button_calls_a_person(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await act(visitor, "human")
        await stream.has("status", owner="waiting")
        await stream.has("message", author="notice")


async def test_what_is_not_covered_calls_a_person(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "something unknown")
        assert (await stream.has("message", author="bot"))["outcome"] == "handoff"
        await stream.has("status", owner="waiting")


async def test_a_person_is_heard_by_name(site: Site, visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await act(visitor, "human")
        await stream.until("status", owner="waiting")
        conversation = site.conversation(address_of(visitor)).id
        site.run(site.handoffs.claim(COMPANY, conversation, "u1"))
        await stream.until("status", owner="human")
        site.run(site.handoffs.reply(COMPANY, conversation, "u1", "Hello from **Ines**", "Ines"))
        said = await stream.until("message", author="person")
    assert said["sender"] == "Ines"
    assert said["blocks"][0]["children"][1]["tag"] == "strong"


async def test_an_unclear_question_offers_others(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "something unclear")
        answer = await stream.until("message", author="bot")
    assert answer["outcome"] == "clarify"
    assert answer["suggestions"] == ["How long can I return an order?", "Who pays for the return?"]


async def test_a_judgement_is_told_to_every_tab(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "hello")
        answer = await stream.until("message", author="bot")
        assert (await act(visitor, "not_helpful", message=answer["seq"])).status_code == 202
        assert await stream.until("feedback") == {"seq": answer["seq"], "value": "not_helpful"}


async def test_what_is_not_there_cannot_be_judged(visitor: httpx.AsyncClient) -> None:
    await say(visitor, "hello")
    assert (await act(visitor, "helpful", message=99)).json() == {"new": False}


async def test_a_new_conversation_starts_empty(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "hello")
        await stream.until("message", author="bot")
        await act(visitor, "new")
        await stream.has("conversation", start=3)
        await stream.has("message", author="notice")
    async with listening(visitor) as again:
        await again.until("status")
        assert "hello" not in again.texts()


async def test_an_answer_can_be_stopped(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "slowly a long story")
        await stream.until("draft")
        await act(visitor, "stop")
        await stream.until("draft", text=None)


async def test_an_unknown_action_is_refused(visitor: httpx.AsyncClient) -> None:
    assert (await act(visitor, "explode")).status_code == 422


async def test_a_failing_answer_ends_with_a_person(visitor: httpx.AsyncClient) -> None:
    async with listening(visitor) as stream:
        await say(visitor, "this is broken")
        await stream.until("status", owner="waiting")


# --- passages ---


async def test_a_passage_stands_among_its_neighbours(visitor: httpx.AsyncClient) -> None:
    passage = (await visitor.get("/chat/passages/returns/1")).json()
    assert (passage["question"], passage["text"]) == RETURNS[1]
    assert [each["question"] for each in passage["before"]] == [RETURNS[0][0]]
    assert [each["question"] for each in passage["after"]] == [RETURNS[2][0], RETURNS[3][0]]
    assert (passage["title"], passage["place"]) == ("Returns and exchanges", "Returns")
    assert passage["page"] == "/chat/documents/returns#p1"


async def test_a_passage_links_to_the_original(visitor: httpx.AsyncClient) -> None:
    passage = (await visitor.get("/chat/passages/manual/0")).json()
    assert passage["url"] == "https://halden.example/manual"


async def test_where_a_passage_stands_is_told_in_the_readers_language(visitor: httpx.AsyncClient) -> None:
    passage = (await visitor.get("/chat/passages/manual/0", headers={"accept-language": "zh"})).json()
    assert passage["place"] == "第 7 页 · Returns"


async def test_odd_ids_are_found_and_odd_links_dropped(visitor: httpx.AsyncClient) -> None:
    passage = (await visitor.get("/chat/passages/odd/id%20%231/0")).json()
    assert passage["text"] == "Odd."
    assert passage["url"] == ""
    assert (await visitor.get(passage["page"].partition("#")[0])).status_code == 200


@pytest.mark.parametrize("path", ["internal/0", "other/0", "nowhere/0", "returns/99", "returns/-1", "returns/x"])
async def test_only_public_passages_of_this_company_are_shown(visitor: httpx.AsyncClient, path: str) -> None:
    response = await visitor.get(f"/chat/passages/{path}")
    assert response.status_code in (404, 422)
    assert "margin" not in response.text


@pytest.mark.parametrize("identity", ["internal", "other", "nowhere"])
async def test_only_public_documents_of_this_company_are_shown(visitor: httpx.AsyncClient, identity: str) -> None:
    assert (await visitor.get(f"/chat/documents/{identity}")).status_code == 404


async def test_a_document_can_be_read_whole(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/chat/documents/returns")).text
    assert all(f'id="p{place}"' in page for place in range(len(RETURNS)))
    assert "You can return any order within 60 days of delivery." in page


async def test_what_a_document_says_is_never_html(site: Site, visitor: httpx.AsyncClient) -> None:
    site.add(document("evil", [("<img src=x>", "<script>alert(1)</script>")], title="<b>"))
    page = (await visitor.get("/chat/documents/evil")).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>" not in page
    assert "<img" not in page


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
