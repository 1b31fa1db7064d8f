"""The texts of the web pages."""

import re

import pytest

from connectors.web.texts import LANGUAGES, catalogue, choose_language, texts_for


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text(language: str) -> None:
    assert catalogue(language).keys() == catalogue("en").keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_placeholders(language: str) -> None:
    english = {key: placeholders(text) for key, text in catalogue("en").items()}
    assert {key: placeholders(text) for key, text in catalogue(language).items()} == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty(language: str) -> None:
    assert all(text.strip() for text in catalogue(language).values())


def test_the_company_is_named() -> None:
    assert texts_for("en", "Halden Bikes")["title"] == "Halden Bikes help"


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "en;q=0.5, zh-CN", "zh"),
        ("", "nl,fr;q=0.3", "fr"),
        ("", "fr;q=0", "en"),
        ("", "*;q=;=, ru;q=nonsense", "en"),
        ("es", "de", "es"),
        ("xx", "de", "de"),
    ],
)
def test_the_language_is_the_chosen_or_the_best_accepted(chosen: str, accepted: str, language: str) -> None:
    assert choose_language(chosen, accepted) == language
