"""Where the sentences of a text end, read a character at a time: it may be a model's stream.

Where that can't be told, the sentence goes on: half a sentence must not be judged, or shown, by itself. Citation
markers behind a sentence belong to it.
"""

import re

STRONG = frozenset("。！？｡")
WEAK = frozenset(".!?…؟")
_CLOSERS = frozenset("\"'”’»›)）」』》*_`")
_OPENING = frozenset("[［【")
_CLOSING = frozenset("]］】")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")

_LONGEST_MARKER = 40
_BETWEEN = r"(?:\s{0,2}(?:[,;、，–-]|and|und|et|y|и|和)\s{0,2}|\s{1,2})"
_NUMBERS = rf"\^?#?\d{{1,3}}(?:{_BETWEEN}\^?#?\d{{1,3}})*"
_NAMES = r"(?:passages?|sources?|documents?|docs?|refs?|quellen?|fuentes?|источник|来源|段落)?"
MARKER = rf"[\[［【]\s{{0,2}}{_NAMES}\s{{0,2}}{_NUMBERS}\s{{0,2}}(?:†[^\[\]【】［］]{{0,30}})?[\]］】]"
ONE_MARKER = re.compile(MARKER, re.IGNORECASE)
_LAST_WORD = re.compile(r"[^\s(\[\"„“«]+$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]|\d{1,2}")
_ABBREVIATIONS = frozenset(
    # English, German
    "approx co corp dept dr est etc excl ext fig inc incl jr ltd max min mr mrs ms mt prof sr st tel vs "
    "abs bd bzgl bzw ca evtl exkl frl ggf hr inkl mind nr sog std str tägl usw vgl zzgl "
    # Spanish, French, Russian
    "av avda núm pág sra srta tél uds env mlle mme г гг гл др им млн млрд обл пр рис руб см стр тел тыс ул".split(" ")
)
_BEFORE_A_NUMBER = frozenset({"art", "cf", "fig", "no", "nos", "n", "núm", "p", "pp", "sec", "vol", "п", "ст"})


def split_sentences(text: str) -> list[str]:
    """Cut a text as the machine would, without looking for markers."""
    splitter = Splitter()
    for char in text:
        splitter.push(char)
    splitter.finish()
    return [piece.strip() for piece in splitter.take()]


class Splitter:
    """Cuts a text into sentences: it is within one, or behind what may be its end, or in a bracket behind that."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._chars: list[str] = []
        self._last = ""
        """The last character that is no white space; empty at the start of a sentence."""
        self._stop = 0
        """Where the marks begin that may end the sentence."""
        self._end = 0
        """Where they end, the citation markers behind them included; 0 within a sentence."""
        self._strong = False
        """Whether the mark can only be an end."""
        self._cites = False
        """Whether a citation marker stands behind the mark: then it is no abbreviation's."""
        self._bracket: list[str] = []
        """What was read of a bracket behind the mark."""

    def take(self) -> list[str]:
        """Return the sentences that are whole, white space before them included, and forget them."""
        done, self._done = self._done, []
        return done

    def finish(self) -> None:
        """The text is at its end."""
        if self._bracket:
            self._reread_bracket()
        if self._last:
            self._cut(len(self._chars))

    def push(self, char: str) -> None:
        """Read one character."""
        if self._bracket:
            self._within_bracket(char)
        elif self._end:
            self._behind_end(char)
        else:
            self._within_sentence(char)

    def _within_sentence(self, char: str) -> None:
        if char == "\n" and self._last and self._last not in ":：":
            self._cut(len(self._chars))
        self._chars.append(char)
        if char in STRONG or (char in WEAK and self._last):
            self._stop = len(self._chars) - 1
            self._end = len(self._chars)
            self._strong = char in STRONG
        if not char.isspace():
            self._last = char

    def _behind_end(self, char: str) -> None:
        adjacent = len(self._chars) == self._end
        if char in _OPENING:
            self._bracket = [char]
        elif char.isspace() and char != "\n":
            self._chars.append(char)
        elif adjacent and (char in _CLOSERS or char in STRONG or char in WEAK):
            self._chars.append(char)
            self._end += 1
            self._strong = self._strong or char in STRONG
        else:
            self._decide(char)
            self._within_sentence(char)

    def _within_bracket(self, char: str) -> None:
        self._bracket.append(char)
        if char in _CLOSING and ONE_MARKER.fullmatch("".join(self._bracket)):
            self._chars += self._bracket
            self._bracket = []
            self._end = len(self._chars)
            self._cites = True
        elif len(self._bracket) > _LONGEST_MARKER or not (char.isalnum() or char in " ^#,;、，–-†"):
            self._reread_bracket()

    def _reread_bracket(self) -> None:
        """What the bracket holds is no marker, but text of this sentence or of the next."""
        (opening, *rest), self._bracket = self._bracket, []
        self._decide(opening)
        self._within_sentence(opening)
        for char in rest:
            self.push(char)

    def _decide(self, following: str) -> None:
        """Cut at the possible end, or forget it."""
        if following == "\n" or self._strong or self._ends_before(following):
            self._cut(self._end)
        self._end = 0
        self._cites = False

    def _ends_before(self, following: str) -> bool:
        chinese = bool(_CJK.match(self._chars[self._stop - 1]))
        if len(self._chars) == self._end and not self._cites:
            return chinese and bool(_CJK.match(following))
        if following.islower():
            return False
        if self._cites or chinese or self._chars[self._stop] != ".":
            return True
        word = _LAST_WORD.search("".join(self._chars[max(0, self._stop - 24) : self._stop]))
        if word is None:
            return True
        known = word[0].lower() in _ABBREVIATIONS or (word[0].lower() in _BEFORE_A_NUMBER and following.isdigit())
        return not known and not _INITIALS.fullmatch(word[0])

    def _cut(self, end: int) -> None:
        self._done.append("".join(self._chars[:end]))
        del self._chars[:end]
        self._last = ""
        self._end = 0
        self._cites = False
