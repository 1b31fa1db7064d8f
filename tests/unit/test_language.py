import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long does the delivery take?", "en"),
        ("你们周末开门吗？", "zh"),
        ("Сколько стоит доставка велосипеда?", "ru"),
        ("Was kostet eine Inspektion?", "de"),
        ("¿Cuánto cuesta alquilar una bicicleta?", "es"),
        ("Combien coûte la livraison d'un vélo ?", "fr"),
        ("返品の期限はいつですか。", "ja"),
        ("HOW LONG DOES THE DELIVERY TAKE?", "en"),
    ],
)
def test_a_sentence_is_in_its_language(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "   ", "E-07", "12345", "🚲🚲🚲", "\0"])
def test_what_is_in_no_language_takes_the_default(text: str) -> None:
    assert detect_language(text, default="de") == "de"


def test_without_a_default_it_stays_open() -> None:
    assert detect_language("E-07") == ""


def test_lines_count_as_one_text() -> None:
    assert detect_language("Wie lange\ndauert\r\n\r\ndie Lieferung nach Hamburg?") == "de"


def test_cantonese_counts_as_chinese() -> None:
    assert detect_language("你哋幾點開門呀？我想買架單車，唔知有冇現貨。") == "zh"


def test_the_beginning_of_a_long_text_decides() -> None:
    assert detect_language("Where is my order? " * 50 + "Где мой заказ? " * 10_000) == "en"


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200))
def test_any_text_has_a_code_or_none(text: str) -> None:
    assert detect_language(text, default="xx").isalpha()


@pytest.mark.parametrize("question", ["保修期是多久?", "保修期", "多久", "退货"])
def test_a_short_chinese_question_is_not_taken_for_japanese(question: str) -> None:
    assert detect_language(question) == "zh"


def test_japanese_is_told_by_its_kana() -> None:
    assert detect_language("返品できますか") == "ja"
