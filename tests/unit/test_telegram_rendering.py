"""Answers as Telegram shows them: formatting, footnotes, and parts that fit."""

import pytest
from aiogram.types import MessageEntity
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain import Author, Chat, Citation
from bot.ports import Outgoing
from connectors.telegram.rendering import LONGEST, render, render_draft

CITATION = Citation(1, "returns", "returns#0", "Returns", "Page 3", "https://halden.example/returns")


def outgoing(text: str, *citations: Citation, author: Author = Author.BOT, sender: str = "") -> Outgoing:
    chat = Chat("halden", "telegram", "42")
    return Outgoing("c:1", chat, "c", 1, author, text, 0.0, "en", citations, sender=sender)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def covered(text: str, entity: MessageEntity) -> str:
    return entity.extract_from(text)


def pieces(text: str, kind: str, *citations: Citation) -> list[str]:
    """What of the first part is formatted like this."""
    shown, entities = render(outgoing(text, *citations))[0]
    return [covered(shown, entity) for entity in entities if entity.type == kind]


def plain(text: str) -> str:
    return render(outgoing(text))[0][0]


def test_markdown_becomes_entities() -> None:
    assert pieces("It takes **60 days**.", "bold") == ["60 days"]


def test_entities_count_utf16_units() -> None:
    assert pieces("👍🏽 and **bold**", "bold") == ["bold"]


def test_a_list_has_plain_bullets() -> None:
    assert plain("- one\n- two").splitlines() == ["• one", "• two"]


def test_a_heading_is_bold_and_bears_no_emoji() -> None:
    assert plain("# Returns\n\nFree.").startswith("Returns\n")


@pytest.mark.parametrize(
    "text",
    [
        "Enter <your order number> here",
        "It costs $5 or $10 with $x$",
        "Use || for or",
        "2 < 3 > 1",
        "<b>no HTML</b>",
        "a | b || c ||| d",
    ],
)
def test_characters_that_mean_nothing_here_stay(text: str) -> None:
    assert plain(text) == text


def test_code_keeps_its_characters() -> None:
    assert pieces("```\na < b && $x || $y\n```", "pre") == ["a < b && $x || $y"]


def test_a_marker_links_to_its_source() -> None:
    assert "[1]" in pieces("Within 60 days. [1]", "text_link", CITATION)


def test_a_marker_without_a_citation_is_text() -> None:
    assert pieces("See [2]. [1]", "text_link", CITATION)[0] == "[1]"


def test_a_marker_in_code_stays_code() -> None:
    assert pieces("`x[1]`", "text_link", CITATION) == ["Returns · Page 3"]


def test_the_footnote_names_each_source() -> None:
    shown, _ = render(outgoing("Within 60 days. [1]", CITATION))[0]
    assert shown.endswith("\n\nSources\n[1] Returns · Page 3")


def test_the_footnote_is_set_apart() -> None:
    assert pieces("Yes. [1]", "blockquote", CITATION) == ["Sources\n[1] Returns · Page 3"]


def test_a_source_without_a_link_is_named_all_the_same() -> None:
    source = Citation(1, "d", "p", "Warranty", "")
    assert render(outgoing("Two years. [1]", source))[0][0].endswith("[1] Warranty")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "tg://user?id=1", "file:///etc/passwd"])
def test_only_web_and_mail_links_are_links(url: str) -> None:
    assert pieces(f"[click]({url})", "text_link") == []


def test_what_a_person_writes_is_left_as_it_is() -> None:
    assert render(outgoing("2*3*4 = **24**", author=Author.PERSON)) == [("2*3*4 = **24**", [])]


def test_a_person_is_named() -> None:
    shown, entities = render(outgoing("Hello!", author=Author.PERSON, sender="Grace"))[0]
    assert (shown, covered(shown, entities[0])) == ("Grace\nHello!", "Grace")


def test_4096_units_are_one_message() -> None:
    assert len(render(outgoing("a" * 4096))) == 1


def test_4097_units_are_two() -> None:
    assert [units(text) for text, _ in render(outgoing("a" * 4097))] == [4096, 1]


def test_emoji_count_twice() -> None:
    assert [units(text) for text, _ in render(outgoing("😀" * 2049))] == [4096, 2]


def test_an_emoji_of_several_characters_is_not_torn_apart() -> None:
    family = "👨‍👩‍👧‍👦"
    parts = [text for text, _ in render(outgoing(f"a{family * 600}"))]
    assert all(part.removeprefix("a").replace(family, "") == "" for part in parts)


def test_a_long_answer_breaks_between_paragraphs() -> None:
    first, second = "one. " * 700, "two. " * 700
    assert [text for text, _ in render(outgoing(f"{first}\n\n{second}"))] == [first.strip(), second.strip()]


def test_a_long_paragraph_breaks_between_sentences() -> None:
    texts = [text for text, _ in render(outgoing("This is a sentence of some length. " * 200))]
    assert all(text.endswith("length.") for text in texts)


def test_a_long_chinese_paragraph_breaks_between_sentences() -> None:
    texts = [text for text, _ in render(outgoing("这是一个相当长的句子。" * 500))]
    assert all(text.endswith("。") for text in texts)


def test_a_split_code_fence_is_code_in_both_parts() -> None:
    parts = render(outgoing("```python\n" + "print('hello')\n" * 400 + "```"))
    assert len(parts) == 2
    for text, entities in parts:
        assert [(entity.type, covered(text, entity), entity.language) for entity in entities] == [
            ("pre", text, "python")
        ]


def test_a_draft_of_a_long_answer_shows_its_end() -> None:
    text, _ = render_draft("word " * 1000 + "end")
    assert text.endswith("end")
    assert units(text) <= LONGEST


@pytest.mark.parametrize("text", ["**", "[]()", "#", "> "])
def test_a_text_that_formats_to_nothing_is_shown_plain(text: str) -> None:
    assert render(outgoing(text))[0][0].strip()


BITS = [*"ab *_`~[]()#>-1.\n|<$😀é中。", "\n\n", "```", "**", "word ", "👨‍👩‍👧", "[1]"]
MARKDOWN = st.lists(st.sampled_from(BITS), max_size=80).map("".join)


@given(MARKDOWN, st.integers(1, 60))
@example("a" * 70, 59)
def test_parts_fit_and_nothing_gets_lost(text: str, times: int) -> None:
    parts = render(outgoing("x" + text * times, author=Author.NOTICE))
    assert all(0 < units(part) <= LONGEST for part, _ in parts)
    assert "".join("".join(part.split()) for part, _ in parts) == "".join(("x" + text * times).split())


@given(MARKDOWN, st.integers(1, 60))
def test_entities_stay_within_their_part(text: str, times: int) -> None:
    for part, entities in render(outgoing("x" + text * times, CITATION)):
        assert part == part.strip()
        assert units(part) <= LONGEST
        assert all(
            entity.length > 0 and 0 <= entity.offset <= entity.offset + entity.length <= units(part)
            for entity in entities
        )
