"""Words without their endings, so that `returns` is found by `return` (Snowball; English, German, Spanish, ...)."""

import functools

import snowballstemmer

ALGORITHMS = {"de": "german", "en": "english", "es": "spanish", "fr": "french", "ru": "russian"}
"""By language; words of any other one stay as they are."""


@functools.lru_cache(maxsize=200_000)
def stem(word: str, language: str) -> str:
    """The stem of a word in lower case; what isn't made of letters alone is none, and stays."""
    if language not in ALGORITHMS or not word.isalpha():
        return word
    stemmed: str = snowballstemmer.stemmer(ALGORITHMS[language]).stemWord(word)  # keeps state: one for each call
    return stemmed
