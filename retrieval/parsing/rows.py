"""Tables as FAQ entries where their header says so, else as rows that each make sense alone."""

import re
from collections.abc import Sequence

from retrieval.parsing.outline import Block, bare_question, is_question
from retrieval.passages import Entry, Location, Prose

Row = Sequence[str]

_QUESTION = re.compile(
    r"(?:customer |häufige )?(?:questions?|q|frage[n]?|f|вопросы?|问题?|問題?|常见问题|提问|preguntas?|p|domanda"
    r"|pergunta|質問|질문|pytanie)",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"(?:answers?|a|antwort(?:en)?|ответы?|答案?|回答|解答|respuestas?|réponses?|reponses?|r|risposta|resposta|답변"
    r"|odpowiedź|reply|replies|response)",
    re.IGNORECASE,
)
_TITLE = re.compile(r"title|titel|heading|subject|название|заголовок|标题|標題|título|titre|topic|thema", re.IGNORECASE)
_TEXT = re.compile(r"text|body|content|inhalt|текст|содержание|内容|正文|texto|contenido|texte|contenu", re.IGNORECASE)
_CATEGORY = re.compile(
    r"categor(?:y|ía|ie)|catégorie|kategorie|категория|раздел|类别|分类|section|sección|rubrik|group", re.IGNORECASE
)
_ASIDE = re.compile(r"[\s_\-:#.*]+|\(.*?\)|\[.*?\]")
_LANGUAGE = re.compile(
    r"(?:^|[\s_\-(])(?:[a-z]{2}(?:[-_][a-z]{2})?|english|deutsch|español|français|русский|中文)\)?$", re.IGNORECASE
)
_HEADER_ROWS = 10


def blocks_of_rows(rows: Sequence[Row], sheet: str = "") -> list[Block]:
    """The blocks of one sheet, each with its row as a spreadsheet counts it. Empty rows count, and give nothing."""
    entries = entries_of_rows(rows, sheet)
    if entries:
        return list(entries)
    filled = [(number, row) for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    header_at = next(
        (at for at, (_, row) in enumerate(filled[:_HEADER_ROWS]) if _looks_like_header(row, filled[at + 1 :])), None
    )
    header = filled[header_at][1] if header_at is not None else []
    titled = _titled_columns(header)
    blocks: list[Block] = []
    for at, (number, row) in enumerate(filled):
        if header and at == header_at and len(filled) > at + 1:
            continue
        place = Location(sheet=sheet, row=number)
        named = header if header_at is not None and at > header_at else []
        if titled and named and (text := _cell(row, titled[1])):
            blocks.append(_titled(_cell(row, titled[0]), text, place))
        else:
            blocks.append(Prose(row_text(row, named), place))
    return blocks


def entries_of_rows(rows: Sequence[Row], sheet: str = "") -> list[Entry | Prose]:
    """One entry a row where columns hold questions and their answers; empty when it is another kind of table."""
    for at, row in enumerate(rows[:_HEADER_ROWS]):
        pairs = _pairs(row)
        if pairs:
            category = next((column for column, name in enumerate(row) if _is(name, _CATEGORY)), None)
            return _entries(rows, at + 1, pairs, category, sheet)
    columns = _unnamed_pair(rows)
    return _entries(rows, 0, [columns], None, sheet) if columns else []


def row_text(row: Row, header: Row) -> str:
    """A row as one line: "column: value; column: value" below a header, else its cells."""
    cells = [cell.strip() for cell in row]
    if not header:
        return " | ".join(cell for cell in cells if cell)
    names = [*(name.strip() for name in header), *[""] * len(cells)]
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell)


def _entries(
    rows: Sequence[Row], start: int, pairs: list[tuple[int, int]], category: int | None, sheet: str
) -> list[Entry | Prose]:
    found: list[Entry | Prose] = []
    for number, row in enumerate(rows, 1):
        if number <= start - 1:
            if any(cell.strip() for cell in row):
                found.append(Prose(row_text(row, []), Location(sheet=sheet, row=number)))
            continue
        if number == start:
            continue
        place = Location(sheet=sheet, row=number, heading=_cell(row, category) if category is not None else "")
        for question, answer in pairs:
            asked, replied = _cell(row, question), _cell(row, answer)
            if asked and replied:
                found.append(Entry(bare_question(asked), replied, place))
            elif asked or replied:
                found.append(Prose(asked or replied, place))
    return found


def _pairs(row: Row) -> list[tuple[int, int]]:
    """Columns of questions with their columns of answers, in order ("question_en, answer_en, question_de, ...")."""
    questions = [column for column, name in enumerate(row) if _is(name, _QUESTION)]
    answers = [column for column, name in enumerate(row) if _is(name, _ANSWER) and column not in questions]
    if (
        "question" in {_name(name) for name in row} and not answers
    ):  # "Question | Réponse" is settled above; here the French "R"
        answers = [column for column, name in enumerate(row) if _is(name, _TEXT)]
    return list(zip(questions, answers, strict=False))


def _unnamed_pair(rows: Sequence[Row]) -> tuple[int, int] | None:
    """In a table without a header: a column that is mostly questions, and the next one that has text."""
    filled = [row for row in rows if sum(1 for cell in row if cell.strip()) >= 2]
    if len(filled) < 2:
        return None
    for column in range(min(max(map(len, filled)), 50) - 1):
        asked = [row for row in filled if is_question(_cell(row, column))]
        if len(asked) >= 0.6 * len(filled):
            answered = [
                sum(1 for row in asked if _cell(row, other)) for other in range(column + 1, max(map(len, filled)))
            ]
            return (column, column + 1 + answered.index(max(answered))) if max(answered) else None
    return None


def _looks_like_header(row: Row, below: Sequence[tuple[int, Row]]) -> bool:
    """A header names every column it has in few words without figures, and there are rows below."""
    cells = [cell.strip() for cell in row]
    named = [cell for cell in cells if cell]
    return (
        bool(below)
        and len(named) >= 2
        and len(named) >= 0.6 * max(len([cell for cell in other if cell.strip()]) for _, other in below[:20])
        and len(set(named)) == len(named)
        and all(
            len(cell) <= 60 and not re.fullmatch(r"[\d\s.,:%€$£¥+/-]+", cell) and not is_question(cell)
            for cell in named
        )
    )


def _titled_columns(header: Row) -> tuple[int, int] | None:
    title = next((column for column, name in enumerate(header) if _is(name, _TITLE)), None)
    text = next((column for column, name in enumerate(header) if _is(name, _TEXT)), None)
    return (title, text) if title is not None and text is not None and title != text else None


def _titled(title: str, text: str, place: Location) -> Block:
    if is_question(title):
        return Entry(bare_question(title), text, place)
    return Prose(text, Location(heading=title, sheet=place.sheet, row=place.row))


def _name(cell: str) -> str:
    name = _ASIDE.sub(" ", cell).strip().lower()
    return _LANGUAGE.sub("", name).strip() if len(name) > 3 else name


def _is(cell: str, names: re.Pattern[str]) -> bool:
    return bool(names.fullmatch(_name(cell)))


def _cell(row: Row, column: int) -> str:
    return row[column].strip() if column < len(row) else ""
