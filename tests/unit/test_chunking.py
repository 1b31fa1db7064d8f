"""Entries stay whole; prose is cut at sentences, with nothing lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunking import AIM, MOST, TINY, passages_of, sentences
from retrieval.passages import Entry, Location, ParsedDocument, Passage, Prose


def count(text: str) -> int:
    """A token a word, or a Chinese character."""
    return len(re.findall(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+", text))


def chunked(*blocks: Entry | Prose) -> list[Passage]:
    return passages_of(ParsedDocument("Title", blocks, language="en", url="https://shop.example"), "doc", count)


def letters(text: str) -> str:
    return "".join(text.split())


SENTENCE = "The parcel arrives within three working days after the order. "


def test_a_passage_has_all_that_is_known_about_it() -> None:
    place = Location("Returns", page=3)
    assert chunked(Prose("Thirty days.", place)) == [
        Passage("doc#0", "doc", 0, "Title", "Thirty days.", "", place, "en", "https://shop.example")
    ]


def test_an_entry_is_one_passage() -> None:
    [passage] = chunked(Entry("How long?", "Thirty days.", Location(row=2)))
    assert (passage.question, passage.text, passage.location, passage.is_entry) == (
        "How long?",
        "Thirty days.",
        Location(row=2),
        True,
    )


def test_a_long_entry_is_never_split() -> None:
    [passage] = chunked(Entry("How long?", SENTENCE * 100))
    assert count(passage.text) > 3 * MOST


def test_positions_count_from_zero() -> None:
    passages = chunked(Prose("One."), Entry("Two?", "Two."), Prose("Three."))
    assert [(passage.id, passage.position) for passage in passages] == [("doc#0", 0), ("doc#1", 1), ("doc#2", 2)]


def test_long_prose_is_cut_at_sentences() -> None:
    passages = chunked(Prose(SENTENCE * 100))
    assert len(passages) > 5
    assert all(passage.text.endswith("order.") and TINY <= count(passage.text) <= AIM for passage in passages[:-1])


def test_the_last_passage_is_not_tiny() -> None:
    for number in range(15, 60):
        assert count(chunked(Prose(SENTENCE * number))[-1].text) >= TINY


def test_chinese_prose_is_cut_at_its_sentences() -> None:
    passages = chunked(Prose("您可以在三十天内退货，运费由我们承担。请保留好原来的包装和发票！" * 20))
    assert len(passages) > 2
    assert all(passage.text.endswith(("。", "！")) for passage in passages)


@pytest.mark.parametrize(
    "monster", ["word " * 2000, "字" * 2000, "x" * 20_000], ids=["words", "characters", "one word"]
)
def test_a_monstrous_sentence_is_cut(monster: str) -> None:
    passages = passages_of(ParsedDocument("", [Prose(monster)]), "doc", lambda text: -(-len(text) // 4))
    assert all(-(-len(passage.text) // 4) <= MOST for passage in passages)
    assert letters("".join(passage.text for passage in passages)) == letters(monster)


def test_a_monstrous_sentence_is_cut_between_words() -> None:
    assert all(set(passage.text.split()) == {"word"} for passage in chunked(Prose("word " * 2000)))


def test_each_page_keeps_its_passages() -> None:
    pages = [Prose(SENTENCE * 5, Location(page=page)) for page in (1, 2, 3)]
    assert [passage.location.page for passage in chunked(*pages)] == [1, 2, 3]


def test_a_tiny_neighbour_under_the_same_heading_is_joined() -> None:
    [passage] = chunked(Prose(SENTENCE * 5, Location("A", page=1)), Prose("Bye.", Location("A", page=2)))
    assert passage.text.endswith("order.\n\nBye.")
    assert passage.location == Location("A", page=1)


def test_a_tiny_neighbour_under_another_heading_stays_alone() -> None:
    assert len(chunked(Prose("One.", Location("A")), Prose("Two.", Location("B")))) == 2


def test_the_rows_of_a_table_stay_apart() -> None:
    assert len(chunked(Prose("EU: 5", Location(row=2)), Prose("US: 9", Location(row=3)))) == 2


def test_an_entry_parts_its_neighbours() -> None:
    assert [passage.text for passage in chunked(Prose("One."), Entry("Q?", "A."), Prose("Two."))] == [
        "One.",
        "A.",
        "Two.",
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four… Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ("一。二！三？四", ["一。", "二！", "三？", "四"]),
        ("He said “stop.” Then he left.", ["He said “stop.”", "Then he left."]),
        ("Other fees, e.g. Customs, may apply. Ask us.", ["Other fees, e.g. Customs, may apply.", "Ask us."]),
        ("Wir liefern z.B. Bücher oder z. B. Hefte. Gern.", ["Wir liefern z.B. Bücher oder z. B. Hefte.", "Gern."]),
        ("Цены, т.е. Суммы, без налога. Да.", ["Цены, т.е. Суммы, без налога.", "Да."]),
        ("Dr. Smith met Mr. J. Doe. They talked.", ["Dr. Smith met Mr. J. Doe.", "They talked."]),
        ("Am 3. Mai geschlossen. Danach offen.", ["Am 3. Mai geschlossen.", "Danach offen."]),
        ("It costs 4.99 euros. See shop.example for more.", ["It costs 4.99 euros.", "See shop.example for more."]),
        ("It weighs approx. five kilos.", ["It weighs approx. five kilos."]),
        ("First line\nSecond line", ["First line", "Second line"]),
        ("¿Cuánto cuesta? Nada. ¡Gracias!", ["¿Cuánto cuesta?", "Nada.", "¡Gracias!"]),
    ],
)
def test_sentences_end_where_they_end(text: str, parts: list[str]) -> None:
    assert [part.strip() for part in sentences(text)] == parts


@given(st.text())
def test_the_sentences_together_are_the_text(text: str) -> None:
    assert "".join(sentences(text)) == text


WORDS = st.text(alphabet="abcXYZäж天。.!?-,", min_size=1, max_size=12)
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "\n", "\n\n", "  "])), max_size=600).map(
    lambda pairs: "".join(word + space for word, space in pairs)
)
PLACES = st.builds(Location, heading=st.sampled_from(["", "A", "B"]), page=st.sampled_from([None, 1, 2]))


@given(st.lists(st.builds(Prose, TEXTS, PLACES), max_size=4))
def test_the_words_of_the_prose_all_appear_in_order(blocks: list[Prose]) -> None:
    expected = [word for block in blocks for word in block.text.split()]
    found = [word for passage in chunked(*blocks) for word in passage.text.split()]
    assert letters("".join(found)) == letters("".join(expected))
    if all(count(word) <= MOST for word in expected) and not any("。" in word for word in expected):
        assert found == expected


@given(st.lists(st.builds(Prose, TEXTS, PLACES), max_size=4))
def test_no_passage_of_prose_is_empty_or_too_long(blocks: list[Prose]) -> None:
    assert all(0 < count(passage.text) <= MOST for passage in chunked(*blocks))


def test_the_tokens_of_a_large_text_are_counted_about_once() -> None:
    counted = 0

    def counting(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return count(text)

    text = SENTENCE * 20_000 + "word " * 20_000
    passages_of(ParsedDocument("", [Prose(text)]), "doc", counting)
    assert counted <= 3 * len(text)
