"""The light Markdown of messages, as a tree without HTML."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.web.markup import SCHEMES, TAGS, markup


def tags(nodes: list[Any]) -> set[str]:
    found = set()
    for node in nodes:
        if isinstance(node, dict):
            found |= {node["tag"]} | tags(node["children"])
    return found


def links(nodes: list[Any]) -> list[str]:
    found = []
    for node in nodes:
        if isinstance(node, dict):
            found += [node["href"]] if node["tag"] == "a" else []
            found += links(node["children"])
    return found


def text_of(nodes: list[Any]) -> str:
    return "".join(node if isinstance(node, str) else text_of(node["children"]) for node in nodes)


def test_a_marker_with_a_citation_becomes_a_cite() -> None:
    assert markup("Yes. [1]", {1}) == [
        {"tag": "p", "children": ["Yes. ", {"tag": "cite", "number": 1, "children": []}]}
    ]


def test_a_marker_without_a_citation_stays_text() -> None:
    assert markup("Yes. [2]", {1}) == [{"tag": "p", "children": ["Yes. [2]"]}]


def test_adjacent_markers_are_two_cites() -> None:
    cites = [node["number"] for node in markup("So it is.[1][2]", {1, 2})[0]["children"] if isinstance(node, dict)]
    assert cites == [1, 2]


def test_a_definition_cannot_hide_a_marker() -> None:
    assert "cite" in tags(markup("Yes [1]\n\n[1]: https://elsewhere.example", {1}))


def test_paragraphs_lists_and_emphasis_are_kept() -> None:
    nodes = markup("A **b** *c* `d`\n\n- e\n- f\n\n3. g")
    assert [node["tag"] for node in nodes] == ["p", "ul", "ol"]
    assert tags(nodes) == {"p", "strong", "em", "code", "ul", "ol", "li"}


def test_a_list_keeps_its_first_number() -> None:
    assert markup("3. g")[0]["start"] == 3


def test_line_breaks_are_kept() -> None:
    assert "br" in tags(markup("one\ntwo"))


def test_indented_text_is_no_code() -> None:
    assert tags(markup("    indented")) == {"p"}


def test_html_is_text() -> None:
    nodes = markup("<script>alert(1)</script> <img src=x onerror=alert(1)>")
    assert tags(nodes) == {"p"}
    assert text_of(nodes) == "<script>alert(1)</script> <img src=x onerror=alert(1)>"


def test_bare_addresses_become_links() -> None:
    assert links(markup("See https://example.com/a_b_c. Or write to help@example.com")) == [
        "https://example.com/a_b_c",
        "mailto:help@example.com",
    ]


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/chat", "ftp://x.example"]
)
def test_no_link_to_anything_but_web_and_mail(target: str) -> None:
    assert links(markup(f"[here]({target}) <{target}>")) == []


@given(st.text(max_size=300))
def test_any_text_gives_known_tags_and_safe_links(text: str) -> None:
    nodes = markup(text, range(1, 100))
    assert tags(nodes) <= {*TAGS.values(), "br", "code", "pre", "a", "cite"}
    assert all(link.partition(":")[0].lower() in SCHEMES for link in links(nodes))


@given(st.text(alphabet="[]()!<>*_`#-: \n123ahtps/.&;\\", max_size=120))
def test_any_punctuation_gives_known_tags_and_safe_links(text: str) -> None:
    nodes = markup(text, {1, 2, 3})
    assert tags(nodes) <= {*TAGS.values(), "br", "code", "pre", "a", "cite"}
    assert all(link.partition(":")[0].lower() in SCHEMES for link in links(nodes))
