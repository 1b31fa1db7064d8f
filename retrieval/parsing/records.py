"""JSON: lines of documents, arrays of entries, notebooks, and any other structure as text."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.errors import BrokenDocument
from retrieval.parsing.markdown import items_of_markdown, main_heading
from retrieval.parsing.outline import Block, Item, Text, bare_question, blocks_of, is_question
from retrieval.parsing.sniffing import decode
from retrieval.passages import Entry, Location, ParsedDocument, Prose

Record = dict[str, Any]


def parse_json_lines(path: Path, data: bytes) -> list[ParsedDocument]:
    """One document a line: `id`, `title`, `text`, `lang`, `url`, all optional but the text; or `question`, `answer`."""
    documents = []
    for number, line in enumerate(decode(data).split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BrokenDocument(
                f"Line {number} is not valid JSON: {getattr(error, 'msg', 'nested too deeply')}."
            ) from error
        if not isinstance(record, dict):
            raise BrokenDocument(
                f'Line {number} is not a JSON object like {{"id": "...", "title": "...", "text": "..."}}.'
            )
        document = _document(record, path.stem)
        if document.blocks:
            documents.append(document)
    return documents


def parse_json(path: Path, data: bytes) -> list[ParsedDocument]:
    """A JSON file: an array of such records is read like JSON lines; anything else becomes text, one value a line."""
    try:
        value = json.loads(decode(data))
    except ValueError as error:
        if getattr(error, "msg", "") == "Extra data":
            return parse_json_lines(path, data)
        raise BrokenDocument(
            f"It is not valid JSON: {getattr(error, 'msg', error)}, line {getattr(error, 'lineno', '?')}."
        ) from error
    records = (
        value
        if isinstance(value, list)
        else next((v for v in value.values() if _are_records(v)), None)
        if isinstance(value, dict)
        else None
    )
    if isinstance(records, list) and _are_records(records):
        if all("id" in record for record in records):
            return [document for record in records if (document := _document(record, path.stem)).blocks]
        return [ParsedDocument(path.stem, [block for record in records for block in _blocks(record)])]
    return [ParsedDocument(path.stem, blocks_of(Text(line) for line in ["\n".join(_flat(value))] if line))]


def parse_notebook(path: Path, data: bytes) -> list[ParsedDocument]:
    """A Jupyter notebook: its prose and its code, without the outputs."""
    try:
        notebook = json.loads(decode(data))
        cells = notebook["cells"]
        sources = [(cell.get("cell_type"), "".join(cell.get("source", []))) for cell in cells]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenDocument("It is not a valid Jupyter notebook.") from error
    items: list[Item] = []
    for kind, source in sources:
        if kind == "markdown":
            items += items_of_markdown(source)
        elif source.strip():
            items.append(Text(source.strip()))
    title = str(notebook.get("metadata", {}).get("title") or main_heading(items) or path.stem)
    return [ParsedDocument(title, blocks_of(items, title))]


def _document(record: Record, fallback: str) -> ParsedDocument:
    identifier = record.get("id")
    title = _string(record, "title") or _string(record, "question")
    return ParsedDocument(
        title=title or (fallback if identifier is None else ""),
        blocks=_blocks(record),
        id=None if identifier is None else str(identifier),
        language=(_string(record, "lang") or _string(record, "language"))[:2].lower(),
        url=_string(record, "url"),
    )


def _blocks(record: Record) -> list[Block]:
    question, answer = _string(record, "question"), _string(record, "answer")
    title, text = _string(record, "title"), _string(record, "text")
    if question and answer:
        return [Entry(bare_question(question), answer)]
    if text:
        return [Entry(bare_question(title), text)] if is_question(title) else [Prose(text)]
    rest = [
        line
        for key, value in record.items()
        if key not in {"id", "lang", "language", "url"}
        for line in _flat(value, key)
    ]
    return [Prose("\n".join(rest), Location())] if rest else []


def _are_records(value: object) -> bool:
    """Whether a list holds documents or entries, rather than any other objects."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(part, dict) and ("text" in part or {"question", "answer"} <= part.keys()) for part in value)
    )


def _string(record: Record, key: str) -> str:
    value = record.get(key)
    return value.strip() if isinstance(value, str) else ""


def _flat(value: object, name: str = "") -> Iterator[str]:
    """Every value of a structure as a line "path: value"."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for part in value:
            yield from _flat(part, name)
    elif value is not None and str(value).strip():
        yield f"{name}: {value}" if name else str(value)
