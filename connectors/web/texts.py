"""The texts of the web pages in six languages, and which of them a visitor reads."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "zh", "ru", "de", "es", "fr")
FALLBACK = "en"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of one of `LANGUAGES`, with {placeholders}."""
    source = files("connectors.web") / "texts" / f"{language}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


@cache
def texts_for(language: str, company: str) -> Mapping[str, str]:
    """The texts with the company's name in place."""
    return {key: text.replace("{company}", company) for key, text in catalogue(language).items()}


@cache
def language_names() -> Mapping[str, str]:
    """What each language calls itself."""
    return {language: catalogue(language)["name"] for language in LANGUAGES}


def choose_language(chosen: str, accepted: str) -> str:
    """The language that was chosen, or the first of an `Accept-Language` header that we have, by its weights."""
    if chosen in LANGUAGES:
        return chosen
    wanted = sorted(map(_weighed, accepted.split(",")), key=lambda pair: -pair[0])
    return next((code for weight, code in wanted if code in LANGUAGES and weight > 0), FALLBACK)


def _weighed(part: str) -> tuple[float, str]:
    """`de-AT;q=0.8` as (0.8, "de")."""
    tag, _, weight = part.partition(";")
    code = tag.strip().lower().partition("-")[0]
    try:
        return float(weight.strip().removeprefix("q=") or 1), code
    except ValueError:
        return 0.0, code
