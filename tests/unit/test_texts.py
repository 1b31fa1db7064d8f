import re
from string import Formatter

import pytest

from bot.texts import LANGUAGES, catalogue, language_name, text


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_has_the_same_sections_and_keys(language: str) -> None:
    for section in ("texts", "languages"):
        assert list(catalogue(language)[section]) == list(catalogue("en")[section])
    assert catalogue(language).keys() == catalogue("en").keys()
    assert catalogue(language)["small_talk"].keys() == catalogue("en")["small_talk"].keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_catalogue_has_the_same_placeholders(language: str) -> None:
    for key, template in catalogue("en")["texts"].items():
        assert placeholders(catalogue(language)["texts"][key]) == placeholders(template), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_frayed(language: str) -> None:
    for key, template in catalogue(language)["texts"].items():
        assert template == template.strip() != "", key
        assert "  " not in template, key


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_nothing_was_left_in_english(language: str) -> None:
    same = {key for key, value in catalogue("en")["texts"].items() if catalogue(language)["texts"][key] == value}
    assert same <= {"sources"}


def test_chinese_texts_use_full_width_punctuation() -> None:
    for key, template in catalogue("zh")["texts"].items():
        assert not re.search(r"[,.!?:;\"()]", template), key


def test_a_region_does_not_matter() -> None:
    assert text("sources", "zh-CN") == text("sources", "zh_Hans") == "来源"


@pytest.mark.parametrize("language", ["pt", "ja", ""])
def test_any_other_language_gets_english(language: str) -> None:
    assert text("clarify", language) == "Did you mean one of these?"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError, match="no_such_text"):
        text("no_such_text", "en")


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="language"):
        text("other_language_note", "en")


@pytest.mark.parametrize(
    ("language", "note"),
    [
        ("en", "I found this in our documents in German:"),
        ("zh", "我在德语资料中找到了以下内容："),
        ("ru", "Вот что нашлось в наших документах на другом языке (немецкий):"),
        ("de", "Das habe ich in unseren Unterlagen auf Deutsch gefunden:"),
        ("es", "He encontrado esto en nuestros documentos en alemán:"),
        ("fr", "J’ai trouvé ceci dans nos documents en allemand :"),
    ],
)
def test_the_language_of_the_documents_is_named_in_the_customers_language(language: str, note: str) -> None:
    assert text("other_language_note", language, language=language_name("de", language)) == note


def test_a_language_without_a_name_keeps_its_code() -> None:
    assert language_name("eo", "en") == "eo"
