"""EPUB books, RSS and Atom feeds, and other XML."""

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from retrieval.errors import BrokenDocument
from retrieval.parsing.archives import checked, opened, xml_root
from retrieval.parsing.lines import tidy
from retrieval.parsing.markup import items_of_markup
from retrieval.parsing.outline import Heading, Item, Text, blocks_of
from retrieval.parsing.sniffing import decode
from retrieval.passages import ParsedDocument


def parse_epub(path: Path, data: bytes) -> list[ParsedDocument]:
    """A book: its chapters in reading order, without the table of contents."""
    items: list[Item] = []
    with opened(checked(data).getvalue()) as archive:
        try:
            package = _rootfile(xml_root(archive.read("META-INF/container.xml")))
            root = xml_root(archive.read(package))
        except KeyError as error:
            raise BrokenDocument("The book is damaged: its list of chapters is missing.") from error
        for name in _chapters(root, posixpath.dirname(package)):
            if name in archive.namelist():
                items += items_of_markup(decode(archive.read(name)))
    title, language = _named(root, "title") or path.stem, _named(root, "language")[:2].lower()
    return [ParsedDocument(title, blocks_of(items, title), language=language)]


def parse_xml(path: Path, data: bytes) -> list[ParsedDocument]:
    """A feed by its entries; any other XML as one line an element that holds text."""
    root = xml_root(data)
    entries = [element for element in root.iter() if _local(element) in {"item", "entry"}]
    if _local(root) in {"rss", "feed", "RDF"} and entries:
        title = (
            tidy(next((element.text or "" for element in root.iter() if _local(element) == "title"), "")) or path.stem
        )
        return [ParsedDocument(title, blocks_of((item for entry in entries for item in _entry(entry)), title))]
    text = "\n".join(_lines(root))
    return [ParsedDocument(path.stem, blocks_of([Text(text)] if text else []))]


def _entry(entry: Any) -> Iterator[Item]:
    texts = {_local(child): "".join(child.itertext()).strip() for child in entry}
    yield Heading(2, tidy(texts.get("title", "")))
    yield from items_of_markup(
        texts.get("encoded") or texts.get("content") or texts.get("description") or texts.get("summary") or ""
    )


def _lines(element: Any) -> Iterator[str]:
    """A line for each innermost element, and for each that mixes words with elements."""
    mixed = tidy(" ".join([element.text or "", *(child.tail or "" for child in element)]))
    if not mixed:
        for child in element:
            if isinstance(child.tag, str):
                yield from _lines(child)
        return
    attributes = ", ".join(f"{name.rpartition('}')[2]}: {value}" for name, value in element.attrib.items())
    yield f"{_local(element)}{f' ({attributes})' if attributes else ''}: {tidy(' '.join(element.itertext()))}"


def _rootfile(container: Any) -> str:
    return next((str(element.get("full-path")) for element in container.iter() if _local(element) == "rootfile"), "")


def _chapters(package: Any, folder: str) -> Iterator[str]:
    manifest = {element.get("id"): element for element in package.iter() if _local(element) == "item"}
    for reference in package.iter():
        element = manifest.get(reference.get("idref")) if _local(reference) == "itemref" else None
        if element is not None and "nav" not in str(element.get("properties", "")).split():
            yield posixpath.normpath(posixpath.join(folder, unquote(str(element.get("href", "")))))


def _named(root: Any, name: str) -> str:
    return next((tidy(element.text or "") for element in root.iter() if _local(element) == name), "")


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
