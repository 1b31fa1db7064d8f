"""What a file is, books, feeds, other XML, and e-mail."""

import io
import struct
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from retrieval.errors import BrokenDocument, UnsupportedFormat
from retrieval.parsing import SUFFIXES
from retrieval.parsing.files import parse_file
from retrieval.parsing.sniffing import Format, format_of
from retrieval.passages import Entry, Location, ParsedDocument, Prose


def parsed(folder: Path, name: str, data: bytes | str) -> ParsedDocument:
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    [document] = parse_file(folder / name)
    return document


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.txt", b"%PDF-1.4 ...", Format.PDF),
        ("a.pdf", b"Just a text.", Format.TEXT),
        ("a.pdf", b"<!DOCTYPE html><p>x", Format.HTML),
        ("a.csv", b"\n <html lang='en'><body>Error", Format.HTML),
        ("a.txt", b"<?xml version='1.0'?>\n<!-- x -->\n<html xmlns='x'>", Format.HTML),
        ("a", b"<?xml version='1.0'?><rss>", Format.XML),
        ("a.unknown", b'{"id": 1, "text": "x"}\n{"id": 2, "text": "y"}\n', Format.JSON_LINES),
        ("a.unknown", b'{\n "a": 1}', Format.JSON),
        ("README", b"Read me first.", Format.TEXT),
        ("a.md", b"# A", Format.MARKDOWN),
        ("A.MD", b"# A", Format.MARKDOWN),
        ("a.tsv", b"a\tb", Format.CSV),
        ("a.ipynb", b'{"cells": []}', Format.NOTEBOOK),
        ("a.txt", "Größe".encode("utf-16"), Format.TEXT),
        ("a.txt", "Grüße aus Köln".encode("utf-16-le"), Format.TEXT),
    ],
)
def test_content_comes_before_the_name(name: str, data: bytes, kind: Format) -> None:
    assert format_of(name, data) == kind


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"\x7fELF" + bytes(range(256)) * 3,
        bytes(range(256)) * 4,
        b"{\\rtf1 Hello}",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "PowerPoint Document".encode("utf-16-le"),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    ],
    ids=["png", "elf", "bytes", "rtf", "doc", "ppt", "ole"],
)
def test_what_can_t_be_read_is_refused_with_what_can(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat, match="What is read: Markdown, plain text, HTML, PDF"):
        format_of("a.txt", data)


def test_every_format_has_a_suffix() -> None:
    assert set(SUFFIXES.values()) == set(Format)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BrokenDocument, match="can't be read"):
        parse_file(tmp_path / "none.txt")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BrokenDocument):
        parse_file(tmp_path)


def book(chapters: dict[str, str], spine: list[str]) -> bytes:
    items = "".join(f'<item id="{name}" href="text/{name}.xhtml"/>' for name in chapters)
    order = "".join(f'<itemref idref="{name}"/>' for name in spine)
    named = "<dc:title>Manual</dc:title><dc:language>en-US</dc:language>"
    metadata = f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{named}</metadata>'
    container = '<container><rootfiles><rootfile full-path="OPS/a.opf"/></rootfiles></container>'
    manifest = f'<manifest>{items}<item id="nav" properties="nav" href="nav.xhtml"/></manifest>'
    spine_of = f'<spine><itemref idref="nav"/>{order}</spine>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr("mimetype", "application/epub+zip")
        target.writestr("META-INF/container.xml", container)
        target.writestr(
            "OPS/a.opf", f'<package xmlns="http://www.idpf.org/2007/opf">{metadata}{manifest}{spine_of}</package>'
        )
        target.writestr("OPS/nav.xhtml", "<html><body><p>Contents</p></body></html>")
        for name, body in chapters.items():
            target.writestr(f"OPS/text/{name}.xhtml", f"<html><body>{body}</body></html>")
    return buffer.getvalue()


def test_the_chapters_of_a_book_are_read_in_order(tmp_path: Path) -> None:
    chapters = {"b": "<h1>Care</h1><p>Dry it.</p>", "a": "<h1>Start</h1><p>Press it.</p>"}
    document = parsed(tmp_path, "manual.epub", book(chapters, ["a", "b"]))
    assert (document.title, document.language) == ("Manual", "en")
    assert list(document.blocks) == [Prose("Press it.", Location("Start")), Prose("Dry it.", Location("Care"))]


def test_a_feed_is_read_by_its_entries(tmp_path: Path) -> None:
    text = "&lt;p&gt;All &lt;b&gt;half&lt;/b&gt; price.&lt;/p&gt;"
    item = f"<item><title>Sale</title><description>{text}</description></item>"
    document = parsed(
        tmp_path, "news.xml", f'<?xml version="1.0"?><rss><channel><title>News</title>{item}</channel></rss>'
    )
    assert (document.title, list(document.blocks)) == ("News", [Prose("All half price.", Location("Sale"))])


def test_other_xml_becomes_lines(tmp_path: Path) -> None:
    xml = '<?xml version="1.0"?><shop><item sku="7"><name>Kettle</name></item><note>Very <b>hot</b> water</note></shop>'
    assert list(parsed(tmp_path, "a.xml", xml).blocks) == [Prose("name: Kettle\nnote: Very hot water")]


def test_an_xml_file_can_t_read_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("swordfish")
    xml = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY s SYSTEM "{secret.as_uri()}">]><a>Open &s; all day</a>'
    [block] = parsed(tmp_path, "a.xml", xml).blocks
    assert isinstance(block, Prose)
    assert "swordfish" not in block.text


def test_entities_of_an_xml_file_are_not_expanded(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    xml = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e0 "ha">{entities}]><a>Text &e11; text</a>'
    [block] = parsed(tmp_path, "a.xml", xml).blocks
    assert isinstance(block, Prose)
    assert len(block.text) < 100


def test_a_message_is_read_with_its_headers(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <ann@shop.example>", "help@shop.example", "Zurück"
    message.set_content("Q: Is it free?\nA: Yes.\n")
    message.add_attachment(b"noise", maintype="application", subtype="octet-stream", filename="a.bin")
    document = parsed(tmp_path, "a.eml", message.as_bytes())
    assert document.title == "Zurück"
    assert list(document.blocks) == [
        Prose("From: Ann <ann@shop.example>\nTo: help@shop.example\nSubject: Zurück"),
        Entry("Is it free?", "Yes."),
    ]


def test_a_message_in_html_is_read(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "Hours"
    message.set_content("<p>Open <b>daily</b>.</p>", subtype="html")
    assert list(parsed(tmp_path, "a.eml", message.as_bytes()).blocks) == [Prose("Subject: Hours\n\nOpen daily.")]


def compound_file(streams: dict[str, bytes]) -> bytes:
    """A compound file (MS-CFB) in sectors of 512 bytes: header, allocation table, directory, streams."""
    padded = {name: data.ljust(-(-max(len(data), 4096) // 512) * 512, b"\0") for name, data in streams.items()}
    directory_size = -(-(1 + len(streams)) // 4)
    table = [0xFFFFFFFD, *range(2, directory_size + 1), 0xFFFFFFFE]
    starts = []
    for data in padded.values():
        starts.append(len(table))
        table += [*range(len(table) + 1, len(table) + len(data) // 512), 0xFFFFFFFE]

    def entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
        raw = name.encode("utf-16-le") + b"\0\0"
        return raw.ljust(64, b"\0") + struct.pack(
            "<HBBIII36xIQ", len(raw), kind, 1, 0xFFFFFFFF, right, child, start, size
        )

    names = sorted(padded, key=lambda name: (len(name), name.upper()))
    entries = [entry("Root Entry", 5, 0xFFFFFFFF, 1, 0xFFFFFFFE, 0)]
    for at, name in enumerate(names, 1):
        following = at + 1 if at < len(names) else 0xFFFFFFFF
        entries.append(entry(name, 2, following, 0xFFFFFFFF, starts[list(padded).index(name)], len(padded[name])))
    fields = (62, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6xIIIIIIIII", *fields)
    header += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    allocation = struct.pack("<128I", *table, *[0xFFFFFFFF] * (128 - len(table)))
    return header + allocation + b"".join(entries).ljust(directory_size * 512, b"\0") + b"".join(padded.values())


def test_a_message_of_outlook_is_read(tmp_path: Path) -> None:
    data = compound_file(
        {
            "__properties_version1.0": b"",
            "__substg1.0_0037001F": "Öffnungszeiten".encode("utf-16-le"),
            "__substg1.0_0C1F001F": "ann@shop.example".encode("utf-16-le"),
            "__substg1.0_1000001F": "We are open daily.\r\n".encode("utf-16-le"),
        }
    )
    document = parsed(tmp_path, "a.msg", data)
    assert document.title == "Öffnungszeiten"
    assert list(document.blocks) == [Prose("From: ann@shop.example\nSubject: Öffnungszeiten\n\nWe are open daily.")]
