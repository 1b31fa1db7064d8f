"""FAQ tables become entries, other tables rows that stand alone; each knows its row."""

from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook

from retrieval.errors import BrokenDocument, EmptyDocument, EncryptedDocument
from retrieval.parsing.files import parse_file
from retrieval.parsing.rows import blocks_of_rows
from retrieval.passages import Entry, Location, ParsedDocument, Prose


def csv_file(folder: Path, text: str, encoding: str = "utf-8") -> ParsedDocument:
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    [document] = parse_file(path)
    return document


def workbook(folder: Path, sheets: dict[str, list[list[object]]], name: str = "book.xlsx") -> ParsedDocument:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    path = folder / name
    book.save(path)
    [document] = parse_file(path)
    return document


@pytest.mark.parametrize(
    "header",
    [
        ["Question", "Answer"],
        ["QUESTIONS:", "Answers (public)"],
        ["Q", "A"],
        ["Frage", "Antwort"],
        ["Вопрос", "Ответ"],
        ["问题", "答案"],
        ["问", "答"],
        ["問題", "回答"],
        ["Pregunta", "Respuesta"],
        ["question", "réponse"],
        ["Domanda", "Risposta"],
        ["Customer question", "Reply"],
        ["question", "text"],
    ],
)
def test_a_header_of_question_and_answer_makes_entries(header: list[str]) -> None:
    assert blocks_of_rows([header, ["1. Is it free", "Yes"]]) == [Entry("Is it free", "Yes", Location(row=2))]


def test_the_columns_may_stand_in_any_order_among_others() -> None:
    rows = [["id", "answer", "owner", "question"], ["7", "Yes", "Ann", "Is it free?"]]
    assert blocks_of_rows(rows) == [Entry("Is it free?", "Yes", Location(row=2))]


def test_a_category_becomes_the_heading() -> None:
    rows = [["Category", "Question", "Answer"], ["Price", "Is it free?", "Yes"]]
    assert blocks_of_rows(rows) == [Entry("Is it free?", "Yes", Location("Price", row=2))]


def test_several_languages_side_by_side_are_all_read() -> None:
    rows = [["question_en", "answer_en", "question_de", "answer_de"], ["Free?", "Yes", "Gratis?", "Ja"]]
    assert blocks_of_rows(rows) == [Entry("Free?", "Yes", Location(row=2)), Entry("Gratis?", "Ja", Location(row=2))]


def test_rows_above_the_header_and_empty_rows_count() -> None:
    rows = [["Our FAQ", ""], ["", ""], ["Question", "Answer"], ["", ""], ["Free?", "Yes"]]
    assert blocks_of_rows(rows) == [Prose("Our FAQ", Location(row=1)), Entry("Free?", "Yes", Location(row=5))]


def test_a_table_of_questions_needs_no_header() -> None:
    rows = [["Is it free?", "Yes"], ["Is it fast?", "Very"], ["Is it safe?", "Sure"]]
    assert blocks_of_rows(rows)[0] == Entry("Is it free?", "Yes", Location(row=1))


def test_a_question_without_an_answer_is_text() -> None:
    assert blocks_of_rows([["Question", "Answer"], ["Free?", ""]]) == [Prose("Free?", Location(row=2))]


def test_titles_and_texts_are_prose_unless_the_title_asks() -> None:
    rows = [["title", "text"], ["Returns", "Thirty days."], ["Is it free?", "Yes."]]
    assert blocks_of_rows(rows) == [
        Prose("Thirty days.", Location("Returns", row=2)),
        Entry("Is it free?", "Yes.", Location(row=3)),
    ]


def test_the_rows_of_another_table_name_their_columns() -> None:
    rows = [["Zone", "Days", "Price"], ["EU", "3", "5 €"], ["US", "", "9 €"]]
    assert blocks_of_rows(rows) == [
        Prose("Zone: EU; Days: 3; Price: 5 €", Location(row=2)),
        Prose("Zone: US; Price: 9 €", Location(row=3)),
    ]


def test_rows_without_a_header_are_kept() -> None:
    assert blocks_of_rows([["1", "2"], ["3", "4"]]) == [
        Prose("1 | 2", Location(row=1)),
        Prose("3 | 4", Location(row=2)),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = f'question{delimiter}answer\nIs it free?{delimiter}"Yes, it is; quite | free"\n'
    assert list(csv_file(tmp_path, text).blocks) == [Entry("Is it free?", "Yes, it is; quite | free", Location(row=2))]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (
            "Frage;Antwort\nWie kann ich meine Bestellung zurückgeben?;Innerhalb von 30 Tagen, natürlich für 0 €.\n",
            "cp1252",
        ),
        ("вопрос;ответ\nКак вернуть товар?;Вы можете вернуть товар в течение 30 дней.\n", "cp1251"),
        ("问题,答案\n如何退货？,您可以在三十天内退货，运费由我们承担。\n", "gb18030"),
        ("問題,答案\n如何退貨？,您可以在三十天內退貨，運費由我們承擔。\n", "big5"),
        ("Frage,Antwort\nWie lange?,Größte Mühe: drei Tage\n", "utf-16"),
        ("Frage,Antwort\nWie lange?,Drei Tage für Österreich\n", "utf-8-sig"),
    ],
)
def test_a_table_in_a_legacy_encoding_is_read(tmp_path: Path, text: str, encoding: str) -> None:
    [entry] = csv_file(tmp_path, text, encoding).blocks
    assert isinstance(entry, Entry)
    assert entry.question in text
    assert entry.answer in text


def test_a_cell_may_have_several_lines(tmp_path: Path) -> None:
    text = 'question,answer\nFree?,"Yes.\nAlways."\nFast?,Very.\n'
    assert [block.location.row for block in csv_file(tmp_path, text).blocks] == [2, 3]


def test_an_empty_table_is_reported(tmp_path: Path) -> None:
    with pytest.raises(EmptyDocument):
        csv_file(tmp_path, ",,\n,,\n")


def test_each_sheet_of_a_workbook_is_read(tmp_path: Path) -> None:
    document = workbook(
        tmp_path, {"FAQ": [["Question", "Answer"], ["Free?", "Yes"]], "Prices": [["Zone", "Price"], ["EU", 5]]}
    )
    assert list(document.blocks) == [
        Entry("Free?", "Yes", Location(sheet="FAQ", row=2)),
        Prose("Zone: EU; Price: 5", Location(sheet="Prices", row=2)),
    ]


def test_cells_read_as_a_person_sees_them(tmp_path: Path) -> None:
    document = workbook(tmp_path, {"S": [["a", "b", "c", "d"], [3.0, 2.5, date(2026, 5, 4), True]]})
    assert list(document.blocks) == [Prose("a: 3; b: 2.5; c: 2026-05-04; d: true", Location(sheet="S", row=2))]


def test_rows_count_as_the_spreadsheet_shows_them(tmp_path: Path) -> None:
    book = Workbook()
    book.worksheets[0]["B4"], book.worksheets[0]["C4"] = "Question", "Answer"
    book.worksheets[0]["B5"], book.worksheets[0]["C5"] = "Free?", "Yes"
    book.save(tmp_path / "book.xlsx")
    [document] = parse_file(tmp_path / "book.xlsx")
    assert [block.location.row for block in document.blocks] == [5]


def test_hidden_sheets_are_left_out(tmp_path: Path) -> None:
    book = Workbook()
    book.worksheets[0].append(["Public"])
    hidden = book.create_sheet("Drafts")
    hidden.append(["Secret"])
    hidden.sheet_state = "hidden"
    book.save(tmp_path / "book.xlsx")
    [document] = parse_file(tmp_path / "book.xlsx")
    assert [block.text for block in document.blocks if isinstance(block, Prose)] == ["Public"]


def test_a_workbook_under_another_name_is_still_a_workbook(tmp_path: Path) -> None:
    assert workbook(tmp_path, {"S": [["Question", "Answer"], ["Free?", "Yes"]]}, "book.txt").blocks


def test_an_open_document_spreadsheet_is_read(tmp_path: Path) -> None:
    import odfdo

    document = odfdo.Document("spreadsheet")
    document.body.clear()
    table = odfdo.Table("FAQ")
    table.set_values([["Question", "Answer"], ["Free?", "Yes"]])
    document.body.append(table)
    document.save(str(tmp_path / "book.ods"))
    [parsed] = parse_file(tmp_path / "book.ods")
    assert list(parsed.blocks) == [Entry("Free?", "Yes", Location(sheet="FAQ", row=2))]


def test_a_workbook_with_a_password_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "locked.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(EncryptedDocument, match="password"):
        parse_file(path)


def test_a_damaged_old_workbook_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "old.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x07" * 504 + "Workbook".encode("utf-16-le"))
    with pytest.raises(BrokenDocument):
        parse_file(path)
