"""Nothing that others wrote acts in Slack; what staff wrote reads like words outside of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.slack.text import LONGEST_TEXT, escape, literal, markdown, mentioned, pieces, plain, without_mention

ATTACKS = (
    "<!channel> look",
    "<!here|here>",
    "<@U123ABC> hi",
    "<https://evil.example|your bank>",
    "<!subteam^S123>",
    "a & b <b>bold</b>",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_escaped_text_has_nothing_to_parse(attack: str) -> None:
    assert "<" not in escape(attack)
    assert ">" not in escape(attack)


@pytest.mark.parametrize("attack", ATTACKS)
def test_customers_words_are_text_elements_which_slack_does_not_parse(attack: str) -> None:
    [block] = literal(attack)
    assert block == {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": attack}]}],
    }


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_bots_markdown_holds_no_slack_markup(attack: str) -> None:
    assert "<" not in json.dumps(markdown(attack))


@given(st.text())
def test_whatever_is_written_comes_back_the_same(text: str) -> None:
    said = escape(text)
    for sign in "*_~:":
        text, said = text.replace(sign, ""), said.replace(sign, "")
    assert plain(said) == text.strip()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Hello <@U1> and <@U2|bob>", "Hello @Mia and @bob"),
        ("see <https://acme.example/a_b_c>", "see https://acme.example/a_b_c"),
        ("see <https://acme.example|our page>", "see our page (https://acme.example)"),
        ("<mailto:help@acme.example|help@acme.example>", "help@acme.example"),
        ("in <#C1|support>, <!here>", "in #support, @here"),
        ("*bold* _slanted_ ~gone~ and 2*3*4, snake_case_name", "bold slanted gone and 2*3*4, snake_case_name"),
        ("5 &lt; 6 &amp;&amp; 7 &gt; 6", "5 < 6 && 7 > 6"),
        ("&amp;lt;", "&lt;"),
        ("", ""),
    ],
)
def test_slacks_markup_is_written_out(written: str, read: str) -> None:
    assert plain(written, names={"U1": "Mia"}) == read


def test_emoji_are_letters() -> None:
    emoji = [
        {"type": "emoji", "name": "wave", "unicode": "1f44b"},
        {"type": "emoji", "name": "flag-de", "unicode": "1f1e9-1f1ea"},
    ]
    blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": emoji}]}]
    assert plain(":wave: from :flag-de: :acme_logo:", blocks) == "👋 from 🇩🇪 :acme_logo:"


def test_who_is_mentioned() -> None:
    assert mentioned("<@U1> ask <@U2|bob>, not <#C1|general>") == {"U1", "U2"}
    assert without_mention("<@U0BOT>: how long?", "U0BOT") == "how long?"


@given(st.text(min_size=1, max_size=12_000))
def test_long_texts_are_cut_into_blocks_that_slack_takes(text: str) -> None:
    assert all(0 < len(part) <= LONGEST_TEXT for part in pieces(text))


def test_pieces_lose_no_word() -> None:
    words = [f"word{number}" for number in range(3_000)]
    assert " ".join(pieces(" ".join(words))).split() == words


def test_what_is_endless_is_cut_with_a_word() -> None:
    *_, last = pieces("x" * 100_000)
    assert last.endswith("shows all of it)")
