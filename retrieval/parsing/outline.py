"""From headings and texts in reading order to the blocks of a document: FAQ entries and prose under heading paths."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from retrieval.passages import Entry, Location, Prose

BOLD_QUESTION = 7
"""Level of a question that stands alone in bold: below every real heading."""

ANSWER_LIMIT = 2000
"""Characters, Chinese and Japanese ones counting three: about the 512 tokens that small embedding models read. What is
longer under a question heading is a chapter, and is split like any prose."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the outermost."""

    level: int
    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, a list, a table or a code block."""

    text: str
    page: int | None = None


Item = Heading | Text | Entry
Block = Entry | Prose

_QUESTION_END = re.compile(r"[?？؟][!！?？\"'”’»›）)\]*_]*$")
_QUESTION_WITHIN = re.compile(r"\w[?？؟][\"'”’»）)]*\s+\w")
_NUMBERING = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3})*[.)]?|[QF]\d{1,3}[.:)])\s+")
_Q = r"q(?:uestion)?|f(?:rage)?|p(?:regunta)?|в(?:опрос)?|問題?|问题?|质询"
_A = r"a(?:nswer|ntwort)?|r(?:éponse|espuesta|eponse)?|о(?:твет)?|答案?|回答"
_Q_MARK = re.compile(rf"^[\W_]{{0,4}}(?:{_Q})\s?\d{{0,3}}[*_]{{0,2}}\s?[:：.][*_]{{0,2}}\s*(?=\S)", re.IGNORECASE)
_A_MARK = re.compile(rf"^[\W_]{{0,4}}(?:{_A})\s?\d{{0,3}}[*_]{{0,2}}\s?[:：.][*_]{{0,2}}\s*(?=\S)", re.IGNORECASE)


def is_question(text: str) -> bool:
    """Whether a heading or a title asks something: it is short and ends with a question mark."""
    text = text.strip()
    return 3 <= len(text) <= 300 and bool(_QUESTION_END.search(text))


def _asks(heading: Heading) -> bool:
    """Whether a heading is a question; a real one may go on after it ("Is it free? I only need a little.")."""
    goes_on = heading.level < BOLD_QUESTION and len(heading.text) <= 300 and _QUESTION_WITHIN.search(heading.text)
    return is_question(heading.text) or bool(goes_on)


def bare_question(text: str) -> str:
    """The question without the numbering of its document ("3.1. What is ...?")."""
    return _NUMBERING.sub("", text.strip())


def blocks_of(items: Iterable[Item], title: str = "") -> list[Block]:
    """Blocks in reading order.

    A question heading with its body (to the next heading of its level, or the next question) becomes an `Entry`; other
    texts become one `Prose` per heading and page. `title` is left out of the heading paths.
    """
    ordered = list(_with_pairs(items))
    blocks: list[Block] = []
    path: list[Heading] = []
    position = 0
    while position < len(ordered):
        item = ordered[position]
        following = position + 1
        if isinstance(item, Heading):
            while path and path[-1].level >= item.level:
                path.pop()
            place = Location(_path(path, title), item.page)
            path.append(item)
            end = _answer_end(ordered, item, following) if _asks(item) else following
            answer = _joined(ordered[following:end])
            if answer and _length(answer) <= ANSWER_LIMIT:
                blocks.append(Entry(bare_question(item.text), answer, place))
                following = end
            elif _is_bare(ordered, item, following) and item.text != title:
                blocks.append(Prose(item.text, place))
        elif isinstance(item, Entry):
            blocks.append(Entry(item.question, item.answer, _under(_path(path, title), item.location)))
        else:
            blocks.append(Prose(item.text, Location(_path(path, title), item.page)))
        position = following
    if ordered and not blocks:
        blocks.append(Prose(title))
    return list(_merged(blocks))


def _answer_end(items: Sequence[Item], question: Heading, start: int) -> int:
    """Where the body of a question that begins at `start` ends; the answer to a main heading has no headings in it."""
    for position in range(start, len(items)):
        item = items[position]
        if isinstance(item, Entry):
            return position
        if isinstance(item, Heading) and (item.level <= question.level or question.level == 1 or _asks(item)):
            return position
    return len(items)


def _length(text: str) -> int:
    return len(text) + 2 * sum(1 for character in text if ord(character) > 0x2E7F)


def _is_bare(items: Sequence[Item], heading: Heading, following: int) -> bool:
    """Whether nothing stands under a heading, so that its words would be lost as a mere heading."""
    if following == len(items):
        return True
    item = items[following]
    return isinstance(item, Heading) and item.level <= heading.level


def _joined(items: Iterable[Item]) -> str:
    return "\n\n".join(item.text for item in items if not isinstance(item, Entry)).strip()


def _path(headings: Iterable[Heading], title: str) -> str:
    return " > ".join(heading.text for heading in headings if heading.text != title)


def _under(path: str, location: Location) -> Location:
    heading = " > ".join(part for part in (path, location.heading) if part)
    return Location(heading, location.page, location.row, location.sheet)


def _merged(blocks: Iterable[Block]) -> Iterator[Block]:
    """Neighbouring prose of one place, as one block."""
    texts: list[str] = []
    place = Location()
    for block in blocks:
        if texts and not (isinstance(block, Prose) and block.location == place):
            yield Prose("\n\n".join(texts), place)
            texts = []
        if isinstance(block, Prose):
            texts.append(block.text)
            place = block.location
        else:
            yield block
    if texts:
        yield Prose("\n\n".join(texts), place)


def _with_pairs(items: Iterable[Item]) -> Iterator[Item]:
    """The items, with paragraphs that start with "Q:" and "A:" made entries."""
    run: list[Text] = []
    for item in items:
        if isinstance(item, Text):
            if item.text.strip():
                run.append(item)
        elif not isinstance(item, Heading) or item.text.strip():
            yield from _pairs(run)
            run = []
            yield item
    yield from _pairs(run)


def _pairs(run: Sequence[Text]) -> Iterator[Item]:
    lines = [(line, text.page) for text in run for line in (*text.text.split("\n"), "")]
    if not any(_Q_MARK.match(line) for line, _ in lines) or not any(_A_MARK.match(line) for line, _ in lines):
        yield from run
        return
    question: list[str] | None = None
    answer: list[str] | None = None
    before: list[str] = []
    page: int | None = None
    for line, line_page in lines:
        if _Q_MARK.match(line):
            yield from _finished(before, question, answer, page)
            before, question, answer, page = [], [_Q_MARK.sub("", line)], None, line_page
        elif question is not None and answer is None and _A_MARK.match(line):
            answer = [_A_MARK.sub("", line)]
        elif answer is not None:
            answer.append(line)
        elif question is not None:
            question.append(line)
        else:
            before.append(line)
    yield from _finished(before, question, answer, page)


def _finished(
    before: list[str], question: list[str] | None, answer: list[str] | None, page: int | None
) -> Iterator[Item]:
    if question is not None and answer is not None:
        asked = " ".join(" ".join(question).split()).strip("*_ ")
        yield Entry(asked, "\n".join(answer).strip(), Location(page=page))
        return
    rest = "\n".join([*before, *(question or [])]).strip()
    if rest:
        yield Text(rest, page)
