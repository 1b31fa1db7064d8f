"""What people send to the web chat: their words, changed words, and files."""

import httpx
import pytest

from bot.handoffs.handoff import NewFile
from tests.chat_site import COMPANY, Site
from tests.web_visitors import act, address_of, listening

GUIDE = NewFile("Anleitung & <guide>.html", "text/html", b"<script>alert(1)</script>")


async def claimed(site: Site, visitor: httpx.AsyncClient) -> str:
    """A person has the visitor's conversation: its id."""
    async with listening(visitor) as stream:
        await act(visitor, "human")
        await stream.until("status", owner="waiting")
    id_ = site.conversation(address_of(visitor)).id
    site.run(site.handoffs.claim(COMPANY, id_, "u1", "Ines"))
    return id_


async def test_an_open_page_shows_what_was_changed(site: Site, visitor: httpx.AsyncClient) -> None:
    id_ = await claimed(site, visitor)
    async with listening(visitor) as stream:
        site.run(site.handoffs.reply(COMPANY, id_, "u1", "At nine.", "Ines"))
        said = await stream.has("message", author="person")
        site.run(site.handoffs.correct(COMPANY, id_, "u1", said["seq"], "At **ten**."))
        changed = await stream.until("edited")
    assert (changed["seq"], changed["text"]) == (said["seq"], "At **ten**.")
    assert changed["blocks"][0]["children"][1]["tag"] == "strong"


async def test_a_page_that_comes_later_has_the_new_words_marked(site: Site, visitor: httpx.AsyncClient) -> None:
    id_ = await claimed(site, visitor)
    seq = site.run(site.handoffs.reply(COMPANY, id_, "u1", "At nine.", "Ines")).last
    async with listening(visitor) as stream:
        site.run(site.handoffs.correct(COMPANY, id_, "u1", seq, "At ten."))
        await stream.until("edited")
    async with listening(visitor) as stream:
        said = await stream.until("message", author="person")
    assert (said["text"], said["edited"]) == ("At ten.", True)


async def test_a_page_that_comes_back_hears_of_the_change(site: Site, visitor: httpx.AsyncClient) -> None:
    id_ = await claimed(site, visitor)
    async with listening(visitor) as stream:
        site.run(site.handoffs.reply(COMPANY, id_, "u1", "At nine.", "Ines"))
        said = await stream.has("message", author="person")
        cursor = stream.cursor
    site.run(site.handoffs.correct(COMPANY, id_, "u1", said["seq"], "At ten."))
    async with listening(visitor, after=cursor) as stream:
        assert (await stream.until("edited"))["text"] == "At ten."


@pytest.fixture
async def sent(site: Site, visitor: httpx.AsyncClient) -> str:
    """A file that a person sent to the visitor: where it is."""
    id_ = await claimed(site, visitor)
    async with listening(visitor) as stream:
        site.run(site.handoffs.reply(COMPANY, id_, "u1", "", "Ines", files=[GUIDE]))
        said = await stream.has("message", author="person")
    (file,) = said["files"]
    assert (file["name"], file["size"]) == (GUIDE.name, len(GUIDE.content))
    return f"/chat/files/{file['id']}"


async def test_the_visitor_can_save_the_file(sent: str, visitor: httpx.AsyncClient) -> None:
    response = await visitor.get(sent)
    assert (response.status_code, response.content) == (200, GUIDE.content)
    assert response.headers["content-disposition"].startswith("attachment; filename*=UTF-8''Anleitung%20")


async def test_no_browser_shows_it_as_a_page_of_ours(sent: str, visitor: httpx.AsyncClient) -> None:
    headers = (await visitor.get(sent)).headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_nobody_else_gets_it(site: Site, sent: str) -> None:
    async with httpx.AsyncClient(base_url=site.url) as stranger:
        assert (await stranger.get(sent)).status_code == 403
        await stranger.get("/chat")
        assert (await stranger.get(sent)).status_code == 404


async def test_a_file_that_is_none_is_not_found(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/chat/files/nothing")).status_code == 404
