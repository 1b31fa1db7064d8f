"""Text to Slack, where nothing in it may act, and from Slack, as people who never saw Slack should read it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Block = dict[str, Any]

LONGEST_TEXT = 2_900
"""Characters of one block: Slack takes 3,000."""
MOST_BLOCKS = 12
"""Blocks for one text: what is longer is a document, and is cut with a word."""
_CUT = "… (cut: the web desk, or `answerdesk history`, shows all of it)"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_UNESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
# What Slack writes between angle brackets: a person, a channel, a group, a command such as <!here>, or a link.
_MARKUP = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_EMOJI = re.compile(r":([a-z0-9_+'-]+):(?::(skin-tone-[2-6]):)?")
_WORD = r"(?<![\w{0}]){1}(?=\S)([^{0}\n]+?)(?<=\S){1}(?![\w{0}])"
_STYLES = (
    (re.compile(_WORD.format("*", r"\*")), r"\1"),
    (re.compile(_WORD.format("_", "_")), r"\1"),
    (re.compile(_WORD.format("~", "~")), r"\1"),
)


def escape(text: str) -> str:
    """Text that Slack parses, with nothing left to parse: https://docs.slack.dev/messaging/formatting-message-text."""
    return text.translate(_ESCAPES)


def literal(text: str, *, quoted: bool = False) -> list[Block]:
    """Blocks that show a text as it is: of rich text, Slack parses nothing, neither mentions nor links nor styles."""
    kind = "rich_text_quote" if quoted else "rich_text_section"
    return [
        {"type": "rich_text", "elements": [{"type": kind, "elements": [{"type": "text", "text": part}]}]}
        for part in pieces(text)
    ]


def markdown(text: str) -> list[Block]:
    """Blocks that show the bot's Markdown as Slack renders it, and its angle brackets as what they are."""
    return [{"type": "markdown", "text": part} for part in pieces(escape(text), 10_000)]


def mrkdwn(text: str) -> Block:
    """A block of our own words in Slack's own format; what others wrote goes in escaped."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST_TEXT]}}


def context(text: str) -> Block:
    """A block of small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text[:LONGEST_TEXT]}]}


def pieces(text: str, longest: int = LONGEST_TEXT) -> Iterator[str]:
    """The text in parts that fit into a block each, broken between lines or words where there are any."""
    rest, count = text.strip() or "…", 0
    while len(rest) > longest:
        if (count := count + 1) == MOST_BLOCKS:
            yield rest[: longest - len(_CUT)] + _CUT
            return
        window = rest[:longest]
        end = max(window.rfind("\n"), window.rfind(" "))
        end = end if end > longest // 2 else longest
        yield rest[:end]
        rest = rest[end:].lstrip()
    yield rest


def clipped(text: str, longest: int) -> str:
    """The text on one line, cut with an ellipsis if it is longer."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def plain(text: str, blocks: Sequence[Mapping[str, Any]] = (), names: Mapping[str, str] | None = None) -> str:
    """What a member of the staff wrote, without Slack's markup: fit for a customer.

    `blocks` are the message's own: they say which letter an emoji is. `names` are those of people, by id.
    """
    letters = dict(_emoji(blocks))

    def shown(found: re.Match[str]) -> str:
        sign, target, label = found.groups()
        return _written_out(sign, target, label or "", names or {})

    said, end = [], 0
    for found in _MARKUP.finditer(text):
        said += [_bare(text[end : found.start()], letters), shown(found)]
        end = found.end()
    said.append(_bare(text[end:], letters))
    whole = "".join(said)
    for escaped, letter in _UNESCAPES:
        whole = whole.replace(escaped, letter)
    return whole.strip()


def mentioned(text: str) -> set[str]:
    """The ids of the people whom a message of Slack mentions."""
    return {found[2] for found in _MARKUP.finditer(text) if found[1] == "@"}


def without_mention(text: str, user: str) -> str:
    """The text without a mention of this user."""
    return re.sub(rf"\s*<@{re.escape(user)}(?:\|[^>]*)?>[,:]?", " ", text).strip()


def _bare(text: str, letters: Mapping[str, str]) -> str:
    """Words without the signs for bold and the like, and their emoji as letters."""
    for style, bare in _STYLES:
        text = style.sub(bare, text)
    return _EMOJI.sub(lambda found: letters.get(found[1], found[0]), text)


def _written_out(sign: str, target: str, label: str, names: Mapping[str, str]) -> str:
    match sign:
        case "@":
            return f"@{names.get(target) or label or 'someone'}"
        case "#":
            return f"#{label or target}"
        case "!":
            return label or f"@{target.partition('^')[0]}"
        case _:
            address = target.removeprefix("mailto:").removeprefix("tel:")
            return address if not label or label == address else f"{label} ({address})"


def _emoji(node: Any) -> Iterator[tuple[str, str]]:
    """Names of emoji in rich text, and the letters that they are."""
    match node:
        case {"type": "emoji", "name": str(name), "unicode": str(code)}:
            yield name, "".join(chr(int(each, 16)) for each in code.split("-"))
        case {"elements": [*inner]}:
            yield from _emoji(inner)
        case [*inner]:
            for each in inner:
                yield from _emoji(each)
