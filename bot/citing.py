"""The citation machine: a model's stream of text goes in, whole sentences with the passages they cite come out.

It reads a character at a time, so how a text is cut into deltas cannot matter, and the time it takes is linear. Where
it can't tell whether a sentence ends, it goes on: half a sentence must not be judged, or shown, by itself.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

_STRONG = frozenset("。！？｡")
_WEAK = frozenset(".!?…؟")
_CLOSERS = frozenset("\"'”’»›)）」』》*_`")
_OPENING = frozenset("[［【")
_CLOSING = frozenset("]］】")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")

_LONGEST_MARKER = 40
_BETWEEN = r"(?:\s{0,2}(?:[,;、，–-]|and|und|et|y|и|和)\s{0,2}|\s{1,2})"
_NUMBERS = rf"\^?#?\d{{1,3}}(?:{_BETWEEN}\^?#?\d{{1,3}})*"
_NAMES = r"(?:passages?|sources?|documents?|docs?|refs?|quellen?|fuentes?|источник|来源|段落)?"
_MARKER = rf"[\[［【]\s{{0,2}}{_NAMES}\s{{0,2}}{_NUMBERS}\s{{0,2}}(?:†[^\[\]【】［］]{{0,30}})?[\]］】]"
_ONE_MARKER = re.compile(_MARKER, re.IGNORECASE)
_MARKERS = re.compile(rf"[ \t]{{0,2}}{_MARKER}(?:[ \t]{{0,2}}{_MARKER})*", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,3})(?:\s{0,2}[–-]\s{0,2}\^?#?(\d{1,3}))?")
_RESOLVED = re.compile(r"\[(\d{1,3})\]")

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


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence as a model wrote it, its markers resolved."""

    lead: str
    """The white space before it, so that paragraphs and lists keep their shape."""
    text: str
    """Each marker as `[n]`, n counting the passages of the prompt from 1; markers of no passage are gone."""
    sources: tuple[int, ...]
    """The passages it cites, each once, in the order of the markers."""

    @property
    def plain(self) -> str:
        """The sentence without markers."""
        return re.sub(r" ?\[\d{1,3}\]", "", self.text).strip()

    def citing(self, sources: Collection[int]) -> "Cited":
        """The sentence with the markers of these passages only."""

        def kept(markers: re.Match[str]) -> str:
            numbers = [int(number) for number in re.findall(r"\d+", markers[2]) if int(number) in sources]
            return markers[1] + "".join(f"[{number}]" for number in numbers) if numbers else ""

        text = re.sub(r"( ?)((?:\[\d{1,3}\])+)", kept, self.text)
        return replace(self, text=text.strip(), sources=tuple(source for source in self.sources if source in sources))

    def saying(self, words: str) -> "Cited":
        """Other words in place of its own, with the same markers behind them."""
        end = words[-1:] if words[-1:] in _STRONG | _WEAK else ""
        markers = "".join(f"[{source}]" for source in self.sources)
        return replace(self, text=f"{words.removesuffix(end)} {markers}{end}")


class CitationMachine:
    """Turns the deltas of an answer into cited sentences; `passages` is how many the prompt held."""

    def __init__(self, passages: int) -> None:
        self._passages = passages
        self._splitter = _Splitter()

    def feed(self, delta: str) -> list[Cited]:
        """Take in a piece of text; return the sentences that are certain to be whole by now."""
        for char in delta:
            self._splitter.push(char)
        return self._cited()

    def finish(self) -> list[Cited]:
        """Return what is left at the end of the text."""
        self._splitter.finish()
        return self._cited()

    def _cited(self) -> list[Cited]:
        sentences = (self._resolve(piece) for piece in self._splitter.take())
        return [sentence for sentence in sentences if re.search(r"\w", sentence.plain)]

    def _resolve(self, piece: str) -> Cited:
        sources: dict[int, None] = {}

        def resolve(match: re.Match[str]) -> str:
            known = dict.fromkeys(number for number in _numbers(match[0]) if 1 <= number <= self._passages)
            sources.update(known)
            space = match[0][: len(match[0]) - len(match[0].lstrip(" \t"))]
            return space + "".join(f"[{number}]" for number in known) if known else ""

        text = _MARKERS.sub(resolve, piece.rstrip())
        stripped = text.lstrip()
        return Cited(text[: len(text) - len(stripped)], stripped, tuple(sources))


class Numbering:
    """Numbers the passages that an answer cites from 1, in order of first use."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    @property
    def sources(self) -> tuple[int, ...]:
        """The prompt's number of each passage cited so far; the first is the answer's `[1]`."""
        return tuple(self._numbers)

    def show(self, sentence: Cited) -> str:
        """Return the sentence, its lead before it, with the answer's own numbers."""
        for source in sentence.sources:
            self._numbers.setdefault(source, len(self._numbers) + 1)
        return sentence.lead + _RESOLVED.sub(lambda match: f"[{self._numbers[int(match[1])]}]", sentence.text)


def split_sentences(text: str) -> list[str]:
    """Cut a text as the machine would, without looking for markers."""
    splitter = _Splitter()
    for char in text:
        splitter.push(char)
    splitter.finish()
    return [piece.strip() for piece in splitter.take()]


def _numbers(markers: str) -> list[int]:
    numbers: list[int] = []
    for first, last in _RANGE.findall(re.sub(r"†[^\]】］]*", "", markers)):
        numbers.extend(range(int(first), int(last) + 1) if last else (int(first),))
    return numbers


class _Splitter:
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
        if char in _STRONG or (char in _WEAK and self._last):
            self._stop = len(self._chars) - 1
            self._end = len(self._chars)
            self._strong = char in _STRONG
        if not char.isspace():
            self._last = char

    def _behind_end(self, char: str) -> None:
        adjacent = len(self._chars) == self._end
        if char in _OPENING:
            self._bracket = [char]
        elif char.isspace() and char != "\n":
            self._chars.append(char)
        elif adjacent and (char in _CLOSERS or char in _STRONG or char in _WEAK):
            self._chars.append(char)
            self._end += 1
            self._strong = self._strong or char in _STRONG
        else:
            self._decide(char)
            self._within_sentence(char)

    def _within_bracket(self, char: str) -> None:
        self._bracket.append(char)
        if char in _CLOSING and _ONE_MARKER.fullmatch("".join(self._bracket)):
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
