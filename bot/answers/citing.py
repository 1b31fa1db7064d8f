"""The citation machine: a model's stream of text goes in, whole sentences with the passages they cite come out.

It reads a character at a time, so how a text is cut into deltas cannot matter, and the time it takes is linear.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from bot.verification.sentences import MARKER, STRONG, WEAK, Splitter

_MARKERS = re.compile(rf"[ \t]{{0,2}}{MARKER}(?:[ \t]{{0,2}}{MARKER})*", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,3})(?:\s{0,2}[–-]\s{0,2}\^?#?(\d{1,3}))?")
_RESOLVED = re.compile(r"\[(\d{1,3})\]")


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
        end = words[-1:] if words[-1:] in STRONG | WEAK else ""
        markers = "".join(f"[{source}]" for source in self.sources)
        return replace(self, text=f"{words.removesuffix(end)} {markers}{end}")


class CitationMachine:
    """Turns the deltas of an answer into cited sentences; `passages` is how many the prompt held."""

    def __init__(self, passages: int) -> None:
        self._passages = passages
        self._splitter = Splitter()

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


def _numbers(markers: str) -> list[int]:
    numbers: list[int] = []
    for first, last in _RANGE.findall(re.sub(r"†[^\]】］]*", "", markers)):
        numbers.extend(range(int(first), int(last) + 1) if last else (int(first),))
    return numbers
