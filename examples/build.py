"""Builds the Word, PDF and Excel files of the sample company from `sources/`.

Run `python examples/build.py` after a change there. It needs the development dependencies.

The files come out the same, byte for byte, on every run with the same versions of the libraries.
"""

import csv
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from xml.sax.saxutils import escape

from docx import Document
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    ListFlowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

HERE = Path(__file__).parent
SOURCES = HERE / "sources"
COMPANY = "Halden Bikes"
DATED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The date that every built file states, so that a new build is no change."""

_PRICE_LIST_TITLE = "Price list, valid from 1 March 2026. All prices include VAT."
_CHANGED_BY_THE_LIBRARY = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the document's title."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """One paragraph, or the items of a list."""

    kind: str
    texts: Sequence[str]


Rows = Sequence[Sequence[str]]
Block = Heading | Paragraphs | Rows


def main() -> None:
    """Build everything into the folder given, or beside this script."""
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)


def build(target: Path) -> list[Path]:
    """Build every file below `target`; returns where they are."""
    public, internal = target / "halden-bikes", target / "halden-bikes-internal"
    plan: list[tuple[Callable[[Path, Path], None], str, Path]] = [
        (write_docx, "shipping-and-returns.md", public / "shipping-and-returns.docx"),
        (write_pdf, "warranty-and-service.md", public / "warranty-and-service.pdf"),
        (partial(write_xlsx, sheet="FAQ"), "faq-fr.csv", public / "faq-fr.xlsx"),
        (partial(write_xlsx, sheet="Вопросы и ответы"), "faq-ru.csv", public / "faq-ru.xlsx"),
        (partial(write_xlsx, sheet="Prices", title=_PRICE_LIST_TITLE), "price-list.csv", public / "price-list.xlsx"),
        (write_docx, "internal/escalation-rules.md", internal / "escalation-rules.docx"),
    ]
    for write, source, path in plan:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(SOURCES / source, path)
    return [path for _, _, path in plan]


def read_markdown(path: Path) -> list[Block]:
    """The headings, paragraphs, lists and tables of a Markdown file, in order."""
    tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8")))
    return list(_blocks(tree))


def _blocks(tree: SyntaxTreeNode) -> Iterator[Block]:
    for node in tree.children:
        if node.type == "heading":
            yield Heading(int(node.tag[1]), _text(node))
        elif node.type == "table":
            yield [[_text(cell) for cell in row.children] for part in node.children for row in part.children]
        else:
            yield Paragraphs(node.type, [_text(item) for item in node.children])


def _text(node: SyntaxTreeNode) -> str:
    return "".join(child.content for child in node.walk() if child.type in ("text", "code_inline"))


def _title(blocks: Sequence[Block]) -> str:
    return next(block.text for block in blocks if isinstance(block, Heading))


def write_docx(source: Path, path: Path) -> None:
    """A Word file with real headings, lists and tables."""
    document = Document()
    styles = {"bullet_list": "List Bullet", "ordered_list": "List Number", "paragraph": None}
    blocks = read_markdown(source)
    for block in blocks:
        if isinstance(block, Heading):
            document.add_heading(block.text, level=block.level - 1)
        elif isinstance(block, Paragraphs):
            for text in block.texts:
                document.add_paragraph(text, style=styles[block.kind])
        else:
            table = document.add_table(rows=len(block), cols=len(block[0]), style="Light Grid Accent 1")
            for row, cells in zip(table.rows, block, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = text
    about = document.core_properties
    about.author, about.title = COMPANY, _title(blocks)
    about.created = about.modified = DATED
    document.save(str(path))
    _freeze(path)


def write_pdf(source: Path, path: Path) -> None:
    """A PDF with a page for each chapter, and a header and footer on every page."""
    blocks = read_markdown(source)
    title = _title(blocks)
    template = SimpleDocTemplate(
        str(path), pagesize=A4, margin=25 * mm, title=title, author=COMPANY, invariant=1, lang="en"
    )
    furniture = partial(_page_furniture, title)
    template.build(list(_flowables(blocks)), onFirstPage=furniture, onLaterPages=furniture)


def _flowables(blocks: Sequence[Block]) -> Iterator[Flowable]:
    styles = getSampleStyleSheet()
    body = ParagraphStyle("Text", styles["BodyText"], fontSize=10.5, leading=15)
    chapters = 0
    for block in blocks:
        if isinstance(block, Heading):
            chapters += block.level == 2
            if block.level == 2 and chapters > 1:
                yield PageBreak()
            yield Paragraph(escape(block.text), styles["Title" if block.level == 1 else f"Heading{block.level}"])
        elif isinstance(block, Paragraphs):
            texts = [Paragraph(escape(text), body) for text in block.texts]
            kinds = {"bullet_list": "bullet", "ordered_list": "1"}
            yield from texts if block.kind == "paragraph" else [ListFlowable(texts, bulletType=kinds[block.kind])]
        else:
            cells = [[Paragraph(escape(cell), body) for cell in row] for row in block]
            grid = [("GRID", (0, 0), (-1, -1), 0.5, "#888888"), ("BACKGROUND", (0, 0), (-1, 0), "#e6eef2")]
            yield Spacer(0, 2 * mm)
            yield Table(cells, style=grid, repeatRows=1)
            yield Spacer(0, 3 * mm)


def _page_furniture(title: str, canvas: Canvas, template: BaseDocTemplate) -> None:
    canvas.saveState()
    canvas.setFont("Helvetica", 8)
    canvas.drawString(25 * mm, A4[1] - 15 * mm, f"{COMPANY}  ·  {title}")
    canvas.drawRightString(A4[0] - 25 * mm, 12 * mm, f"Page {template.page}")
    canvas.restoreState()


def write_xlsx(source: Path, path: Path, sheet: str, title: str = "") -> None:
    """A workbook with one sheet; numbers become numbers."""
    with source.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    book = Workbook()
    page = book.worksheets[0]
    page.title = sheet
    if title:
        page.append([f"{COMPANY}: {title}"])
        page.append([])
    for row in rows:
        page.append([_cell(text) for text in row])
    header = page.max_row - len(rows) + 1
    for cell in page[header]:
        cell.font = Font(bold=True)
    for column in range(1, len(rows[0]) + 1):
        width = max(len(row[column - 1]) for row in rows)
        page.column_dimensions[get_column_letter(column)].width = min(width + 2, 70)
    for line in page.iter_rows(min_row=header):
        for cell in line:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    page.freeze_panes = page.cell(header + 1, 1)
    book.properties.creator = COMPANY
    book.properties.created = DATED.replace(tzinfo=None)
    book.save(path)
    _freeze(path)


def _cell(text: str) -> str | float:
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else text


def _freeze(path: Path) -> None:
    """Give every part of an Office file the same date: the libraries write the current time."""
    with zipfile.ZipFile(path) as archive:
        parts = [(part.filename, archive.read(part)) for part in archive.infolist()]
    stamp = DATED.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            dated = _CHANGED_BY_THE_LIBRARY.sub(rb"\g<1>" + stamp, content) if name == "docProps/core.xml" else content
            archive.writestr(zipfile.ZipInfo(name, DATED.timetuple()[:6]), dated, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
