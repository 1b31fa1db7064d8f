"""Word, OpenDocument and PowerPoint files, and the ZIP containers that they are."""

import io
import zipfile
from pathlib import Path

import docx
import odfdo
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from retrieval.errors import BrokenDocument, EmptyDocument, EncryptedDocument, UnsupportedFormat
from retrieval.parsing import archives
from retrieval.parsing.files import parse_file
from retrieval.passages import Entry, Location, ParsedDocument, Prose


def parsed(folder: Path, name: str, data: bytes) -> ParsedDocument:
    (folder / name).write_bytes(data)
    [document] = parse_file(folder / name)
    return document


def saved(document: docx.document.Document) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def archive(members: dict[str, str], compress: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


def test_headings_of_word_make_paths_and_entries(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Help centre", 0)
    document.add_heading("Returns", 1)
    document.add_paragraph("We make it easy.")
    document.add_heading("How long do I have?", 2)
    document.add_paragraph("Thirty days.")
    result = parsed(tmp_path, "help.docx", saved(document))
    assert result.title == "Help centre"
    assert list(result.blocks) == [
        Prose("We make it easy.", Location("Returns")),
        Entry("How long do I have?", "Thirty days.", Location("Returns")),
    ]


def test_lists_and_tables_of_word_are_kept(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Open", style="List Bullet")
    document.add_paragraph("Close", style="List Bullet")
    table = document.add_table(2, 2)
    for cell, text in zip((*table.rows[0].cells, *table.rows[1].cells), ["EU", "5 €", "US", "9 €"], strict=True):
        cell.text = text
    assert list(parsed(tmp_path, "a.docx", saved(document)).blocks) == [Prose("- Open\n- Close\n\nEU | 5 €\nUS | 9 €")]


def test_a_faq_table_of_word_is_entries(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(2, 2)
    for cell, text in zip(
        (*table.rows[0].cells, *table.rows[1].cells), ["Question", "Answer", "Free?", "Yes"], strict=True
    ):
        cell.text = text
    assert list(parsed(tmp_path, "a.docx", saved(document)).blocks) == [Entry("Free?", "Yes")]


def test_links_of_word_keep_their_targets(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Use ")
    link = OxmlElement("w:hyperlink")
    link.set(
        qn("r:id"), paragraph.part.relate_to("https://shop.example/f", RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    )
    run = OxmlElement("w:r")
    run.text = "the form"
    link.append(run)
    paragraph._p.append(link)
    assert list(parsed(tmp_path, "a.docx", saved(document)).blocks) == [Prose("Use the form (https://shop.example/f)")]


def test_a_bold_question_of_word_is_an_entry(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph().add_run("Is it free?").bold = True
    document.add_paragraph("Yes.")
    assert list(parsed(tmp_path, "a.docx", saved(document)).blocks) == [Entry("Is it free?", "Yes.")]


def test_headers_and_footers_of_word_are_left_out(tmp_path: Path) -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Example Ltd"
    document.add_paragraph("Content.")
    assert list(parsed(tmp_path, "a.docx", saved(document)).blocks) == [Prose("Content.")]


def test_a_word_file_without_text_is_empty(tmp_path: Path) -> None:
    with pytest.raises(EmptyDocument):
        parsed(tmp_path, "a.docx", saved(docx.Document()))


def test_an_open_document_is_read(tmp_path: Path) -> None:
    document = odfdo.Document("text")
    document.body.clear()
    document.body.append(odfdo.Header(1, "Returns"))
    document.body.append(odfdo.Paragraph("Thirty days."))
    document.body.append(odfdo.Header(2, "Is it free?"))
    document.body.append(odfdo.Paragraph("Yes."))
    document.save(str(tmp_path / "a.odt"))
    [result] = parse_file(tmp_path / "a.odt")
    assert result.title == "Returns"
    assert list(result.blocks) == [Prose("Thirty days."), Entry("Is it free?", "Yes.")]


_NAMES = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def shape(text: str, placeholder: str = "body") -> str:
    paragraphs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    properties = f'<p:nvSpPr><p:nvPr><p:ph type="{placeholder}"/></p:nvPr></p:nvSpPr>'
    return f"<p:sp>{properties}<p:txBody>{paragraphs}</p:txBody></p:sp>"


def relations(*targets: tuple[str, str]) -> str:
    rows = "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'


def slides(*bodies: str, **members: str) -> bytes:
    """A presentation whose slides are shown in the order of the arguments, and stored in the opposite one."""
    count = len(bodies)
    ids = "".join(f'<p:sldId r:id="r{number}"/>' for number in range(1, count + 1))
    parts = {f"ppt/slides/slide{count - at}.xml": f"<p:sld {_NAMES}>{body}</p:sld>" for at, body in enumerate(bodies)}
    links = relations(*(("slide", f"slides/slide{count - at}.xml") for at in range(count)))
    main = {
        "ppt/presentation.xml": f"<p:presentation {_NAMES}>{ids}</p:presentation>",
        "ppt/_rels/presentation.xml.rels": links,
    }
    return archive({**main, **parts, **members})


def test_slides_are_read_in_their_order_under_their_titles(tmp_path: Path) -> None:
    first, second = shape("By post") + shape("Shipping", "title"), shape("Returns", "title") + shape("30 days\nfree")
    document = parsed(tmp_path, "a.pptx", slides(first, second))
    assert document.title == "Shipping"
    assert list(document.blocks) == [
        Prose("By post", Location("Shipping", page=1)),
        Prose("30 days\nfree", Location("Returns", page=2)),
    ]


def test_tables_and_descriptions_of_pictures_on_slides_are_kept(tmp_path: Path) -> None:
    cells = [["Zone", "Price"], ["EU", "5 €"]]
    marked = [
        [f"<a:tc><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>" for text in row] for row in cells
    ]
    rows = "".join(f"<a:tr>{''.join(row)}</a:tr>" for row in marked)
    table = (
        f"<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{rows}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    )
    picture = '<p:pic><p:nvPicPr><p:cNvPr id="2" name="x" descr="The red button"/></p:nvPicPr></p:pic>'
    document = parsed(tmp_path, "a.pptx", slides(table + picture))
    assert list(document.blocks) == [Prose("Zone: EU; Price: 5 €\n\nThe red button", Location(page=1))]


def test_charts_and_notes_of_slides_are_kept(tmp_path: Path) -> None:
    frame = (
        '<p:graphicFrame><a:graphic><a:graphicData><c:chart r:id="r1"/></a:graphicData></a:graphic></p:graphicFrame>'
    )
    series = "<c:ser><c:tx><c:v>Parcels</c:v></c:tx><c:cat><c:v>May</c:v></c:cat><c:val><c:v>9</c:v></c:val></c:ser>"
    members = {
        "ppt/slides/_rels/slide1.xml.rels": relations(
            ("chart", "../charts/c.xml"), ("notesSlide", "../notesSlides/n.xml")
        ),
        "ppt/charts/c.xml": f"<c:chartSpace {_NAMES}>{series}</c:chartSpace>",
        "ppt/notesSlides/n.xml": f"<p:notes {_NAMES}>{shape('Say hello')}</p:notes>",
    }
    document = parsed(tmp_path, "a.pptx", slides(frame, **members))
    assert list(document.blocks) == [Prose("Parcels: May: 9\n\nSay hello", Location(page=1))]


def test_a_damaged_container_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BrokenDocument, match="damaged"):
        parsed(tmp_path, "a.docx", b"PK\x03\x04" + bytes(range(256)))


def test_a_container_that_breaks_off_is_reported(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Content.")
    with pytest.raises(BrokenDocument):
        parsed(tmp_path, "a.docx", saved(document)[:-300])


def test_a_container_with_nonsense_inside_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BrokenDocument, match="not really Word"):
        parsed(tmp_path, "a.docx", archive({"word/document.xml": "no XML at all"}))


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1_000_000)
    with pytest.raises(BrokenDocument, match="unpack"):
        parsed(tmp_path, "a.docx", archive({"word/document.xml": " " * 2_000_000}, compress=True))


def test_entities_inside_a_container_are_refused(tmp_path: Path) -> None:
    laughs = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>'
    with pytest.raises(BrokenDocument, match="entities"):
        parsed(tmp_path, "a.docx", archive({"word/document.xml": laughs}))


def test_a_container_with_a_wrong_checksum_is_reported(tmp_path: Path) -> None:
    data = archive({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "?"})
    with pytest.raises(BrokenDocument, match="damaged"):
        parsed(tmp_path, "a.odt", data.replace(b"opendocument.text", b"opendocument.tent", 1))


def test_an_encrypted_open_document_is_reported(tmp_path: Path) -> None:
    manifest = '<manifest:manifest xmlns:manifest="urn:m"><manifest:encryption-data/></manifest:manifest>'
    members = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "META-INF/manifest.xml": manifest,
        "content.xml": "?",
    }
    with pytest.raises(EncryptedDocument):
        parsed(tmp_path, "a.odt", archive(members))


def test_any_other_archive_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormat, match="unpack"):
        parsed(tmp_path, "a.zip", archive({"../../evil.txt": "x"}))
