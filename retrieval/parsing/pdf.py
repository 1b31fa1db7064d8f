"""PDF by PDFium: paragraphs put together from lines; headings known by type size, weight or the bookmarks."""

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import BrokenDocument, EmptyDocument, EncryptedDocument
from retrieval.parsing.archives import LOCKED
from retrieval.parsing.lines import CHAPTER, MARKER, joined, tidy
from retrieval.parsing.outline import BOLD_QUESTION, Heading, Item, Text, blocks_of, is_question
from retrieval.passages import ParsedDocument

_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD
_LEADERS = re.compile(r"(?:[.…]\s?){4,}\D{0,4}(?:\d+|[ivxlc]+)$")
_NUMBERED = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3})*\.?|[A-Z]\.)\s+\S")
_HEADING_LENGTH = 250


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page, in points."""

    text: str
    page: int
    size: float
    bold: bool
    left: float
    right: float
    baseline: float
    end: float
    """The baseline of its last character: PDFium makes lines of a word hyphenated between them one."""


def parse_pdf(path: Path, data: bytes) -> list[ParsedDocument]:
    """A PDF as one document; one that opens with an empty password counts as open."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_ERROR or "password" in str(error).lower():
            raise EncryptedDocument(LOCKED) from error
        raise BrokenDocument("The PDF is damaged and can't be opened.") from error
    try:
        pages = [_lines_of_page(pdf, number) for number in range(len(pdf))]
        bookmarks = {_key(mark.get_title()): mark.level + 1 for mark in pdf.get_toc(max_depth=6)}
        title = tidy(pdf.get_metadata_value("Title"))
    finally:
        pdf.close()
    if not any(pages):
        raise EmptyDocument(
            "It looks like a scan: pages of pictures without text. Run text recognition (OCR), and add the result."
        )
    lines = _without_running_lines(pages)
    items = list(_chapters(_items(lines, bookmarks)))
    largest = next((item.text for item in items if isinstance(item, Heading)), "")
    title = title if _is_title(title) else largest or path.stem
    return [ParsedDocument(title, blocks_of(items, title))]


def _lines_of_page(pdf: Any, number: int) -> list[Line]:
    """The lines of a page in the order in which the file draws them; none of a table of contents."""
    page = pdf[number]
    text_page = page.get_textpage()
    lines: list[Line] = []
    try:
        position = 0
        for raw in text_page.get_text_range().split("\r\n"):
            if words := tidy(raw):
                first = position + len(raw) - len(raw.lstrip())
                lines.append(_line(text_page, words, number + 1, first, position + len(raw.rstrip()) - 1))
            position += len(raw) + 2
    finally:
        text_page.close()
        page.close()
    led = sum(1 for line in lines if _LEADERS.search(line.text))
    return [] if led >= 3 and led >= 0.25 * len(lines) else lines


def _line(text_page: Any, words: str, page: int, first: int, last: int) -> Line:
    import pypdfium2.raw as pdfium

    start, end = (max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(text_page, index)) for index in (first, last))
    matrix, x, baseline, end_baseline = pdfium.FS_MATRIX(), ctypes.c_double(), ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetMatrix(text_page, start, matrix)
    pdfium.FPDFText_GetCharOrigin(text_page, end, x, end_baseline)
    pdfium.FPDFText_GetCharOrigin(text_page, start, x, baseline)
    size = pdfium.FPDFText_GetFontSize(text_page, start) * math.hypot(matrix.c, matrix.d)
    bold = _is_bold(text_page, start) and _is_bold(text_page, end)
    right = text_page.get_charbox(end, loose=True)[2]
    return Line(words, page, round(size, 1), bold, x.value, right, baseline.value, end_baseline.value)


def _is_bold(text_page: Any, index: int) -> bool:
    import pypdfium2.raw as pdfium

    name = ctypes.create_string_buffer(128)
    pdfium.FPDFText_GetFontInfo(text_page, index, name, len(name), ctypes.c_int())
    return bool(re.search(rb"bold|heavy|black|demi", name.value, re.IGNORECASE))


def _without_running_lines(pages: Sequence[Sequence[Line]]) -> list[Line]:
    """All lines but running headers and footers: what stands first or last on many pages, whatever its numbers."""
    edges = Counter(key for lines in pages for key in set().union(*_edge_keys(lines)))
    often = {key for key, count in edges.items() if len(pages) >= 4 and count >= 0.4 * len(pages)}
    kept = [line for lines in pages for line, keys in zip(lines, _edge_keys(lines), strict=True) if not keys & often]
    return kept or [line for lines in pages for line in lines]


def _edge_keys(lines: Sequence[Line]) -> list[set[str]]:
    """What each line would be known by on other pages: its words but for numbers; outermost, also where it starts."""
    keys: list[set[str]] = [set() for _ in lines]
    for at in {0, 1, len(lines) - 2, len(lines) - 1} & set(range(len(lines))):
        text = re.sub(r"\d+|\b[ivxlc]+\b", "#", lines[at].text)
        keys[at].add(text)
        if at in {0, len(lines) - 1}:
            keys[at].add(f"{text.split(' ', 1)[0]}@{lines[at].baseline:.0f}")
    return keys


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
        if group and (level(line) != level(group[-1]) or (level(line) is not None and not _continues(group[-1], line))):
            yield from _grouped(group, level(group[0]), bookmarks)
            group = []
        group.append(line)
    if group:
        yield from _grouped(group, level(group[0]), bookmarks)


def _continues(line: Line, following: Line) -> bool:
    """Whether a heading goes on in the next line."""
    near = line.page == following.page and 0 < line.end - following.baseline < 1.6 * line.size
    return near and not _NUMBERED.match(following.text)


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
        or (len(lines) == 1 and not text.endswith((".", ":", ",", ";")))
    )
    if len(text) <= _HEADING_LENGTH and (marked or is_heading):
        yield Heading(marked or level, text, lines[0].page)
    else:
        yield from _paragraphs(lines)


def _chapters(items: Iterable[Item]) -> Iterator[Item]:
    """The items, with "Chapter 12" and the chapter's name below it made one heading."""
    number: Heading | None = None
    for item in items:
        if number and isinstance(item, Heading) and item.page == number.page:
            yield Heading(min(number.level, item.level), f"{number.text} {item.text}", item.page)
            number = None
            continue
        if number:
            yield number
        number = item if isinstance(item, Heading) and CHAPTER.fullmatch(item.text) else None
        if not number:
            yield item
    if number:
        yield number


def _paragraphs(lines: Sequence[Line]) -> Iterator[Text]:
    """The lines as paragraphs; where a line ends early, and in lists and tables, the break stays."""
    paragraph = ""
    page, width = 0, 0.0
    previous: Line | None = None
    for line in lines:
        if line.page != page:
            widths = sorted(other.right - other.left for other in lines if other.page == line.page)
            page, width = line.page, widths[int(0.8 * (len(widths) - 1))]
        if previous is None:
            paragraph = line.text
        elif _is_apart(previous, line):
            yield Text(paragraph, previous.page)
            paragraph = line.text
        elif (
            MARKER.match(line.text)
            or _is_row(line)
            or _is_row(previous)
            or previous.right - previous.left < 0.7 * width
        ):
            paragraph += f"\n{line.text}"
        else:
            head, newline, tail = paragraph.rpartition("\n")
            paragraph = head + newline + joined(tail, line.text)
        previous = line
    yield Text(paragraph, page)


def _is_row(line: Line) -> bool:
    """Whether a line looks like a row of a table: at least three figures, and they are many of its words."""
    words = line.text.split()
    figures = sum(any(character.isdigit() for character in word) for word in words)
    return figures >= 3 and figures >= 0.3 * len(words)


def _is_apart(line: Line, following: Line) -> bool:
    """Whether a paragraph ends between two lines: a gap, or another page."""
    step = line.end - following.baseline
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
