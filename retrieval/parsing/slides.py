"""Presentations: PPTX."""

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.errors import BrokenDocument
from retrieval.parsing.archives import opened, xml_root
from retrieval.parsing.lines import tidy
from retrieval.parsing.outline import Heading, Item, Text, blocks_of
from retrieval.parsing.rows import row_text
from retrieval.passages import ParsedDocument

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_SHAPES = (f"{_P}sp", f"{_P}graphicFrame", f"{_P}pic")


def parse_pptx(path: Path, data: bytes) -> list[ParsedDocument]:
    """A presentation: each slide under its title, with tables, charts, descriptions of pictures, and notes."""
    with opened(data) as archive:
        slides = list(_slides(archive))
        items = [item for number, name in enumerate(slides, 1) for item in _slide(archive, name, number)]
    headings = [item.text for item in items if isinstance(item, Heading)]
    title = headings[0] if headings else path.stem
    return [ParsedDocument(title, blocks_of(items))]


def _slides(archive: zipfile.ZipFile) -> Iterator[str]:
    related = _related(archive, "ppt/presentation.xml")
    for reference in _root(archive, "ppt/presentation.xml").iter(f"{_P}sldId"):
        name = related.get(reference.get(f"{_R}id"), ("", ""))[1]
        if name in archive.namelist():
            yield name


def _slide(archive: zipfile.ZipFile, name: str, number: int) -> Iterator[Item]:
    related = _related(archive, name)
    shapes = list(_root(archive, name).iter(*_SHAPES))
    for shape in sorted(shapes, key=lambda shape: not _is_title(shape)):
        text = _shape_text(archive, shape, related)
        if text and _is_title(shape):
            yield Heading(1, tidy(text), number)
        elif text:
            yield Text(text, number)
    for kind, target in related.values():
        if kind.endswith("/notesSlide") and target in archive.namelist():
            bodies = [shape for shape in _root(archive, target).iter(f"{_P}sp") if _placeholder(shape) == "body"]
            yield from (Text(text, number) for shape in bodies if (text := _paragraphs(shape)))


def _shape_text(archive: zipfile.ZipFile, shape: Any, related: dict[str, tuple[str, str]]) -> str:
    rows = [[tidy(_paragraphs(cell)) for cell in row.iter(f"{_A}tc")] for row in shape.iter(f"{_A}tr")]
    if rows:
        return "\n".join(row_text(row, rows[0]) for row in rows[1:]) or row_text(rows[0], [])
    for chart in shape.iter(f"{_C}chart"):
        target = related.get(chart.get(f"{_R}id"), ("", ""))[1]
        return _chart_text(_root(archive, target)) if target in archive.namelist() else ""
    described = next((str(part.get("descr") or "") for part in shape.iter(f"{_P}cNvPr")), "")
    return _paragraphs(shape) or (tidy(described) if shape.tag == f"{_P}pic" else "")


def _chart_text(chart: Any) -> str:
    """The title of a chart, and each series with its values."""
    lines = [_paragraphs(title) for title in chart.iter(f"{_C}title")]
    for series in chart.iter(f"{_C}ser"):
        name, labels, values = (
            [v.text or "" for v in series.findall(f"{_C}{part}//{_C}v")] for part in ("tx", "cat", "val")
        )
        lines.append(f"{' '.join(name)}: " + ", ".join(": ".join(pair) for pair in zip(labels, values, strict=False)))
    return "\n".join(line for line in lines if line)


def _paragraphs(element: Any) -> str:
    lines = (
        "".join(part.text or "" if part.tag == f"{_A}t" else " " for part in p.iter(f"{_A}t", f"{_A}br"))
        for p in element.iter(f"{_A}p")
    )
    return "\n".join(line for line in map(tidy, lines) if line)


def _placeholder(shape: Any) -> str:
    return next((str(mark.get("type") or "") for mark in shape.iter(f"{_P}ph")), "")


def _is_title(shape: Any) -> bool:
    return _placeholder(shape) in {"title", "ctrTitle"}


def _root(archive: zipfile.ZipFile, name: str) -> Any:
    try:
        return xml_root(archive.read(name))
    except (KeyError, zipfile.BadZipFile) as error:
        raise BrokenDocument(f"The file is damaged: {name} inside it can't be read.") from error


def _related(archive: zipfile.ZipFile, name: str) -> dict[str, tuple[str, str]]:
    """What a part refers to: relation id -> kind and name of the target."""
    folder, base = posixpath.split(name)
    relations = f"{folder}/_rels/{base}.rels"
    if relations not in archive.namelist():
        return {}
    return {
        relation.get("Id"): (
            relation.get("Type", ""),
            posixpath.normpath(posixpath.join(folder, relation.get("Target", ""))).lstrip("/"),
        )
        for relation in _root(archive, relations)
    }
