"""The door to all parsers: a file goes in, documents come out."""

import importlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from retrieval.errors import BrokenDocument, DocumentError, EmptyDocument
from retrieval.parsing.outline import Block
from retrieval.parsing.sniffing import Format, format_of, read_bytes
from retrieval.passages import Entry, ParsedDocument, Prose

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_PARSERS: Mapping[Format, str] = {
    Format.MARKDOWN: "markdown.parse_markdown",
    Format.TEXT: "plaintext.parse_text",
    Format.HTML: "webpage.parse_webpage",
    Format.PDF: "pdf.parse_pdf",
    Format.DOCX: "office.parse_docx",
    Format.ODT: "office.parse_odt",
    Format.PPTX: "slides.parse_pptx",
    Format.CSV: "tables.parse_csv",
    Format.WORKBOOK: "tables.parse_workbook",
    Format.JSON_LINES: "records.parse_json_lines",
    Format.JSON: "records.parse_json",
    Format.XML: "xmlfiles.parse_xml",
    Format.EPUB: "xmlfiles.parse_epub",
    Format.NOTEBOOK: "records.parse_notebook",
    Format.OUTLOOK: "mail.parse_msg",
    Format.MAIL: "mail.parse_eml",
}
"""Named rather than imported: a parser's libraries load when its first file comes."""


def parse_file(path: Path) -> list[ParsedDocument]:
    """The documents in a file: one, or one a line for JSON lines. Blocks, in this process.

    Raises a `DocumentError` with the reason in plain words: `UnsupportedFormat`, `EmptyDocument`, `EncryptedDocument`
    or `BrokenDocument`.
    """
    data = read_bytes(path)
    kind = "a document"
    try:
        kind = format_of(path.name, data)
        module, _, function = _PARSERS[Format(kind)].partition(".")
        parse = getattr(importlib.import_module(f"retrieval.parsing.{module}"), function)
        documents: list[ParsedDocument] = parse(path, data)
    except (DocumentError, MemoryError):
        raise
    except Exception as error:  # whatever a library trips over, the file is to blame
        raise BrokenDocument(
            f"The file is damaged, or is not really {kind}: it can't be read ({type(error).__name__})."
        ) from error
    filled = [_storable(document) for document in documents if any(map(_has_words, document.blocks))]
    if not filled:
        raise EmptyDocument("The file holds no text.")
    return filled


def _storable(document: ParsedDocument) -> ParsedDocument:
    """The document without what no database takes: NUL and halves of surrogate pairs."""

    def clean(text: str) -> str:
        return _UNSTORABLE.sub("", text)

    def cleaned(block: Block) -> Block:
        place = replace(block.location, heading=clean(block.location.heading), sheet=clean(block.location.sheet))
        if isinstance(block, Entry):
            return Entry(clean(block.question), clean(block.answer), place)
        return Prose(clean(block.text), place)

    return ParsedDocument(
        title=clean(document.title),
        blocks=[cleaned(block) for block in document.blocks if _has_words(block)],
        id=None if document.id is None else clean(document.id),
        language=clean(document.language),
        url=clean(document.url),
    )


def _has_words(block: Block) -> bool:
    return bool(block.answer.strip() if isinstance(block, Entry) else block.text.strip())
