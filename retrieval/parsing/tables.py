"""Tables: CSV, and the workbooks of Excel and OpenDocument."""

import csv
import io
from datetime import date, datetime, time, timedelta
from pathlib import Path

from retrieval.errors import BrokenDocument, EncryptedDocument
from retrieval.parsing.archives import LOCKED, checked
from retrieval.parsing.outline import Block
from retrieval.parsing.rows import blocks_of_rows
from retrieval.parsing.sniffing import decode
from retrieval.passages import ParsedDocument

_DELIMITERS = ",;\t|"
_MAX_CELL = 10_000_000


def parse_csv(path: Path, data: bytes) -> list[ParsedDocument]:
    """A CSV or TSV file: one entry or one stretch of prose a row."""
    csv.field_size_limit(_MAX_CELL)
    text = decode(data).replace("\x00", "")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise BrokenDocument(f"The table can't be read: {error}.") from error
    return [ParsedDocument(path.stem, blocks_of_rows(rows))]


def parse_workbook(path: Path, data: bytes) -> list[ParsedDocument]:
    """An XLSX, XLSM, XLSB, XLS or ODS workbook; hidden sheets are left out."""
    from python_calamine import CalamineWorkbook, PasswordError, SheetVisibleEnum

    content = checked(data) if data.startswith(b"PK") else io.BytesIO(data)
    try:
        workbook = CalamineWorkbook.from_filelike(content)
    except PasswordError as error:
        raise EncryptedDocument(LOCKED) from error
    blocks: list[Block] = []
    for sheet in workbook.sheets_metadata:
        if sheet.visible == SheetVisibleEnum.Visible:
            values = workbook.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            blocks += blocks_of_rows([[_shown(value) for value in row] for row in values], sheet.name)
    return [ParsedDocument(path.stem, blocks)]


def _delimiter(text: str) -> str:
    """The delimiter: what the sniffer finds, unless the first line says otherwise."""
    first = text.lstrip("\ufeff\r\n").split("\n", 1)[0]
    try:
        found = csv.Sniffer().sniff(text[:20_000], delimiters=_DELIMITERS).delimiter
    except csv.Error:
        found = ""
    if found and found in first:
        return found
    return max(_DELIMITERS, key=first.count) if any(mark in first for mark in _DELIMITERS) else ","


def _shown(value: object) -> str:
    """A cell as a person reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value).strip()
