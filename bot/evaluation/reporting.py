"""A run as one HTML page: it needs no network, no scripts and no other file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from bot.domain import Outcome
from bot.evaluation.estimating import Difference, Measure
from bot.evaluation.questions import Query, QuestionResult
from bot.evaluation.running import Evaluation
from bot.evaluation.scoring import has_passed, is_misled, was_answered

BINS = 10
MOST_SHOWN = 200
"""Questions that went wrong."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions whose confidence lies in one tenth."""

    low: float
    answerable: int
    unanswerable: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """A question that went wrong, and how."""

    query: Query
    result: QuestionResult
    how: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a plot."""

    name: str
    count: int
    value: float
    low: float
    high: float
    note: str = ""


def write_report(path: Path, measured: Evaluation, title: str) -> None:
    """Write the page."""
    wrong = list(_wrong(measured))
    page = _template().render(
        title=title,
        measured=measured,
        sections=list(_sections(measured)),
        comparisons=list(_comparisons(measured.comparison or {})),
        bins=_bins(measured),
        wrong=wrong[:MOST_SHOWN],
        wrong_in_all=len(wrong),
        judged=measured.answers is not None,
        failed=[each for each in measured.played if not all(each.runs)][:MOST_SHOWN],
    )
    path.write_text(page, encoding="utf-8")


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html")


def _sections(measured: Evaluation) -> Iterator[tuple[str, list[Row]]]:
    """A plot for all questions, and for each language and kind; of conversations, whose kinds are many, by measure."""
    if measured.checks:
        for name in measured.checks["all"]:
            taken = [(group, measured.measure(name, group)) for group in measured.groups]
            yield name, [_row(group, each) for group, each in taken if each and each.count]
        return
    for group in measured.groups:
        rows = [_row(name, each) for name, each in measured.measures(group).items() if each.count]
        if rows:
            yield group, rows


def _row(name: str, measure: Measure) -> Row:
    return Row(name, measure.count, measure.value, measure.low, measure.high)


def _comparisons(comparison: Mapping[str, Mapping[str, Difference]]) -> Iterator[tuple[str, list[Row], float]]:
    """By group: the differences, and how far the axis goes to either side."""
    for group, named in comparison.items():
        rows = [
            Row(name, each.count, each.difference, each.low, each.high, f"p = {each.p:.3f}" if each.p < 1 else "p = 1")
            for name, each in named.items()
            if each.count
        ]
        if rows:
            yield group, rows, max(0.01, *(max(abs(row.low), abs(row.high)) for row in rows))


def _bins(measured: Evaluation) -> Sequence[Bin]:
    answerable, unanswerable = [0] * BINS, [0] * BINS
    for query, result in measured.pairs:
        place = min(int(result.confidence * BINS), BINS - 1)
        (answerable if query.answerable else unanswerable)[place] += 1
    return [Bin(place / BINS, answerable[place], unanswerable[place]) for place in range(BINS)]


def _wrong(measured: Evaluation) -> Iterator[Wrong]:
    for query, result in measured.pairs:
        if how := _how(query, result):
            yield Wrong(query, result, how)


def _how(query: Query, result: QuestionResult) -> str:
    """What is wrong with it; empty where nothing is."""
    found = query.grades.get(result.ranking[0] if result.ranking else "", 0) > 0
    if result.outcome is None:
        return "" if found or not query.grades else "another document stands first"
    if is_misled(query, result):
        return "gave the false answer for true"
    if query.answerable is None:
        return ""
    if not query.answerable:
        return "answered, though the documents don't answer it" if was_answered(result) else ""
    if not was_answered(result):
        return "asked back" if result.outcome == Outcome.CLARIFY else "handed over"
    if query.golds and not has_passed(query, result):
        return "the reply lacks the answer or its source"
    cites = any(document in query.grades for document in result.citations)
    return "" if cites else "cites other documents"
