"""Cutting documents into passages: a FAQ entry stays whole, prose is cut at sentences and keeps its location."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from retrieval.passages import Entry, Location, ParsedDocument, Passage, Prose

AIM = 80
"""Tokens a passage of prose grows to: the cost of embedding grows with the square of the length."""

MOST = 140
"""Tokens a passage of prose may have."""

TINY = 20
"""Tokens below which a passage says too little to be found or cited by itself: it joins its neighbour."""

CountTokens = Callable[[str], int]

_END = re.compile(r"""[.!?…؟]+["'”’»)\]]*(?=\s)\s*|[。！？]+["'”’」』）]*\s*|\n\s*""")
_LAST_WORD = re.compile(r"[^\s(\[\"„“«]+$")
_ABBREVIATION = re.compile(
    r"approx|co|corp|dr|etc|fig|inc|jr|ltd|mr|mrs|ms|nos|pp|prof|sr|st|vol|vs"
    r"|abs|art|bd|bzw|ca|evtl|exkl|frl|ggf|hr|hrsg|inkl|mind|max|min|nr|sog|str|tel|usw|vgl|zzgl"
    r"|av|avda|cf|ed|ej|env|fr|mlle|mme|núm|pág|sra|srta|tél|uds"
    r"|гл|др|им|млн|млрд|обл|пр|рис|руб|см|стр|тел|тыс|ул"
    r"|(?:[^\W\d_]\.)*[^\W\d_]|\d{1,2}",
    re.IGNORECASE,
)
"""In English, German, Spanish and French, and Russian; then initials as in "z.B.", and ordinals."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    text: str
    tokens: int
    location: Location


def passages_of(parsed: ParsedDocument, document_id: str, count_tokens: CountTokens) -> list[Passage]:
    """The passages of a document in its order; their ids are `DOCUMENT#POSITION`, from 0.

    An entry is one passage, however long. Prose is gathered sentence by sentence to about `AIM` and at most `MOST`
    tokens, as `count_tokens` counts each. No text is lost but white space.
    """
    passages: list[Passage] = []
    for unit in _units(parsed.blocks, count_tokens):
        passages.append(
            Passage(
                id=f"{document_id}#{len(passages)}",
                document=document_id,
                position=len(passages),
                title=parsed.title,
                text=unit.answer if isinstance(unit, Entry) else unit.text,
                question=unit.question if isinstance(unit, Entry) else "",
                location=unit.location,
                language=parsed.language,
                url=parsed.url,
            )
        )
    return passages


def sentences(text: str) -> Iterator[str]:
    """The text cut after each sentence and each line, white space included: joined, the parts are the text again."""
    start = 0
    for end in _END.finditer(text):
        if not _goes_on(text, end):
            yield text[start : end.end()]
            start = end.end()
    if start < len(text):
        yield text[start:]


def _goes_on(text: str, end: re.Match[str]) -> bool:
    """Whether it only looks like an end: an abbreviation, an initial, an ordinal, or a small letter follows."""
    mark = end[0]
    if "\n" in mark or mark[0] in "。！？":
        return False
    if text[end.end() : end.end() + 1].islower():
        return True
    word = _LAST_WORD.search(text, max(0, end.start() - 24), end.start())
    return mark[0] == "." and word is not None and bool(_ABBREVIATION.fullmatch(word[0]))


def _units(blocks: Iterable[Entry | Prose], count_tokens: CountTokens) -> Iterator[Entry | _Chunk]:
    """Entries and chunks in order; a tiny chunk is joined to its neighbour under the same heading."""
    previous: _Chunk | None = None
    for block in blocks:
        if isinstance(block, Entry):
            if previous:
                yield previous
            previous = None
            yield block
            continue
        for chunk in _chunks(block, count_tokens):
            if previous and _belong_together(previous, chunk):
                previous = replace(
                    previous, text=f"{previous.text}\n\n{chunk.text}", tokens=previous.tokens + chunk.tokens
                )
                continue
            if previous:
                yield previous
            previous = chunk
    if previous:
        yield previous


def _belong_together(first: _Chunk, second: _Chunk) -> bool:
    here, there = first.location, second.location
    return (
        min(first.tokens, second.tokens) < TINY
        and first.tokens + second.tokens <= MOST
        and (here.heading, here.sheet) == (there.heading, there.sheet)
        and here.row is None
        and there.row is None
    )


def _chunks(prose: Prose, count_tokens: CountTokens) -> Iterator[_Chunk]:
    """The prose in chunks; a last one that would be tiny stays with the one before it."""
    text, tokens = "", 0
    parts = list(_parts(prose.text, count_tokens))
    left = sum(count for _, count in parts)
    for part, count in parts:
        full = (tokens + count > AIM and tokens >= TINY) or tokens + count > MOST
        if full and text.strip() and not (left < TINY and tokens + left <= MOST):
            yield _Chunk(text.strip(), tokens, prose.location)
            text, tokens = "", 0
        text, tokens, left = text + part, tokens + count, left - count
    if text.strip():
        yield _Chunk(text.strip(), tokens, prose.location)


def _parts(text: str, count_tokens: CountTokens) -> Iterator[tuple[str, int]]:
    """Sentences with their tokens, none above `MOST`."""
    for sentence in sentences(text):
        yield from _cut(sentence, count_tokens(sentence), count_tokens)


def _cut(text: str, tokens: int, count_tokens: CountTokens) -> Iterator[tuple[str, int]]:
    """A sentence as it is, or a monstrous one cut at white space, or between characters where it has none."""
    if tokens <= MOST or len(text) < 2:
        yield text, tokens
        return
    size = max(1, min(len(text) // 2, len(text) * AIM // tokens))
    start = 0
    while start < len(text):
        end = start + size
        space = (
            max(text.rfind(" ", start + size // 2, end), text.rfind("\n", start + size // 2, end))
            if end < len(text)
            else -1
        )
        part = text[start : space + 1 if space > 0 else end]
        yield from _cut(part, count_tokens(part), count_tokens)
        start += len(part)
