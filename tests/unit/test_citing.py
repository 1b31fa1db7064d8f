import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.citing import CitationMachine, Cited, Numbering
from bot.verification.sentences import split_sentences


def cite(text: str, passages: int = 3, step: int = 10_000) -> list[Cited]:
    machine = CitationMachine(passages)
    sentences = [each for start in range(0, len(text), step) for each in machine.feed(text[start : start + step])]
    return sentences + machine.finish()


def shown(text: str, passages: int = 3) -> str:
    numbering = Numbering()
    return "".join(numbering.show(sentence) for sentence in cite(text, passages))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One here. Two there.", ["One here.", "Two there."]),
        ("Really? Yes! Good.", ["Really?", "Yes!", "Good."]),
        ("可以退货。请保留收据！好吗？好", ["可以退货。", "请保留收据！", "好吗？", "好"]),
        ("他说：“可以。”然后走了。", ["他说：“可以。”", "然后走了。"]),
        ("您好!请稍等.谢谢", ["您好!", "请稍等.", "谢谢"]),
        ("It costs 3.50 euros. Pay at once.", ["It costs 3.50 euros.", "Pay at once."]),
        ("See https://example.com/a?b=1.2&c. Then write.", ["See https://example.com/a?b=1.2&c.", "Then write."]),
        ("Write to help@example.com. We answer.", ["Write to help@example.com.", "We answer."]),
        ("Ask Dr. Smith, e.g. Tuesdays. He knows.", ["Ask Dr. Smith, e.g. Tuesdays.", "He knows."]),
        (
            "Das gilt z. B. Montags ab dem 1. März. Danach nicht.",
            ["Das gilt z. B. Montags ab dem 1. März.", "Danach nicht."],
        ),
        ("Стоит 5 тыс. Рублей. Это всё.", ["Стоит 5 тыс. Рублей.", "Это всё."]),
        ("Mira el art. 5 de la ley. Es claro.", ["Mira el art. 5 de la ley.", "Es claro."]),
        ("Is the answer no. 5 or 6? Six.", ["Is the answer no. 5 or 6?", "Six."]),
        ("Wait... what? Fine.", ["Wait... what?", "Fine."]),
        ("- one\n- two\n\nThree", ["- one", "- two", "Three"]),
        ("1. Open it.\n2. Close it.", ["1. Open it.", "2. Close it."]),
        ("You can pay by:\n- card\n- cash", ["You can pay by:\n- card", "- cash"]),
        ('She said "Yes." Then left.', ['She said "Yes."', "Then left."]),
        ("Use array[i]. [Optional] Save it.", ["Use array[i].", "[Optional] Save it."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_a_text_is_cut_into_whole_sentences(text, sentences):
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    "text",
    [
        "Open now [1]. Closed later [2].",
        "Open now. [1] Closed later. [2]",
        "Open now.[1] Closed later.[2]",
        "Open now【1】. Closed later【2†source】.",
        "Open now [^1]. Closed later [^2].",
        "Open now [Passage 1]. Closed later [source 2].",
        "Open now ［１］. Closed later [ 2 ].",
        "Open now [1]\nClosed later [2]",
    ],
)
def test_markers_of_many_shapes_go_with_their_sentence(text):
    assert [sentence.sources for sentence in cite(text)] == [(1,), (2,)]


@pytest.mark.parametrize(
    "marker",
    ["[1][2]", "[1] [2]", "[1, 2]", "[1,2]", "[1; 2]", "[1-2]", "[1–2]", "[1 and 2]", "【1】【2】", "[^1, ^2]"],
)
def test_several_sources_are_cited_in_one_shape(marker):
    assert cite(f"Open now {marker}.")[0].text == "Open now [1][2]."


def test_chinese_sentences_take_the_marker_behind_the_full_stop():
    assert [(each.plain, each.sources) for each in cite("周一开门。[1]周日关门[2]。")] == [
        ("周一开门。", (1,)),
        ("周日关门。", (2,)),
    ]


def test_a_marker_of_no_passage_is_dropped():
    assert cite("Open now [9]. Closed [0] later [2].") == [
        Cited("", "Open now.", ()),
        Cited(" ", "Closed later [2].", (2,)),
    ]


def test_a_source_cited_twice_in_a_sentence_counts_once():
    assert cite("Open [2] now [2][1].")[0].sources == (2, 1)


def test_a_year_in_brackets_is_no_marker():
    assert cite("Open since then [2024].")[0].text == "Open since then [2024]."


def test_markers_alone_are_no_sentence():
    assert cite("[1]\n\n[2] [3]") == []


def test_numbers_follow_the_order_of_first_use():
    assert shown("Open [3]. Closed [1]. Open again [3][2].") == "Open [1]. Closed [2]. Open again [1][3]."


def test_a_sentence_that_is_not_shown_uses_no_number():
    numbering = Numbering()
    _, kept = cite("Open [3]. Closed [1].")
    assert (numbering.show(kept), numbering.sources) == (" Closed [1].", (1,))


def test_the_shape_of_paragraphs_and_lists_is_kept():
    assert shown("Open [1].\n\n- Monday [2]\n- Tuesday [2]") == "Open [1].\n\n- Monday [2]\n- Tuesday [2]"


def test_a_sentence_comes_out_as_soon_as_the_next_one_begins():
    machine = CitationMachine(1)
    assert machine.feed("Open now [1]. ") == []
    assert [each.text for each in machine.feed("C")] == ["Open now [1]."]


def test_half_a_marker_holds_its_sentence_back():
    machine = CitationMachine(12)
    assert machine.feed("Open now. [1") == []
    assert [each.sources for each in machine.feed("2] Closed.")] == [(12,)]


texts = st.text(st.sampled_from('aB3 .!?。！\n[]【】^,-:*"”1 2中文z．（'), max_size=60) | st.lists(
    st.sampled_from(
        ["Open ", "[1]", "[1, 2]", ". ", "。", "z. B. ", "3.5 ", "\n", "[x", "【2】", "Dr. ", "at ", "中", "[", "2"]
    ),
    max_size=20,
).map("".join)


@given(texts, st.lists(st.integers(1, 5), max_size=60))
def test_how_a_text_is_cut_into_deltas_does_not_matter(text, sizes):
    machine, sentences, start = CitationMachine(3), [], 0
    for size in sizes:
        sentences += machine.feed(text[start : start + size])
        start += size
    sentences += machine.feed(text[start:])
    assert sentences + machine.finish() == cite(text)


@given(texts)
def test_no_text_is_lost_but_white_space(text):
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@given(texts)
def test_only_passages_of_the_prompt_are_cited(text):
    assert all(1 <= source <= 3 for sentence in cite(text) for source in sentence.sources)


@given(texts)
def test_shown_numbers_are_one_to_n_in_order(text):
    numbering = Numbering()
    seen = [int(number) for sentence in cite(text) for number in re.findall(r"\[(\d{1,3})\]", numbering.show(sentence))]
    assert list(dict.fromkeys(seen)) == list(range(1, len(numbering.sources) + 1))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        ". [" * 20_000,
        "a:\n" * 20_000,
        "a.\n" + "\n" * 50_000,
        ". " * 20_000,
        "[1" * 20_000,
        "a" + " " * 50_000 + "b",
    ],
)
def test_a_hostile_text_is_read_in_linear_steps(text):
    assert len("".join(each.lead + each.text for each in cite(text))) <= len(text)
