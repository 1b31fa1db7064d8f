"""From a message with light Markdown to what Telegram shows: text, entities, and parts that fit."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from aiogram.types import MessageEntity
from telegramify_markdown import MessageEntity as Span
from telegramify_markdown import RenderConfig, convert, utf16_len

from bot.domain import Author, Citation
from bot.ports import Outgoing
from bot.texts import text as fixed_text

LONGEST = 4096
"""UTF-16 units of a message, entities parsed. https://core.telegram.org/bots/api#sendmessage"""
Part = tuple[str, list[MessageEntity]]

_KINDS = {"bold", "italic", "underline", "strikethrough", "code", "pre", "blockquote", "expandable_blockquote"}
_MARKER = re.compile(r"\[(\d{1,2})\]")
_LINK = re.compile(r"(?:https?://|mailto:)\S+", re.IGNORECASE)
# HTML is dropped by the converter, `$` makes formulas, `||` hides text: in an answer all three are just characters.
# They are put away as noncharacters, which no text may hold, and as many UTF-16 units.
_PUT_AWAY = re.compile(r"<(?!https?://)|\$|\|(?=\|)|(?<=\|)\|")
_AWAY = {"<": "\ufdd0", "$": "\ufdd1", "|": "\ufdd2"}
_BACK = str.maketrans({away: plain for plain, away in _AWAY.items()})
_BREAKS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"[.!?…]['\")\]»”]*\s|[。！？]"),
    re.compile(r"\s"),
)
"""Where a long text is broken, the best place first."""


def _plain_symbols() -> RenderConfig:
    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    for level in range(1, 7):
        setattr(symbols, f"heading_level_{level}", "")
    symbols.image = ""
    symbols.unordered_list_item = "•"
    return config


_CONFIG = _plain_symbols()


def render(message: Outgoing) -> list[Part]:
    """The message in parts of at most `LONGEST` units, its sources as a footnote."""
    if message.author is Author.BOT:
        text, spans = _with_markers(*_convert(message.text), message.citations)
        text, spans = _with_footnote(text, spans, message.citations, message.language)
    elif message.author is Author.PERSON and message.sender:
        text, spans = f"{message.sender}\n{message.text}", [Span("bold", 0, utf16_len(message.sender))]
    else:
        text, spans = message.text, []
    return list(_split(text, spans)) or [(message.text, [])]


def render_draft(text: str) -> Part:
    """The answer so far; of a long one, its last part."""
    return (list(_split(*_convert(text))) or [(text, [])])[-1]


def _convert(markdown: str) -> tuple[str, list[Span]]:
    text, spans = convert(
        _PUT_AWAY.sub(lambda found: _AWAY[found[0]], markdown.strip()), latex_escape=False, config=_CONFIG
    )
    kept = [span for span in spans if span.type in _KINDS or (span.type == "text_link" and _LINK.match(span.url or ""))]
    return text.translate(_BACK), [replace(span, url=span.url and span.url.translate(_BACK)) for span in kept]


def _with_markers(text: str, spans: list[Span], citations: Sequence[Citation]) -> tuple[str, list[Span]]:
    """Make each `[n]` that names a citation with a link one."""
    urls = {citation.number: citation.url for citation in citations}
    taken = [(span.offset, span.offset + span.length) for span in spans if span.type in ("code", "pre", "text_link")]
    links = []
    for found in _MARKER.finditer(text):
        at = utf16_len(text[: found.start()])
        url = urls.get(int(found[1]), "")
        if _LINK.match(url) and not any(start <= at < end for start, end in taken):
            links.append(Span("text_link", at, len(found[0]), url=url))
    return text, [*spans, *links]


def _with_footnote(
    text: str, spans: list[Span], citations: Sequence[Citation], language: str
) -> tuple[str, list[Span]]:
    """Add what the answer stands on: a line for each source, linked where there is a link."""
    if not citations:
        return text, spans
    heading = fixed_text("sources", language)
    begin = utf16_len(text) + 2
    text, spans = f"{text}\n\n{heading}", [*spans, Span("bold", begin, utf16_len(heading))]
    for citation in citations:
        text += f"\n[{citation.number}] "
        name = " · ".join(dict.fromkeys(filter(None, (citation.title, citation.location)))) or citation.url
        if _LINK.match(citation.url):
            spans.append(Span("text_link", utf16_len(text), utf16_len(name), url=citation.url))
        text += name
    return text, [*spans, Span("blockquote", begin, utf16_len(text) - begin)]


def _split(text: str, spans: Sequence[Span]) -> Iterator[Part]:
    """Parts that begin and end with something to see: Telegram trims the rest, and would misplace the entities."""
    start = len(text) - len(text.lstrip())
    while start < len(text):
        end = start + _fitting(text[start:])
        shown = text[start:end].rstrip()
        offset, length = utf16_len(text[:start]), utf16_len(shown)
        yield shown, [_entity(span, offset, length) for span in spans if _overlaps(span, offset, length)]
        start = end + len(text[end:]) - len(text[end:].lstrip())


def _fitting(text: str) -> int:
    """How many characters of it go into one message."""
    most = min(len(text), LONGEST)
    while utf16_len(text[:most]) > LONGEST:
        most -= (utf16_len(text[:most]) - LONGEST + 1) // 2
    if most == len(text):
        return most
    window = text[: most + 1]  # a break right behind the last character that fits is as good
    for pattern in _BREAKS:
        ends = [found.start() if found[0].isspace() else found.end() for found in pattern.finditer(window)]
        ends = [end for end in ends if most // 2 < end <= most]
        if ends:
            return ends[-1]
    return _whole_character(text, most)


def _whole_character(text: str, end: int) -> int:
    """Step back from the midst of an emoji or an accented letter that is made of several characters."""
    earliest = max(1, end - 16)
    at = end
    while at > earliest and (_joins(text[at]) or text[at - 1] == "\N{ZERO WIDTH JOINER}"):
        at -= 1
    return at if at > earliest else end


def _joins(character: str) -> bool:
    """Whether it belongs to the character before it: marks, variation selectors, skin tones."""
    code = ord(character)
    return (
        0x300 <= code <= 0x36F
        or character == "\N{ZERO WIDTH JOINER}"
        or 0xFE00 <= code <= 0xFE0F
        or 0x20D0 <= code <= 0x20FF
        or 0x1F3FB <= code <= 0x1F3FF
    )


def _overlaps(span: Span, offset: int, length: int) -> bool:
    return span.offset < offset + length and span.offset + span.length > offset


def _entity(span: Span, offset: int, length: int) -> MessageEntity:
    """The piece of a span that lies in a part: code that was split is code in both."""
    start = max(span.offset, offset)
    end = min(span.offset + span.length, offset + length)
    return MessageEntity(
        type=span.type, offset=start - offset, length=end - start, url=span.url, language=span.language
    )
