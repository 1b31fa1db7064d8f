"""Putting lines that a layout broke back together."""

import re
from collections.abc import Sequence

CJK = r"\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60"
"""Characters between which no space is written (a part of a regular expression's class)."""

MARKER = re.compile(r"^\s*(?:[-*•◦‣▪●○–—·]\s+|\(?\d{1,3}[.)]\s+|\(?[a-zA-Z][.)]\s+|[□☐☑✓✔➢►])")
"""What starts an item of a list."""

_CJK_END = re.compile(rf"[{CJK}]$")
_CJK_START = re.compile(rf"^[{CJK}]")
_TO_BE_CONTINUED = re.compile(r"[^\W_][-/]$|://$")
_CONJUNCTION = re.compile(r"(?:und|oder|bzw|and|or|to|y|o|et|ou|и|или)\b", re.IGNORECASE)
_LIGATURES = {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"}
_INVISIBLE = dict.fromkeys("\x00\x02\u00ad\u200b\u2060\ufeff\ufffe")
"""Among them the marks that PDFium leaves where a layout hyphenated a word."""

_PLAIN = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2007": " ", **_LIGATURES, **_INVISIBLE})

CHAPTER = re.compile(
    r"(?:chapter|part|appendix|kapitel|teil|anhang|глава|часть|приложение|chapitre|annexe|capítulo|apéndice)\s+\w{1,5}\b\.?"
    r"|第\s?[\d一二三四五六七八九十百]+\s?[章节部]",
    re.IGNORECASE,
)
"""How the heading of a chapter starts."""


def tidy(text: str) -> str:
    """One line: white space collapsed, ligatures and invisible characters made plain."""
    return " ".join(text.translate(_PLAIN).split())


def joined(first: str, second: str) -> str:
    """Two lines of a paragraph as one; no space within Chinese or Japanese, nor where a compound or link was broken."""
    if not first or not second:
        return first or second
    broken = _TO_BE_CONTINUED.search(first) or (first.endswith(":") and second.startswith("//"))
    if broken and not _CONJUNCTION.match(second):
        return first + second
    if _CJK_END.search(first) and _CJK_START.search(second):
        return first + second
    return f"{first} {second}"


def unwrapped(lines: Sequence[str]) -> str:
    """The lines of one paragraph with the breaks of its wrapping undone; lists, addresses and verses keep theirs.

    A line counts as wrapped when it is nearly as long as the longest: the next word would not have fitted.
    """
    width = max((len(line.rstrip()) for line in lines), default=0)
    paragraphs: list[str] = []
    previous = ""
    for line in lines:
        stripped = " ".join(line.split())
        first_word = stripped.split(" ", 1)[0]
        was_wrapped = width >= 30 and len(previous) + 1 + len(first_word) >= width * 0.92
        if (
            paragraphs
            and (was_wrapped or (_CJK_END.search(previous) and len(previous) > width * 0.7))
            and not MARKER.match(line)
        ):
            paragraphs[-1] = joined(paragraphs[-1], stripped)
        else:
            paragraphs.append(stripped)
        previous = line.rstrip()
    return "\n".join(paragraphs)
