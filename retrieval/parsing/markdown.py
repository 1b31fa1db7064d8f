"""Markdown, with tables, raw HTML and a front matter that may state title, language and address."""

import re
from pathlib import Path

from markdown_it import MarkdownIt

from retrieval.parsing.markup import items_of_markup
from retrieval.parsing.outline import Heading, Item, blocks_of
from retrieval.parsing.sniffing import decode
from retrieval.passages import ParsedDocument

_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n(?:---|\.\.\.)\s*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z_-]+)\s*:\s*(.+?)\s*$", re.MULTILINE)


def parse_markdown(path: Path, data: bytes) -> list[ParsedDocument]:
    """A Markdown file as one document."""
    text = decode(data)
    fields: dict[str, str] = {}
    if front := _FRONT_MATTER.match(text):
        fields = {name.lower(): value.strip("\"'") for name, value in _FIELD.findall(front[1])}
        text = text[front.end() :]
    items = items_of_markdown(text)
    title = fields.get("title") or main_heading(items) or path.stem
    language = (fields.get("lang") or fields.get("language") or "")[:2].lower()
    url = next(
        (fields[name] for name in ("url", "canonical_url", "permalink") if fields.get(name, "").startswith("http")), ""
    )
    return [ParsedDocument(title, blocks_of(items, title), language=language, url=url)]


def items_of_markdown(text: str) -> list[Item]:
    """What a Markdown text holds, in reading order."""
    return items_of_markup(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


def main_heading(items: list[Item]) -> str:
    """The only heading of the outermost level, when it stands first."""
    headings = [item for item in items if isinstance(item, Heading)]
    outermost = [heading for heading in headings if heading.level == min(other.level for other in headings)]
    return outermost[0].text if len(outermost) == 1 and headings[0] is outermost[0] else ""
