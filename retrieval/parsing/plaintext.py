"""Plain text: headings where they are plain to see (underlined, numbered, "Chapter 3"), else paragraphs."""

import re
from collections.abc import Iterator
from pathlib import Path

from retrieval.parsing.lines import CHAPTER, unwrapped
from retrieval.parsing.outline import BOLD_QUESTION, Heading, Item, Text, blocks_of, is_question
from retrieval.parsing.sniffing import decode
from retrieval.passages import Entry, ParsedDocument

_RULE = re.compile(r"^([=\-~^*#_+])\1{2,}$")
_NUMBER = re.compile(r"^(\d{1,3}(?:\.\d{1,3}){0,5})\.?\s+(?=\S)")
_SENTENCE_END = re.compile(r"[.。;；:：,，、]$")
_HEADING_LENGTH = 250
LABEL = 6
"""The level of a label: below any numbered or underlined heading."""
FEWEST_LABELS = 2
"""One short first line may be chance; from two on it is how the text is laid out."""


def parse_text(path: Path, data: bytes) -> list[ParsedDocument]:
    """A text file as one document."""
    text = decode(data).replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").expandtabs(4)
    items = _without_contents(list(items_of_text(text)))
    title = path.stem
    labelled = bool(items) and isinstance(items[0], Heading) and items[0].level == LABEL
    if len(items) > 1 and not isinstance(items[0], Entry) and not labelled and _is_title(items[0].text):
        title = items[0].text
        items[0] = Heading(1, title)
    return [ParsedDocument(title, blocks_of(items, title))]


def items_of_text(text: str) -> Iterator[Item]:
    """Headings and paragraphs of a plain text."""
    blocks = re.split(r"\n\s*\n", text)
    labelled = sum(_is_label(block.strip().split("\n")) for block in blocks) >= FEWEST_LABELS
    for block in blocks:
        lines = [line for line in block.split("\n") if line.strip()]
        while lines and _RULE.match(lines[0].strip()):
            lines = lines[1:]
        if not lines:
            continue
        if len(lines) > 1 and _is_underline(lines[0], lines[1]):
            yield Heading(1 if lines[1].strip()[0] in "=#*" else 2, " ".join(lines[0].split()))
            lines = lines[2:]
        elif (heading := _heading(lines)) is not None:
            yield heading
            continue
        elif labelled and _is_label(lines):
            yield Heading(LABEL, lines[0].strip())
            lines = lines[1:]
        if body := [line for line in lines if not _RULE.match(line.strip())]:
            yield Text(unwrapped(body))


def _is_title(text: str) -> bool:
    """Whether the first paragraph names the text rather than being a part of it."""
    numbered = _NUMBER.match(text) or CHAPTER.match(text)
    return (
        "\n" not in text and 3 <= len(text) <= 80 and not (numbered or _SENTENCE_END.search(text) or is_question(text))
    )


def _is_underline(line: str, rule: str) -> bool:
    """Whether the second line underlines the first; East Asian characters are two columns wide."""
    width = len(line.strip()) + sum(1 for character in line if ord(character) > 0x2E7F)
    return bool(_RULE.match(rule.strip())) and 0.6 * width <= len(rule.strip()) <= 1.5 * width + 3


def _heading(lines: list[str]) -> Heading | None:
    """A whole paragraph that is a heading: at the margin, short, numbered or a question, and no sentence."""
    text = unwrapped(lines).replace("\n", " ")
    if lines[0].startswith((" ", "\t")) or len(text) > _HEADING_LENGTH or len(lines) > 4:
        return None
    if CHAPTER.match(text) and not _SENTENCE_END.search(text):
        return Heading(1, text)
    numbers = [match for line in lines if (match := _NUMBER.match(line))]
    if len(numbers) == 1 and numbers[0].string == lines[0] and not _SENTENCE_END.search(text):
        return Heading(1 + numbers[0][1].count("."), text)
    if is_question(text) and len(lines) <= 2 and not re.search(r"[.!。！]\s", text):
        return Heading(BOLD_QUESTION, text)
    return None


def _is_label(lines: list[str]) -> bool:
    """Whether a paragraph's first line stands above the rest like `Opening hours`: short, and no part of it."""
    if len(lines) < 2:
        return False
    label, after = lines[0].strip(), lines[1].strip()
    return (
        2 <= len(label) <= 40
        and len(label.split()) <= 5
        and label[0].isalpha()
        and not label[0].islower()
        and not _SENTENCE_END.search(label)
        and len(after) > len(label)
        and not after[0].islower()
    )


def _without_contents(items: list[Item]) -> list[Item]:
    """A table of contents repeats the headings that follow; it would be found in place of what it points to."""
    numbers = {match[1] for item in items if isinstance(item, Heading) and (match := _NUMBER.match(item.text))}

    def is_contents(item: Item) -> bool:
        if not isinstance(item, Text):
            return False
        listed = [match[1] for line in item.text.split("\n") if (match := _NUMBER.match(line.strip()))]
        return len(listed) >= 4 and sum(number in numbers for number in listed) >= 0.6 * len(listed)

    return [item for item in items if not is_contents(item)]
