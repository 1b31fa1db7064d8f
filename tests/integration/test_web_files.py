"""Files in the web chat: a visitor sends them, a person gets them, nobody else does."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bot.domain import Owner
from bot.errors import FileUnavailable
from bot.sections import WebSettings
from bot.storage.conversations import transcript
from tests.chat_site import COMPANY, Site, serve
from tests.web_visitors import SECONDS, address_of, listening

PHOTO = b"\xff\xd8\xff\xe0" + b"photo" * 100
MB = 1024 * 1024
LIMITS = WebSettings(max_file_mb=1, visitor_files_mb=2)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("site"), limits=LIMITS) as site:
        yield site


async def upload(client: httpx.AsyncClient, name: str = "rim.jpg", content: bytes = PHOTO, **headers: str) -> Any:
    given = {"content-type": "image/jpeg", **headers}
    return await client.post("/chat/files", params={"name": name}, content=content, headers=given)


async def send(client: httpx.AsyncClient, text: str, *files: str) -> httpx.Response:
    return await client.post("/chat/messages", json={"id": "12345678", "text": text, "files": files})


async def sent(client: httpx.AsyncClient, text: str = "") -> str:
    """A message with a photo; returns the file's id."""
    identity: str = (await upload(client)).json()["id"]
    assert (await send(client, text, identity)).status_code == 202
    return identity


async def test_a_photo_with_words_is_answered_and_shown(visitor: httpx.AsyncClient) -> None:
    identity = await sent(visitor, "What is this?")
    async with listening(visitor) as stream:
        mine = await stream.until("message", author="customer")
        assert (mine["text"], mine["files"]) == ("What is this?", [{"id": identity, "name": "rim.jpg", "size": 504}])
        await stream.until("message", author="bot")


async def test_a_file_alone_goes_to_a_person(site: Site, visitor: httpx.AsyncClient) -> None:
    await sent(visitor)
    async with listening(visitor) as stream:
        await stream.until("status", owner="waiting")
    assert site.conversation(address_of(visitor)).owner is Owner.WAITING


async def test_a_person_gets_the_file(site: Site, visitor: httpx.AsyncClient) -> None:
    identity = await sent(visitor)
    conversation = site.conversation(address_of(visitor))
    messages = site.run(site.database.read(transcript, COMPANY, conversation.id))
    (attachment,) = messages[0].attachments
    assert (attachment.ref, attachment.name, attachment.media_type) == (identity, "rim.jpg", "image/jpeg")
    assert site.run(site.connector.fetch(identity, MB)) == PHOTO


async def test_a_file_that_is_not_there_or_too_large_is_not_fetched(site: Site, visitor: httpx.AsyncClient) -> None:
    identity = await sent(visitor)
    for ref, limit in (("nothing", MB), (identity, 10)):
        with pytest.raises(FileUnavailable):
            site.run(site.connector.fetch(ref, limit))


async def test_the_visitor_gets_the_file_back_and_nobody_else(site: Site, visitor: httpx.AsyncClient) -> None:
    identity = await sent(visitor)
    mine = await visitor.get(f"/chat/files/{identity}")
    assert (mine.content, mine.headers["content-type"]) == (PHOTO, "application/octet-stream")
    async with httpx.AsyncClient(base_url=site.url, timeout=SECONDS) as other:
        await other.get("/chat")
        assert (await other.get(f"/chat/files/{identity}")).status_code == 404
        assert (await send(other, "Mine!", identity)).json()["error"] == "file_gone"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\rim.jpg", "rim.jpg"),
        ("a\r\nb\u202egpj.exe", "abgpj.exe"),
        ("", "file"),
        ("…", "…"),
        ("照片.png", "照片.png"),
        ("x" * 300, "x" * 255),
    ],
)
async def test_a_name_is_a_name_and_no_path(visitor: httpx.AsyncClient, given: str, kept: str) -> None:
    assert (await upload(visitor, given)).json()["name"] == kept


async def test_a_file_that_is_too_large_is_refused_with_the_limit(visitor: httpx.AsyncClient) -> None:
    refused = await upload(visitor, content=b"x" * (MB + 1))
    assert (refused.status_code, refused.json()["error"]) == (413, "file_too_large")
    assert "1 MB" in refused.json()["message"]


async def test_an_empty_file_is_refused(visitor: httpx.AsyncClient) -> None:
    assert (await upload(visitor, content=b"")).json()["error"] == "file_empty"


async def test_a_visitors_files_have_a_limit_together(visitor: httpx.AsyncClient) -> None:
    codes = [(await upload(visitor, content=b"x" * (MB - 100))).status_code for _ in range(3)]
    assert codes == [201, 201, 413]


async def test_other_sites_cannot_send_files(visitor: httpx.AsyncClient) -> None:
    assert (await upload(visitor, **{"sec-fetch-site": "cross-site"})).status_code == 403


async def test_a_stranger_cannot_send_files(site: Site) -> None:
    async with httpx.AsyncClient(base_url=site.url, timeout=SECONDS) as stranger:
        assert (await upload(stranger)).status_code == 403


async def test_a_message_has_so_many_files_at_most(visitor: httpx.AsyncClient) -> None:
    assert (await send(visitor, "", *["x" * 43] * 11)).status_code == 422
