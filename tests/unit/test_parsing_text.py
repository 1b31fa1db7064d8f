"""Plain text, its encodings, and Markdown."""

import codecs
from pathlib import Path

import pytest

from retrieval.errors import EmptyDocument
from retrieval.parsing.files import parse_file
from retrieval.parsing.lines import joined, tidy, unwrapped
from retrieval.parsing.sniffing import decode
from retrieval.passages import Entry, Location, ParsedDocument, Prose

GERMAN = "Wie kann ich meine Bestellung zurückgeben? Die Rückgabe ist für Sie kostenlos, außer in Österreich."
RUSSIAN = (
    "Вы можете вернуть товар в течение тридцати дней после покупки. Доставка по России занимает три дня, а в Москве "
    "и Петербурге один день. Если товар не подошёл, напишите нам. Мы вернём Вам деньги на карту или счёт. Гарантия "
    "на всё один год. Наши Операторы отвечают в Будние дни. Звоните, Пишите, Приходите!"
)
GREEK = "Μπορείτε να επιστρέψετε το προϊόν εντός τριάντα ημερών από την αγορά. Η επιστροφή είναι δωρεάν."
TURKISH = "Ürünü otuz gün içinde ücretsiz olarak iade edebilirsiniz. Şubelerimize de başvurabilirsiniz, işlem hızlıdır."
SIMPLIFIED = "您可以在三十天内退货，运费由我们承担。请保留好原来的包装和发票。"
TRADITIONAL = "您可以在三十天內退貨，運費由我們承擔。請保留好原來的包裝和發票。"
JAPANESE = "商品は三十日以内に返品できます。送料は当社が負担いたします。領収書を保管してください。"


def parsed(folder: Path, name: str, text: str | bytes) -> ParsedDocument:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    [document] = parse_file(path)
    return document


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "mac_cyrillic"),
        (GREEK, "cp1253"),
        (TURKISH, "cp1254"),
        (SIMPLIFIED, "gb18030"),
        (TRADITIONAL, "big5"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (SIMPLIFIED, "utf-16"),
        (RUSSIAN, "utf-32"),
    ],
)
def test_text_is_decoded_from_what_it_was_written_in(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)).strip() == text


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode(codecs.BOM_UTF8 + "Größe".encode()) == "Größe"


def test_a_declared_charset_is_believed() -> None:
    page = f'<html><head><meta charset="windows-1251"></head><body>{RUSSIAN}</body></html>'
    assert RUSSIAN in decode(page.encode("cp1251"))


def test_a_wrong_declaration_is_not_believed() -> None:
    assert "Größe" in decode('<meta charset="no-such-thing"><p>Größe'.encode())


@pytest.mark.parametrize("text", ["", " \n\t\n", "\x00\x00"])
def test_an_empty_file_is_reported(tmp_path: Path, text: str) -> None:
    with pytest.raises(EmptyDocument):
        parsed(tmp_path, "empty.txt", text)


def test_numbered_paragraphs_are_headings(tmp_path: Path) -> None:
    first = "1. Start\n\nPress the button.\n\n1.1. Is it loud?\n\n    No, it is\n    silent."
    text = f"Manual\n\n{first}\n\n2. Stop\n\nPress again."
    assert list(parsed(tmp_path, "manual.txt", text).blocks) == [
        Prose("Press the button.", Location("1. Start")),
        Entry("Is it loud?", "No, it is\nsilent.", Location("1. Start")),
        Prose("Press again.", Location("2. Stop")),
    ]


def test_underlined_lines_are_headings(tmp_path: Path) -> None:
    text = "Our shop\n========\n\nOpen daily.\n\nReturns\n-------\nThirty days.\n"
    assert list(parsed(tmp_path, "shop.txt", text).blocks) == [
        Prose("Open daily.", Location()),
        Prose("Thirty days.", Location("Returns")),
    ]


def test_chapters_are_headings(tmp_path: Path) -> None:
    document = parsed(tmp_path, "book.txt", "Kapitel 1. Versand\n\nDrei Tage.\n\n第 2 章 退货\n\n三十天。\n")
    assert [block.location.heading for block in document.blocks] == ["Kapitel 1. Versand", "第 2 章 退货"]


def test_a_question_above_a_paragraph_is_an_entry(tmp_path: Path) -> None:
    document = parsed(tmp_path, "faq.txt", "What does it cost?\n\nFive euros.\n\nIs it safe?\n\nYes.\n")
    assert list(document.blocks) == [Entry("What does it cost?", "Five euros."), Entry("Is it safe?", "Yes.")]


def test_a_table_of_contents_is_left_out(tmp_path: Path) -> None:
    chapters = [f"{number}. Chapter {number}" for number in range(1, 6)]
    contents = "\n".join(chapters)
    body = "\n\n".join(f"{chapter}\n\nText of {chapter}." for chapter in chapters)
    document = parsed(tmp_path, "long.txt", f"{contents}\n\n{body}\n")
    assert [block.text for block in document.blocks if isinstance(block, Prose)] == [
        f"Text of {chapter}." for chapter in chapters
    ]


def test_the_first_line_is_the_title(tmp_path: Path) -> None:
    assert parsed(tmp_path, "a.txt", "Opening hours\n\nWe are open daily.\n").title == "Opening hours"


def test_without_a_title_the_file_gives_its_name(tmp_path: Path) -> None:
    assert parsed(tmp_path, "opening-hours.txt", "We are open daily.\n").title == "opening-hours"


def test_wrapped_lines_are_joined() -> None:
    lines = [
        "The parcel arrives within three working days after",
        "you placed the order, or we refund what the",
        "delivery cost.",
    ]
    assert unwrapped(lines).startswith("The parcel arrives within three working days after you placed")


def test_the_lines_of_an_address_stay() -> None:
    assert unwrapped(["Example Ltd", "1 Long Street", "Springfield"]) == "Example Ltd\n1 Long Street\nSpringfield"


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        ("three", "days", "three days"),
        ("三十", "天内", "三十天内"),
        ("Linux-", "Distribution", "Linux-Distribution"),
        ("Vor-", "und Nachteile", "Vor- und Nachteile"),
        ("https://", "shop.example/a", "https://shop.example/a"),
        ("https:", "//shop.example/a", "https://shop.example/a"),
    ],
)
def test_two_lines_become_one(first: str, second: str, whole: str) -> None:
    assert joined(first, second) == whole


def test_ligatures_and_invisible_characters_are_made_plain() -> None:
    assert tidy(" ﬁnd\u00a0the of\u00adfice\u200b ") == "find the office"


def test_markdown_has_a_title_and_heading_paths(tmp_path: Path) -> None:
    sections = "### Refund times\n\nFive days.\n\n### How long do I have?\n\nThirty days.\n"
    text = f"# Shop\n\nWelcome.\n\n## Returns\n\n{sections}"
    document = parsed(tmp_path, "shop.md", text)
    assert document.title == "Shop"
    assert list(document.blocks) == [
        Prose("Welcome."),
        Prose("Five days.", Location("Returns > Refund times")),
        Entry("How long do I have?", "Thirty days.", Location("Returns")),
    ]


def test_front_matter_states_title_language_and_address(tmp_path: Path) -> None:
    text = '---\ntitle: "Versand"\nlang: de-AT\nurl: https://shop.example/versand\n---\nDrei Tage.\n'
    document = parsed(tmp_path, "a.md", text)
    assert (document.title, document.language, document.url) == ("Versand", "de", "https://shop.example/versand")
    assert list(document.blocks) == [Prose("Drei Tage.")]


def test_a_bold_question_is_an_entry(tmp_path: Path) -> None:
    document = parsed(tmp_path, "a.md", "**Is it free?**\n\nYes.\n\n**Note:** only today.\n")
    assert list(document.blocks) == [Entry("Is it free?", "Yes.\n\nNote: only today.")]


def test_lists_code_and_tables_of_markdown_are_kept(tmp_path: Path) -> None:
    text = "1. Open\n2. Close\n   - softly\n\n```\nrun  now\n```\n\n| Zone | Price |\n|---|---|\n| EU | 5 € |\n"
    [block] = parsed(tmp_path, "a.md", text).blocks
    assert block == Prose("1. Open\n2. Close\n  - softly\n\nrun  now\n\nZone: EU; Price: 5 €")


def test_links_keep_their_targets(tmp_path: Path) -> None:
    text = "Use [the form](https://shop.example/returns), see [below](#below) or <https://shop.example>.\n"
    [block] = parsed(tmp_path, "a.md", text).blocks
    assert block == Prose("Use the form (https://shop.example/returns), see below or https://shop.example.")


def test_a_short_first_line_above_each_paragraph_is_its_heading(tmp_path: Path) -> None:
    file = tmp_path / "hours.txt"
    file.write_text("Shop\nMonday to Friday 10:00 to 19:00.\n\nWorkshop\nMonday to Friday 8:00 to 17:00.\n")
    [document] = parse_file(file)
    assert [(block.location.heading, block.text) for block in document.blocks if isinstance(block, Prose)] == [
        ("Shop", "Monday to Friday 10:00 to 19:00."),
        ("Workshop", "Monday to Friday 8:00 to 17:00."),
    ]


def test_one_short_first_line_may_be_chance(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear all\nWe will be closed on Monday.\n\nThe shop opens again on Tuesday at ten.\n")
    [document] = parse_file(file)
    assert all(block.location.heading != "Dear all" for block in document.blocks)
