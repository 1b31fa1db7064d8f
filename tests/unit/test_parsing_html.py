"""HTML pages lose their navigation and keep their content."""

from pathlib import Path

import pytest

from retrieval.errors import EmptyDocument
from retrieval.parsing.files import parse_file
from retrieval.passages import Entry, Location, ParsedDocument, Prose


def parsed(folder: Path, body: str, head: str = "<title>Help</title>") -> ParsedDocument:
    path = folder / "page.html"
    path.write_text(
        f'<!doctype html><html lang="en-GB"><head>{head}</head><body>{body}</body></html>', encoding="utf-8"
    )
    [document] = parse_file(path)
    return document


def words(document: ParsedDocument) -> str:
    return " ".join(
        f"{block.question} {block.answer}" if isinstance(block, Entry) else block.text for block in document.blocks
    )


@pytest.mark.parametrize(
    "boilerplate",
    [
        "<nav><a href='/'>Noise</a></nav>",
        "<header><a href='/'>Noise</a></header>",
        "<footer>Noise</footer>",
        "<script>var a = 'Noise'</script>",
        "<style>.Noise {}</style>",
        "<noscript>Noise</noscript>",
        "<div role='navigation'>Noise</div>",
        "<div role='contentinfo'>Noise</div>",
        "<div class='navheader'><table><tr><td>Noise</td></tr></table></div>",
        "<ul class='breadcrumbs'><li>Noise</li></ul>",
        "<div id='cookie-banner'><p>Noise</p></div>",
        "<div class='cookie-consent-popup'>Noise</div>",
        "<aside class='sidebar'>Noise</aside>",
        "<div class='toc'><p>Noise</p></div>",
        "<div hidden>Noise</div>",
        "<ul><li><a href='#a'>Noise</a></li><li><a href='#b'>b</a></li><li><a href='#c'>c</a></li></ul>",
        "<!-- Noise -->",
        "<button>Noise</button>",
        "<template>Noise</template>",
    ],
)
def test_boilerplate_is_dropped(tmp_path: Path, boilerplate: str) -> None:
    assert words(parsed(tmp_path, f"{boilerplate}<p>Content.</p>")) == "Content."


@pytest.mark.parametrize(
    "content",
    [
        "<main><header><p>Kept</p></header></main>",
        "<h2 id='menu'>Kept</h2>",
        "<div id='gimp-select-menu'>Kept</div>",
        "<section id='cookies'><p>Kept</p></section>",
        "<ul><li><a href='/manual.pdf'>Kept</a></li></ul>",
        "<details hidden><summary>Kept?</summary>Yes.</details>",
        "<div class='header'><main>Kept</main></div>",
    ],
)
def test_content_that_resembles_boilerplate_is_kept(tmp_path: Path, content: str) -> None:
    assert "Kept" in words(parsed(tmp_path, content))


def test_where_there_is_a_main_part_only_that_is_read(tmp_path: Path) -> None:
    assert words(parsed(tmp_path, "<div>Teaser</div><main><p>Content.</p></main><div>Partners</div>")) == "Content."


def test_a_page_of_nothing_but_navigation_is_read_as_it_is(tmp_path: Path) -> None:
    assert words(parsed(tmp_path, "<nav><p>All there is.</p></nav>")) == "All there is."


def test_a_page_without_text_is_empty(tmp_path: Path) -> None:
    with pytest.raises(EmptyDocument):
        parsed(tmp_path, "<div id='app'></div><script>start()</script>")


def test_the_only_main_heading_is_the_title(tmp_path: Path) -> None:
    assert parsed(tmp_path, "<h1>Returns <em>made</em> easy</h1><p>x</p>").title == "Returns made easy"


def test_else_the_page_title_is_the_title(tmp_path: Path) -> None:
    assert parsed(tmp_path, "<p>x</p>").title == "Help"


def test_the_canonical_address_and_the_language_are_kept(tmp_path: Path) -> None:
    document = parsed(tmp_path, "<p>x</p>", '<link rel="canonical" href="https://shop.example/help">')
    assert (document.url, document.language) == ("https://shop.example/help", "en")


def test_an_address_that_is_no_web_address_is_not_kept(tmp_path: Path) -> None:
    assert parsed(tmp_path, "<p>x</p>", '<link rel="canonical" href="javascript:alert(1)">').url == ""


def test_headings_make_paths_and_questions_make_entries(tmp_path: Path) -> None:
    document = parsed(tmp_path, "<h1>Shop</h1><h2>Returns</h2><p>Easy.</p><h3>How long?</h3><div>30 <b>days</b>.</div>")
    assert list(document.blocks) == [
        Prose("Easy.", Location("Returns")),
        Entry("How long?", "30 days.", Location("Returns")),
    ]


def test_details_are_entries(tmp_path: Path) -> None:
    document = parsed(tmp_path, "<details><summary>Delivery time</summary><p>Three days.</p></details>")
    assert list(document.blocks) == [Entry("Delivery time", "Three days.")]


def test_details_that_hold_details_are_a_heading(tmp_path: Path) -> None:
    inner = "<details><summary>How long?</summary>Three days.</details>"
    document = parsed(tmp_path, f"<details><summary>Delivery</summary>{inner}</details>")
    assert list(document.blocks) == [Entry("How long?", "Three days.", Location("Delivery"))]


def test_a_list_of_questions_and_answers_is_entries(tmp_path: Path) -> None:
    document = parsed(tmp_path, "<dl><dt>Is it free?</dt><dd><p>Yes.</p></dd><dt>And fast?</dt><dd>Very.</dd></dl>")
    assert list(document.blocks) == [Entry("Is it free?", "Yes."), Entry("And fast?", "Very.")]


def test_a_list_of_definitions_is_prose(tmp_path: Path) -> None:
    document = parsed(tmp_path, "<dl><dt>Weight</dt><dd>2 kg</dd><dt>Height</dt><dd>9 cm</dd></dl>")
    assert list(document.blocks) == [Prose("Weight: 2 kg\n\nHeight: 9 cm")]


FAQ_PAGE = """<script type="application/ld+json">
{"@context": "https://schema.org", "@graph": [{"@type": "FAQPage", "mainEntity": [{"@type": "Question",
"name": "Is it free?", "acceptedAnswer": {"@type": "Answer", "text": "<p>Yes, <b>always</b>.</p>"}}]}]}</script>"""


def test_a_structured_faq_is_read(tmp_path: Path) -> None:
    assert Entry("Is it free?", "Yes, always.") in parsed(tmp_path, "<p>FAQ</p>", FAQ_PAGE).blocks


def test_a_structured_faq_that_is_also_visible_is_read_once(tmp_path: Path) -> None:
    document = parsed(tmp_path, "<h2>Is it free?</h2><p>Yes, always.</p>", FAQ_PAGE)
    assert list(document.blocks) == [Entry("Is it free?", "Yes, always.")]


def test_broken_structured_data_is_ignored(tmp_path: Path) -> None:
    assert words(parsed(tmp_path, "<p>x</p>", '<script type="application/ld+json">{"@type": </script>')) == "x"


def test_marked_up_questions_are_entries(tmp_path: Path) -> None:
    body = """<div itemscope itemtype="https://schema.org/Question"><div itemprop="name">Is it free?</div>
    <div itemprop="acceptedAnswer" itemscope><div itemprop="text">Yes.</div></div></div>"""
    assert list(parsed(tmp_path, body).blocks) == [Entry("Is it free?", "Yes.")]


def test_lists_keep_their_marks_and_depth(tmp_path: Path) -> None:
    body = "<ol><li>Open</li><li>Close<ul><li>softly</li></ul></li></ol>"
    assert list(parsed(tmp_path, body).blocks) == [Prose("1. Open\n2. Close\n  - softly")]


def test_a_table_with_a_header_gives_rows_that_stand_alone(tmp_path: Path) -> None:
    rows = "<tr><th>Zone</th><th>Price</th></tr><tr><td>EU</td><td>5 €</td></tr><tr><td>US</td><td>9 €</td></tr>"
    body = f"<table>{rows}</table>"
    assert list(parsed(tmp_path, body).blocks) == [Prose("Zone: EU; Price: 5 €\nZone: US; Price: 9 €")]


def test_a_table_of_questions_is_entries(tmp_path: Path) -> None:
    body = "<table><tr><th>Question</th><th>Answer</th></tr><tr><td>Is it free?</td><td>Yes.</td></tr></table>"
    assert list(parsed(tmp_path, body).blocks) == [Entry("Is it free?", "Yes.")]


def test_a_table_that_lays_out_a_page_is_no_table(tmp_path: Path) -> None:
    assert list(parsed(tmp_path, "<table><tr><td><h2>A</h2><p>b</p></td></tr></table>").blocks) == [
        Prose("b", Location("A"))
    ]


def test_line_breaks_stay_and_white_space_collapses(tmp_path: Path) -> None:
    assert words(parsed(tmp_path, "<p>Example\n  Ltd<br>1 Long&nbsp;Street</p>")) == "Example Ltd\n1 Long Street"


def test_text_beside_blocks_is_kept_in_order(tmp_path: Path) -> None:
    assert words(parsed(tmp_path, "one <b>two</b><p>three</p>four<span><p>five</p></span>six")) == (
        "one two\n\nthree\n\nfour\n\nfive\n\nsix"
    )


def test_links_and_mail_addresses_are_kept(tmp_path: Path) -> None:
    body = '<a href="https://shop.example/f">The form</a>, <a href="mailto:a@shop.example">mail</a>, <a href="/x">x</a>'
    assert words(parsed(tmp_path, body)) == "The form (https://shop.example/f), mail (a@shop.example), x"
