"""PDF: pages, headings by their type, paragraphs; what can't be read is reported with the reason."""

import contextlib
import io
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

from retrieval.errors import BrokenDocument, EmptyDocument, EncryptedDocument
from retrieval.parsing.files import parse_file
from retrieval.passages import Entry, Location, ParsedDocument, Prose

STYLES = getSampleStyleSheet()
LONG = "Every parcel is packed by hand and leaves our warehouse on the day of the order. " * 5


def flowing(folder: Path, *parts: tuple[str, str] | None) -> ParsedDocument:
    """A document of (style, text) parts; None starts a page."""
    path = folder / "flowing.pdf"
    story = [PageBreak() if part is None else Paragraph(part[1], STYLES[part[0]]) for part in parts]
    SimpleDocTemplate(str(path), pagesize=A4).build(story)
    [document] = parse_file(path)
    return document


def drawn(folder: Path, pages: list[list[tuple[float, str]]], encrypt: StandardEncryption | None = None) -> Path:
    """A document of lines at given heights."""
    path = folder / "drawn.pdf"
    canvas = Canvas(str(path), pagesize=A4, encrypt=encrypt)
    for page in pages:
        for height, line in page:
            canvas.drawString(72, height, line)
        canvas.showPage()
    canvas.save()
    return path


def test_large_type_is_a_heading_and_each_page_is_known(tmp_path: Path) -> None:
    document = flowing(tmp_path, ("Heading1", "Shipping"), ("Normal", LONG), None, ("Normal", "By post."))
    assert document.title == "Shipping"
    assert [(block.location.page, block.location.heading) for block in document.blocks] == [(1, ""), (2, "")]


def test_headings_nest_by_their_size(tmp_path: Path) -> None:
    document = flowing(
        tmp_path,
        ("Title", "Shop"),
        ("Heading2", "Shipping"),
        ("Normal", LONG),
        ("Heading3", "Abroad"),
        ("Normal", LONG),
    )
    assert [block.location.heading for block in document.blocks] == ["Shipping", "Shipping > Abroad"]


def test_a_question_heading_makes_an_entry(tmp_path: Path) -> None:
    question, answer = ("Heading2", "1.2 How long does it take?"), ("Normal", "Three days.")
    document = flowing(tmp_path, ("Normal", LONG), question, answer, ("Heading2", "Else"), ("Normal", LONG))
    assert Entry("How long does it take?", "Three days.", Location(page=1)) in document.blocks


def test_a_bold_question_in_the_size_of_the_text_makes_an_entry(tmp_path: Path) -> None:
    document = flowing(tmp_path, ("Normal", LONG), ("Normal", "<b>Is it insured?</b>"), ("Normal", "Yes. " + LONG))
    [entry] = [block for block in document.blocks if isinstance(block, Entry)]
    assert entry.question == "Is it insured?"


def test_a_bold_word_at_the_start_of_a_line_is_no_heading(tmp_path: Path) -> None:
    document = flowing(tmp_path, ("Normal", "<b>Note</b> that " + LONG))
    assert [block.location.heading for block in document.blocks] == [""]


def test_wrapped_lines_are_joined(tmp_path: Path) -> None:
    [block] = flowing(tmp_path, ("Normal", LONG)).blocks
    assert block == Prose(LONG.strip(), Location(page=1))


def test_the_lines_of_a_list_stay(tmp_path: Path) -> None:
    introduction = "We ship to these places and many more of them on every continent:"
    path = drawn(tmp_path, [[(700, introduction), (686, "• Paris"), (672, "• Rome")]])
    [document] = parse_file(path)
    [block] = document.blocks
    assert isinstance(block, Prose)
    assert block.text.endswith(":\n• Paris\n• Rome")


def test_running_headers_and_footers_are_left_out(tmp_path: Path) -> None:
    texts = [f"Text of part {word}." for word in "abcde"]
    pages = [[(800.0, "Example Ltd"), (500.0, text), (30.0, f"Page {at} of 5")] for at, text in enumerate(texts, 1)]
    [document] = parse_file(drawn(tmp_path, pages))
    assert [block.text for block in document.blocks if isinstance(block, Prose)] == texts


def test_a_page_of_contents_is_left_out(tmp_path: Path) -> None:
    contents = [(700.0 - 20 * number, f"Chapter {number} {'. ' * 30} {number}") for number in range(1, 9)]
    [document] = parse_file(drawn(tmp_path, [contents, [(700, "The text.")]]))
    assert list(document.blocks) == [Prose("The text.", Location(page=2))]


def test_the_number_and_the_name_of_a_chapter_are_one_heading(tmp_path: Path) -> None:
    document = flowing(tmp_path, ("Heading2", "Chapter 3"), ("Heading1", "Returns"), ("Normal", LONG))
    assert document.title == "Chapter 3 Returns"


def test_the_title_of_the_properties_is_kept(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.setTitle("Terms of sale")
    canvas.drawString(72, 700, "All prices include tax.")
    canvas.save()
    assert parse_file(tmp_path / "a.pdf")[0].title == "Terms of sale"


def test_a_program_s_file_name_is_no_title(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "terms.pdf"))
    canvas.setTitle("Microsoft Word - Document1.docx")
    canvas.drawString(72, 700, "All prices include tax.")
    canvas.save()
    assert parse_file(tmp_path / "terms.pdf")[0].title == "terms"


def test_a_pdf_with_a_password_is_reported(tmp_path: Path) -> None:
    path = drawn(tmp_path, [[(700, "Secret")]], StandardEncryption("secret", strength=128))
    with pytest.raises(EncryptedDocument, match="password"):
        parse_file(path)


def test_a_pdf_that_only_forbids_changes_is_read(tmp_path: Path) -> None:
    path = drawn(tmp_path, [[(700, "Open to all.")]], StandardEncryption("", ownerPassword="owner", strength=128))
    assert list(parse_file(path)[0].blocks) == [Prose("Open to all.", Location(page=1))]


def test_a_scan_is_reported_with_what_to_do(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "scan.pdf"))
    canvas.rect(72, 72, 200, 200, fill=1)
    canvas.save()
    with pytest.raises(EmptyDocument, match=r"scan.*text recognition"):
        parse_file(tmp_path / "scan.pdf")


def test_a_damaged_pdf_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 10)
    with pytest.raises(BrokenDocument, match="damaged"):
        parse_file(tmp_path / "a.pdf")


def test_a_pdf_that_breaks_off_is_read_or_reported(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 700, "Half")
    canvas.save()
    whole = buffer.getvalue()
    for length in range(20, len(whole), 150):
        (tmp_path / "half.pdf").write_bytes(whole[:length])
        with contextlib.suppress(BrokenDocument, EmptyDocument):
            assert parse_file(tmp_path / "half.pdf")
