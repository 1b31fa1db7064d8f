"""Which languages an answer may be written in: the question's, and any that the customer names."""

from functools import cache

from bot.domain import Question
from bot.texts import LANGUAGES, catalogue


def languages_wanted(question: Question) -> frozenset[str]:
    """The languages' two-letter codes; empty where the question's own can't be told."""
    if not question.language:
        return frozenset()
    folded = question.text.casefold()
    named = {code for name, code in _names().items() if name in folded}
    return frozenset({question.language} | named)


@cache
def _names() -> dict[str, str]:
    """What each language is called in each of ours; cut where endings change: `auf Englisch`, `по-английски`."""
    names = {name.casefold(): code for language in LANGUAGES for code, name in catalogue(language)["languages"].items()}
    return {name.removesuffix("ий") if name.endswith("ский") else name: code for name, code in names.items()}
