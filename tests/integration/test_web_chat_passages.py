"""The passages that answers of the web chat cite, and the documents they are from."""

import httpx
import pytest

from tests.chat_site import RETURNS, Site, document


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
