"""From an HTML tree to headings, texts and FAQ entries: the road that HTML, Markdown, DOCX, EPUB and others share."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from lxml import html as lxml_html

from retrieval.parsing.lines import tidy
from retrieval.parsing.outline import BOLD_QUESTION, Heading, Item, Text, is_question
from retrieval.parsing.rows import entries_of_rows, row_text
from retrieval.passages import Entry

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SKIPPED = frozenset({
    "script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "canvas", "video", "audio",
    "button", "select", "option", "textarea", "input", "map", "head",
})  # fmt: skip
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "details", "dd", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
    "html", "legend", "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
_STRUCTURED = ".//h1|.//h2|.//h3|.//h4|.//h5|.//h6|.//details|.//table"
_LINK = re.compile(r"^(?:https?://|mailto:|tel:)\S{3,150}$", re.IGNORECASE)


def tree_of(markup: str) -> Any:
    """The element tree of a page or a fragment; broken markup is mended. None when there is nothing in it."""
    if not markup.strip():
        return None
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    return lxml_html.document_fromstring(markup.encode("utf-8", errors="replace"), parser=parser)


def items_of_markup(markup: str) -> list[Item]:
    """What a fragment of HTML holds, in reading order."""
    root = tree_of(markup)
    return [] if root is None else list(items_of(root))


def items_of(element: Any) -> Iterator[Item]:
    """What an element holds, in reading order."""
    inline: list[str] = [element.text or ""]
    for child in element:
        tag = _tag(child)
        if tag in _BLOCKS or (tag not in _SKIPPED and _holds_blocks(child)):
            yield from _paragraph(inline)
            yield from _block(child, tag)
            inline = [child.tail or ""]
            continue
        if tag not in _SKIPPED:
            inline.append(_inline(child))
        inline.append(child.tail or "")
    yield from _paragraph(inline)


def text_of(element: Any) -> str:
    """The words of an element: white space collapsed, lines broken where the markup says so, targets after links."""
    return _cleaned(_inline(element))


def _block(element: Any, tag: str) -> Iterator[Item]:
    if tag in _HEADINGS:
        yield from _heading(element, tag)
    elif tag in _READERS and not (tag in _PLAIN_INSIDE and element.xpath(_STRUCTURED)):
        yield from _READERS[tag](element)
    elif str(element.get("itemtype", "")).endswith("schema.org/Question"):
        yield from _microdata(element)
    else:
        yield from items_of(element)


def _heading(element: Any, tag: str) -> Iterator[Item]:
    if text := tidy(text_of(element)):
        yield Heading(_HEADINGS[tag], text)


def _preformatted(element: Any) -> Iterator[Item]:
    if (text := element.text_content().strip("\n")).strip():
        yield Text(text)


def _list(element: Any) -> Iterator[Item]:
    if lines := list(_list_lines(element)):
        yield Text("\n".join(lines))


def _p(element: Any) -> Iterator[Item]:
    if _holds_blocks(element):
        yield from items_of(element)
        return
    text = text_of(element)
    bold = " ".join(tidy(part.text_content()) for part in element if _tag(part) in {"b", "strong"})
    if bold and bold == tidy(text) and is_question(bold):
        yield Heading(BOLD_QUESTION, bold)
    elif text:
        yield Text(text)


def _paragraph(inline: list[str]) -> Iterator[Item]:
    if text := _cleaned("".join(inline)):
        yield Text(text)


def _list_lines(element: Any, depth: int = 0) -> Iterator[str]:
    number = int(start) if (start := str(element.get("start", ""))).isdigit() else 1
    for child in element:
        if _tag(child) in {"ul", "ol"}:
            yield from _list_lines(child, depth + 1)
        elif _tag(child) not in _SKIPPED:
            nested = [sub for sub in child.iterdescendants("ul", "ol") if not _between(sub, child)]
            sublines = [line for sub in nested for line in _list_lines(sub, depth + 1)]
            for sub in nested:
                sub.drop_tree()
            if text := text_of(child).replace("\n\n", "\n"):
                mark = f"{number}." if _tag(element) == "ol" else "-"
                yield f"{'  ' * depth}{mark} {text}"
                number += 1
            yield from sublines


def _between(element: Any, ancestor: Any) -> bool:
    """Whether another list stands between a list and the item it is in."""
    return any(_tag(parent) in {"ul", "ol"} for parent in element.iterancestors() if ancestor in parent.iterancestors())


def _definitions(element: Any) -> Iterator[Item]:
    pairs: list[tuple[str, list[Any]]] = []
    for child in element.iter("dt", "dd"):
        if next(child.iterancestors("dl")) is not element:
            continue
        if _tag(child) == "dt":
            pairs.append((tidy(text_of(child)), []))
        elif pairs:
            pairs[-1][1].append(child)
    is_faq = "faq" in f"{element.get('class', '')} {element.get('id', '')}".lower() or any(
        is_question(term) for term, _ in pairs
    )
    for term, descriptions in pairs:
        body = [item for description in descriptions for item in items_of(description)]
        answer = _flattened(body)
        if is_faq and term and answer:
            yield Entry(term, answer)
        elif any(not isinstance(item, Text) for item in body):
            yield Text(term)
            yield from body
        else:
            yield Text(f"{term}: {answer}" if term and answer else term or answer)


def _details(element: Any) -> Iterator[Item]:
    summaries = [child for child in element if _tag(child) == "summary"]
    question = tidy(text_of(summaries[0])) if summaries else ""
    for summary in summaries:
        summary.drop_tree()
    body = list(items_of(element))
    if not question or any(isinstance(item, Entry) for item in body):
        if question:
            yield Heading(BOLD_QUESTION - 1, question)
        yield from body
    elif answer := _flattened(body):
        yield Entry(question, answer)


def _microdata(element: Any) -> Iterator[Item]:
    names = element.xpath(".//*[@itemprop='name']")
    texts = element.xpath(".//*[@itemprop='text']")
    answer = _flattened([item for text in texts[:1] for item in items_of(text)])
    if names and answer:
        yield Entry(tidy(text_of(names[0])), answer)
    else:
        yield from items_of(element)


def _table(element: Any) -> Iterator[Item]:
    rows = [[tidy(text_of(cell)) for cell in row if _tag(cell) in {"td", "th"}] for row in element.iter("tr")]
    rows = [row for row in rows if any(row)]
    if entries := entries_of_rows(rows):
        yield from (Entry(one.question, one.answer) if isinstance(one, Entry) else Text(one.text) for one in entries)
        return
    for caption in element.iter("caption"):
        if text := text_of(caption):
            yield Text(text)
    first = next(element.iter("tr"), None)
    has_header = first is not None and len(rows) > 1 and len(rows[0]) > 1 and all(_tag(cell) == "th" for cell in first)
    header = rows[0] if has_header else []
    lines = [row_text(row, header) for row in rows[1 if has_header else 0 :]]
    if lines:
        yield Text("\n".join(lines))


_READERS: dict[str, Callable[[Any], Iterator[Item]]] = {
    "p": _p,
    "pre": _preformatted,
    "ul": _list,
    "ol": _list,
    "dl": _definitions,
    "details": _details,
    "table": _table,
}
_PLAIN_INSIDE = frozenset({"ul", "ol", "table"})
"""Read as they are only when no headings or tables stand inside; else they merely lay out a page."""


def _flattened(items: list[Item]) -> str:
    parts = [f"{item.question}\n{item.answer}" if isinstance(item, Entry) else item.text for item in items]
    return "\n\n".join(parts).strip()


def _inline(element: Any) -> str:
    """The text of an element with its line breaks; what wraps in the source still does."""
    parts = [element.text or ""]
    for child in element:
        tag = _tag(child)
        if tag == "br":
            parts.append("\x1f")
        elif tag == "pre":
            parts.append("\x1f" + child.text_content().strip("\n").replace("\n", "\x1f") + "\x1f")
        elif tag in {"td", "th"}:
            parts.append(f" {_inline(child)} ")
        elif tag in _BLOCKS:
            parts.append(f"\x1f{_inline(child)}\x1f")
        elif tag not in _SKIPPED:
            parts.append(_inline(child))
        parts.append(child.tail or "")
    text = "".join(parts)
    target = str(element.get("href") or "").strip() if _tag(element) == "a" else ""
    address = target.removeprefix("mailto:").removeprefix("tel:").split("?subject=")[0]
    if _LINK.match(target) and text.strip() and address.rstrip("/") not in text:
        return f"{text} ({address})"
    return text


def _cleaned(text: str) -> str:
    lines = [tidy(line) for line in text.split("\x1f")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _tag(element: Any) -> str:
    return element.tag.lower().rpartition("}")[2] if isinstance(element.tag, str) else "script"


def _holds_blocks(element: Any) -> bool:
    return any(_tag(child) in _BLOCKS for child in element.iterdescendants())
