"""Turns the light Markdown of a message into a tree that a page can build without ever parsing HTML.

A node is a string, or ``{"tag": ..., "children": [...]}``; a link has a ``href`` too, and a citation marker is
``{"tag": "cite", "number": n}``. Everything that isn't on the short list of tags below comes out as plain text.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

Node = str | dict[str, Any]

MARKER = re.compile(r"\[(\d{1,2})\]")
SCHEMES = frozenset({"http", "https", "mailto"})
TAGS = {
    "paragraph": "p",
    "heading": "h",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "blockquote": "quote",
    "strong": "strong",
    "em": "em",
}

_parser = (
    MarkdownIt("commonmark", {"html": False, "linkify": True})
    # Indented text is a quoted layout far more often than code, and a reference definition would hide text.
    .disable(["code", "reference", "image", "html_block", "html_inline", "lheading", "hr"])
    .enable("linkify")
)
if _parser.linkify is not None:
    _parser.linkify.set({"fuzzy_link": False})


def markup(text: str, numbers: Collection[int] = ()) -> list[Node]:
    """The tree of a message; `[n]` becomes a citation marker where n is one of `numbers`."""
    return list(_render(SyntaxTreeNode(_parser.parse(text)).children, frozenset(numbers)))


def _render(nodes: Iterable[SyntaxTreeNode], numbers: frozenset[int]) -> Iterator[Node]:
    for node in nodes:
        yield from _render_node(node, numbers)


def _render_node(node: SyntaxTreeNode, numbers: frozenset[int]) -> Iterator[Node]:
    match node.type:
        case "text":
            yield from _mark(node.content, numbers)
        case "softbreak" | "hardbreak":
            yield {"tag": "br", "children": []}
        case "code_inline":
            yield {"tag": "code", "children": [node.content]}
        case "fence":
            yield {"tag": "pre", "children": [node.content.rstrip("\n")]}
        case "link" if urlsplit(str(node.attrs["href"])).scheme in SCHEMES:
            yield {"tag": "a", "href": node.attrs["href"], "children": list(_render(node.children, frozenset()))}
        case "paragraph" if node.hidden:  # the items of a tight list
            yield from _render(node.children, numbers)
        case known if known in TAGS:
            extra = {"start": node.attrs["start"]} if "start" in node.attrs else {}
            yield {"tag": TAGS[known], **extra, "children": list(_render(node.children, numbers))}
        case _:
            yield from _render(node.children, numbers)


def _mark(text: str, numbers: frozenset[int]) -> Iterator[Node]:
    """Split at the citation markers that name a citation; what looks like one and isn't stays text."""
    end = 0
    for found in MARKER.finditer(text):
        if int(found[1]) in numbers:
            if found.start() > end:
                yield text[end : found.start()]
            yield {"tag": "cite", "number": int(found[1]), "children": []}
            end = found.end()
    if end < len(text):
        yield text[end:]
