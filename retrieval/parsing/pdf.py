"""PDF by PDFium: paragraphs put together from lines, headings known by their type size, their weight or the bookmarks."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import BrokenDocument, EmptyDocument, EncryptedDocument
from retrieval.parsing.archives import NEEDS_PASSWORD
from retrieval.parsing.lines import MARKER, joined, tidy
from retrieval.parsing.outline import BOLD_QUESTION, Heading, Item, Text, blocks_of, is_question
from retrieval.passages import ParsedDocument

_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD
_LEADERS = re.compile(r"(?:\.\s?){4,}\s*(?:\d+|[ivxlc]+)?$|(?:…\s?){2,}\d*$")
_NUMBERED = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3})*\.?|[A-Z]\.)\s+\S")
_HEADING_LENGTH = 250


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page, in points; `size` is the height of its type."""

    text: str
    page: int
    size: float
    bold: bool
    left: float
    right: float
    bottom: float


def parse_pdf(path: Path, data: bytes) -> list[ParsedDocument]:
    """A PDF as one document; one that opens with an empty password counts as open."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_ERROR or "password" in str(error).lower():
            raise EncryptedDocument(NEEDS_PASSWORD) from error
        raise BrokenDocument("The PDF is damaged and can't be opened.") from error
    try:
        pages = [list(_lines_of_page(pdf, number)) for number in range(len(pdf))]
        bookmarks = {_key(mark.get_title()): mark.level + 1 for mark in pdf.get_toc(max_depth=6)}
        title = tidy(pdf.get_metadata_value("Title"))
    finally:
        pdf.close()
    if not any(pages):
        raise EmptyDocument(
            "It looks like a scan: pages of pictures without text. Run text recognition (OCR) on it, and add the result."
        )
    lines = _without_running_lines(pages)
    items = list(_items(lines, bookmarks))
    largest = next((item.text for item in items if isinstance(item, Heading)), "")
    title = title if _is_title(title) else largest or path.stem
    return [ParsedDocument(title, blocks_of(items, title))]


def _lines_of_page(pdf: Any, number: int) -> Iterator[Line]:
    """The lines of a page in the order in which the file draws them."""
    page = pdf[number]
    text_page = page.get_textpage()
    try:
        text = text_page.get_text_range()
        position = 0
        for raw in text.split("\r\n"):
            words = tidy(raw)
            if words and not _LEADERS.search(words):
                first = position + len(raw) - len(raw.lstrip())
                yield _line(text_page, words, number + 1, first, position + len(raw.rstrip()) - 1, keep=raw.rstrip())
            position += len(raw) + 2
    finally:
        text_page.close()
        page.close()


def _line(text_page: Any, words: str, page: int, first: int, last: int, keep: str) -> Line:
    import pypdfium2.raw as pdfium

    def character(index: int) -> int:
        return max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, index))

    left, bottom, _, top = text_page.get_charbox(character(first), loose=True)
    right = text_page.get_charbox(character(last), loose=True)[2]
    name = ctypes.create_string_buffer(128)
    pdfium.FPDFText_GetFontInfo(text_page, character(first), name, len(name), ctypes.byref(ctypes.c_int()))
    bold = bool(re.search(rb"bold|heavy|black|demi", name.value, re.IGNORECASE))
    hyphen = keep[-1:] if keep.endswith(("\u0002", "\ufffe", "\u00ad")) else ""
    return Line(words.rstrip("\u0002\ufffe") + hyphen, page, round(top - bottom, 1), bold, left, right, bottom)


def _without_running_lines(pages: Sequence[Sequence[Line]]) -> list[Line]:
    """All lines but those that stand first or last on most pages, whatever their numbers: running headers and footers."""
    edges = Counter(key for lines in pages for key in {_edge(line) for line in (*lines[:2], *lines[-2:])})
    often = {key for key, count in edges.items() if len(pages) >= 4 and count >= 0.4 * len(pages)}
    kept: list[Line] = []
    for lines in pages:
        last = len(lines) - 2
        kept += [line for at, line in enumerate(lines) if not ((at < 2 or at >= last) and _edge(line) in often)]
    return kept or [line for lines in pages for line in lines]


def _edge(line: Line) -> str:
    return re.sub(r"\d+|\b[ivxlc]+\b", "#", line.text)


def _items(lines: Sequence[Line], bookmarks: dict[str, int]) -> Iterator[Item]:
    weights = Counter[float]()
    for line in lines:
        weights[line.size] += len(line.text)
    body = weights.most_common(1)[0][0]
    bold_share = sum(len(line.text) for line in lines if line.bold) / max(1, sum(weights.values()))
    large = sorted({line.size for line in lines if line.size >= body * 1.12}, reverse=True)[:5]
    if sum(weights[size] for size in large) > 0.35 * sum(weights.values()):
        large = []

    def level(line: Line) -> int | None:
        if line.size in large and re.search(r"[^\W\d]{2}", line.text):
            return large.index(line.size) + 1
        return BOLD_QUESTION - 1 if line.bold and bold_share < 0.3 and line.size >= body * 0.95 else None

    group: list[Line] = []
    for line in lines:
        if group and (level(line) != level(group[-1]) or level(line) is not None and not _continues(group[-1], line)):
            yield from _grouped(group, level(group[0]), bookmarks)
            group = []
        group.append(line)
    if group:
        yield from _grouped(group, level(group[0]), bookmarks)


def _continues(line: Line, following: Line) -> bool:
    """Whether a heading goes on in the next line."""
    near = line.page == following.page and 0 < line.bottom - following.bottom < 2 * line.size
    return near and not _NUMBERED.match(following.text) and not is_question(line.text)


def _grouped(lines: Sequence[Line], level: int | None, bookmarks: dict[str, int]) -> Iterator[Item]:
    """Lines of one kind as a heading or as paragraphs."""
    if level is None:
        yield from _paragraphs(lines)
        return
    text = ""
    for line in lines:
        text = joined(text, line.text)
    marked = bookmarks.get(_key(text))
    is_heading = (
        level < BOLD_QUESTION - 1
        or is_question(text)
        or _NUMBERED.match(text)
        or len(lines) == 1
        and not text.endswith((".", ":", ",", ";"))
    )
    if len(text) <= _HEADING_LENGTH and (marked or is_heading):
        yield Heading(marked or level, text, lines[0].page)
    else:
        yield from _paragraphs(lines)


def _paragraphs(lines: Sequence[Line]) -> Iterator[Text]:
    width = max(line.right for line in lines) - min(line.left for line in lines)
    paragraph = ""
    page = lines[0].page
    previous: Line | None = None
    for line in lines:
        if previous is None:
            paragraph = line.text
        elif _is_apart(previous, line):
            yield Text(paragraph, page)
            paragraph, page = line.text, line.page
        elif (
            MARKER.match(line.text)
            or previous.right - previous.left < 0.6 * width
            and not previous.text[-1:] == "\u0002"
        ):
            paragraph += f"\n{line.text}"
        else:
            head, newline, tail = paragraph.rpartition("\n")
            paragraph = head + newline + joined(tail, line.text)
        previous = line
    yield Text(paragraph, page)


def _is_apart(line: Line, following: Line) -> bool:
    """Whether a paragraph ends between two lines: a gap, or another page."""
    step = line.bottom - following.bottom
    return line.page != following.page or step < -line.size or step > 1.75 * max(line.size, following.size, 4)


def _key(title: str) -> str:
    return re.sub(r"[\W\d_]+", "", title).lower()


def _is_title(title: str) -> bool:
    """Whether the title in a PDF's properties was given by a person rather than by a program."""
    return (
        bool(title)
        and title.lower() not in {"untitled", "(anonymous)", "title"}
        and not re.search(r"\.\w{2,5}$|^microsoft \w+ -", title.lower())
    )
