"""What open pages of the web chat are told, and what becomes of what visitors press."""

import uuid
from pathlib import Path

import httpx
import pytest

from tests.chat_site import COMPANY, Site, serve
from tests.web_visitors import SECONDS, act, address_of, listening, say


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
