"""The fixed texts customers see, in six languages: a TOML catalogue for each, beside this module."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "zh", "ru", "de", "es", "fr")
FALLBACK = "en"


@cache
def catalogue(language: str) -> dict[str, Any]:
    """Everything the catalogue of one of `LANGUAGES` holds."""
    source = files("bot") / "catalogues" / f"{language}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


def text(key: str, language: str, /, **values: str) -> str:
    """The text in that language; in English where it isn't one of ours.

    Raises KeyError for an unknown key, and for a placeholder without its value.
    """
    template: str = catalogue(_known(language))["texts"][key]
    return template.format_map(values)


def language_name(code: str, in_language: str) -> str:
    """What a language is called in another: `language_name("de", "fr")` is `allemand`.

    A code that the catalogue has no name for stays as it is.
    """
    names: dict[str, str] = catalogue(_known(in_language))["languages"]
    return names.get(_primary(code), code)


def _known(language: str) -> str:
    primary = _primary(language)
    return primary if primary in LANGUAGES else FALLBACK


def _primary(code: str) -> str:
    """The language of a tag: `zh` for `zh-CN` and `ZH_Hans`."""
    return code.replace("_", "-").partition("-")[0].lower()
