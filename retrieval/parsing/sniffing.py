"""What a file is, judged by its content before its name; and text, whatever its encoding."""

import codecs
import re
from enum import StrEnum
from pathlib import Path

from charset_normalizer import from_bytes

from retrieval.errors import BrokenDocument, EmptyDocument, EncryptedDocument, UnsupportedFormat
from retrieval.parsing.archives import LOCKED, member_names

MAX_BYTES = 100 * 1024 * 1024


class Format(StrEnum):
    """The kinds of file that are read."""

    MARKDOWN = "Markdown"
    TEXT = "plain text"
    HTML = "HTML"
    PDF = "PDF"
    DOCX = "Word (DOCX)"
    ODT = "OpenDocument text"
    PPTX = "PowerPoint (PPTX)"
    CSV = "CSV table"
    WORKBOOK = "Excel or OpenDocument spreadsheet"
    JSON_LINES = "JSON lines"
    JSON = "JSON"
    XML = "XML or RSS"
    EPUB = "EPUB"
    NOTEBOOK = "Jupyter notebook"
    OUTLOOK = "Outlook message"
    MAIL = "e-mail"


SUFFIXES: dict[str, str] = {
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".txt": Format.TEXT,
    ".text": Format.TEXT,
    ".rst": Format.TEXT,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".pdf": Format.PDF,
    ".docx": Format.DOCX,
    ".odt": Format.ODT,
    ".pptx": Format.PPTX,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".xlsx": Format.WORKBOOK,
    ".xlsm": Format.WORKBOOK,
    ".xlsb": Format.WORKBOOK,
    ".xls": Format.WORKBOOK,
    ".ods": Format.WORKBOOK,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".json": Format.JSON,
    ".xml": Format.XML,
    ".rss": Format.XML,
    ".atom": Format.XML,
    ".epub": Format.EPUB,
    ".ipynb": Format.NOTEBOOK,
    ".msg": Format.OUTLOOK,
    ".eml": Format.MAIL,
}
"""Suffix -> the name of the format: what is read, for help texts and for walking folders."""

_TEXTUAL = frozenset(
    {
        Format.MARKDOWN,
        Format.TEXT,
        Format.HTML,
        Format.CSV,
        Format.JSON_LINES,
        Format.JSON,
        Format.XML,
        Format.NOTEBOOK,
        Format.MAIL,
    }
)
_ENCODINGS = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8_r", "koi8_u",
    "mac_cyrillic", "mac_roman", "cp866", "cp874", "big5", "gb18030", "cp932", "euc_jp", "cp949",
]  # fmt: skip
"""What documents are written in. Left to all it knows, the detector takes short texts for Johab or Shift JIS 2004."""

_BOMS = [
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OOXML = {"word/document.xml": Format.DOCX, "ppt/presentation.xml": Format.PPTX, "xl/workbook.xml": Format.WORKBOOK,
          "xl/workbook.bin": Format.WORKBOOK}  # fmt: skip
_OPEN_DOCUMENT = {
    b"application/vnd.oasis.opendocument.text": Format.ODT,
    b"application/vnd.oasis.opendocument.spreadsheet": Format.WORKBOOK,
    b"application/epub+zip": Format.EPUB,
}
_DECLARED = re.compile(
    rb"""(?:<\?xml[^>]{0,200}encoding|<meta[^>]{0,200}charset)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE
)
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\f\r\x1b") + b"\x7f"


def read_bytes(path: Path) -> bytes:
    """The content of a file; raises `DocumentError` where there is none, or too much."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise BrokenDocument("It is not a file.")
        if size > MAX_BYTES:
            raise BrokenDocument(
                f"It has {size / 1e6:.0f} MB; files above {MAX_BYTES / 1e6:.0f} MB are not read. Split it into parts."
            )
        data = path.read_bytes()
    except OSError as error:
        raise BrokenDocument(f"The file can't be read: {error.strerror or error}.") from error
    if not data.strip(b"\x00 \t\r\n"):
        raise EmptyDocument("The file is empty.")
    return data


def format_of(name: str, data: bytes) -> Format:
    """The format of a file: by its magic bytes, then by its suffix, then by what its text looks like."""
    if b"%PDF-" in data[:1024]:
        return Format.PDF
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_format(data)
    if data.startswith(_OLE):
        return _ole_format(data)
    if _is_binary(data):
        raise unsupported("Its content is not text and not a known document.")
    if data.startswith(b"{\\rtf"):
        raise unsupported("It is a rich text (RTF) file: save it as DOCX.")
    return _text_format(Path(name).suffix.lower(), data)


def decode(data: bytes) -> str:
    """Text from bytes: by byte order mark or declaration, as UTF-8 or UTF-16, or in the legacy encoding that fits."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    for encoding in (_declared(data), "utf-8", _unmarked_utf16(data)):
        try:
            if encoding:
                return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    best = from_bytes(data, cp_isolation=_ENCODINGS, threshold=0.3).best()
    return str(best) if best else data.decode("utf-8", errors="replace")


def unsupported(reason: str) -> UnsupportedFormat:
    """The error for a file of no known kind, with the kinds that are read."""
    return UnsupportedFormat(f"{reason} What is read: {', '.join(Format)}.")


def _declared(data: bytes) -> str:
    found = _DECLARED.search(data[:4096])
    name = found[1].decode("ascii").lower() if found else ""
    return "gb18030" if name in {"gb2312", "gbk"} else "cp1252" if name in {"iso-8859-1", "latin1"} else name


def _unmarked_utf16(data: bytes) -> str:
    sample = data[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    enough = len(sample) * 0.15
    return "utf-16-le" if odd > enough > even else "utf-16-be" if even > enough > odd else ""


def _is_binary(data: bytes) -> bool:
    if any(data.startswith(mark) for mark, _ in _BOMS) or _unmarked_utf16(data):
        return False
    sample = data[:65536]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return controls > len(sample) * 0.01


def _zip_format(data: bytes) -> Format:
    names = member_names(data)
    for name, kind in _OOXML.items():
        if name in names:
            return kind
    if "mimetype" in names:
        declared = names["mimetype"]
        for prefix, kind in _OPEN_DOCUMENT.items():
            if declared.startswith(prefix):
                return kind
    raise unsupported("It is a ZIP archive: unpack it, and add the documents inside.")


def _ole_format(data: bytes) -> Format:
    def holds(stream: str) -> bool:
        return stream.encode("utf-16-le") in data

    if holds("EncryptedPackage"):
        raise EncryptedDocument(LOCKED)
    if holds("__properties_version1.0"):
        return Format.OUTLOOK
    if holds("WordDocument"):
        raise unsupported("It is an old Word file (.doc): save it as DOCX.")
    if holds("PowerPoint Document"):
        raise unsupported("It is an old PowerPoint file (.ppt): save it as PPTX.")
    if holds("Workbook") or holds("Book"):
        return Format.WORKBOOK
    raise unsupported("It is a Microsoft file of an unknown kind.")


def _text_format(suffix: str, data: bytes) -> Format:
    start = decode(data[:4096]).lstrip("\ufeff \t\r\n")
    if re.match(r"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html[\s>])", start, re.IGNORECASE | re.DOTALL):
        return Format.HTML
    named = SUFFIXES.get(suffix)
    if named in _TEXTUAL:
        return Format(named)
    if start.startswith(("<?xml", "<rss", "<feed")):
        return Format.XML
    if re.match(r"<(head|body|div|p|h[1-6]|table|article|main|section)[\s>]", start, re.IGNORECASE):
        return Format.HTML
    if start.startswith("{") and re.match(r"\{.*\}\s*$", start.split("\n", 1)[0]):
        return Format.JSON_LINES
    return Format.JSON if start.startswith(("{", "[{", "[\n")) else Format.TEXT
