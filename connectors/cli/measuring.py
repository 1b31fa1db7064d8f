"""Measurements: `evaluate` and `calibrate`."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.cli.command import Invocation, command
from connectors.cli.console import Steps, plain, table
from llm.errors import AnswerdeskError, UsageError

if TYPE_CHECKING:
    from bot.evaluation import Difference, Evaluation, Measure
    from bot.evaluation.calibrating import Calibrated

PANEL = "Upkeep"


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    command(app, PANEL, company=False)(evaluate)
    command(app, PANEL)(calibrate)


async def evaluate(
    call: Invocation,
    place: Annotated[Path, typer.Argument(metavar="PLACE", help="A folder or file of questions, or of conversations.")],
    corpus: Annotated[
        Path | None, typer.Option(metavar="DOCUMENTS", help="Documents (JSON lines, or any folder), not corpus.jsonl.")
    ] = None,
    queries: Annotated[Path | None, typer.Option(metavar="FILE", help="Questions, instead of queries.jsonl.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Ask the first N questions only.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="Load only the documents that have this value; repeatable."),
    ] = None,
    apart_by: Annotated[
        str, typer.Option(metavar="FIELD", help="Documents and questions with the same value here are a company each.")
    ] = "sub",
    runs: Annotated[int, typer.Option(min=1, metavar="K", help="Hold each conversation so often, for pass^K.")] = 1,
    answers: Annotated[bool, typer.Option("--answers", metavar="", help="Judge answers, not only rankings.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write each question's outcome here.")] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="EARLIER", help="What --out wrote in an earlier run: compare with it.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page with plots here.")] = None,
    fail_below: Annotated[
        list[str] | None,
        typer.Option(metavar="MEASURE=VALUE", help="End with exit code 1 where a measure is worse; repeatable."),
    ] = None,
) -> None:
    """Measure search and answers on questions of which you know the right documents; or whole conversations.

    Works in a scratch store: your own documents are neither used nor changed. A line of corpus.jsonl holds `id`,
    `title`, `text` and perhaps `lang`; one of queries.jsonl `id`, `question`, perhaps `lang`, and `relevant` (ids of
    documents; empty where the documents don't answer). Conversations and attacks are told by what is in the file.

    [not dim]Examples[/]

      [cyan]answerdesk evaluate questions/[/]
      [cyan]answerdesk evaluate questions/ --answers --out outcome.jsonl --json[/]
      [cyan]answerdesk evaluate questions/ --answers --compare outcome.jsonl --report report.html[/]
      [cyan]answerdesk evaluate questions/ --fail-below hit@1=0.9 --fail-below de:hit@1=0.85[/]
      [cyan]answerdesk evaluate questions.jsonl --corpus documents/ --answers[/]
      [cyan]answerdesk evaluate conversations.toml --runs 4 --fail-below pass^4=1[/]

    [not dim]Next:[/] look into the page of `--report` for the questions that went wrong.
    """
    from bot.evaluation import Selection, Threshold, check_place, missed, write_report
    from bot.evaluation import evaluate as measure

    thresholds = [Threshold.parse(each, answers=answers) for each in fail_below or ()]
    if report:
        check_place(report)
    with Steps(call.notes).shown() as steps:
        measured = await measure(
            call.settings,
            place,
            corpus=corpus,
            queries=queries,
            chosen=Selection(limit, dict(map(_field, where or ())), apart_by),
            answers=answers,
            runs=runs,
            out=out,
            earlier=compare,
            progress=steps,
        )
    if report:
        await asyncio.to_thread(write_report, report, measured, place.resolve().stem)
    if not call.result(_finite(measured.summary())):
        _show(call, measured)
    if out:
        call.note(f"Each question's outcome is in {out}", "dim")
    if report:
        call.note(f"The report is {report}", "dim")
    if below := list(missed(measured, thresholds)):
        raise AnswerdeskError(" ".join(below))


async def calibrate(
    call: Invocation,
    questions: Annotated[
        Path | None, typer.Argument(metavar="[QUESTIONS.jsonl]", help="Your own questions, 40 or more.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", metavar="", help="Forget your calibration.")] = False,
) -> None:
    """Fit the confidence to questions of your own, so that 0.8 means right in 8 of 10 cases with your documents.

    A line holds `question` and what the right passage is told by: `relevant` (ids of documents or passages), or
    `answer_contains` (strings of which it holds one; or lists of them, of each of which it holds one). A line without
    either is a question that your documents don't answer: have some of those, too.

    [not dim]Examples[/]

      [cyan]answerdesk calibrate questions.jsonl[/]
      [cyan]answerdesk calibrate --reset[/]

    [not dim]Next:[/] say by [cyan]answering.wrong_answer_costs[/] how sure an answer has to be.
    """
    from bot.evaluation.calibrating import calibrate as fit_to
    from retrieval import scales

    if (questions is None) is not reset:
        raise UsageError("Name a file of questions, or --reset to forget what an earlier one taught.")
    async with call.parts() as parts:
        if questions is None:
            held = await parts.database.write(scales.remove, call.company, parts.embedder.name)
            if not call.result({"forgotten": held}):
                call.out.print("The calibration is forgotten." if held else "There was no calibration.")
            return
        came = await fit_to(parts, call.company, questions)
    if not call.result(asdict(came)):
        _show_calibration(call, came)


def _show_calibration(call: Invocation, came: "Calibrated") -> None:
    call.out.print(f"{came.questions} questions, {came.right} of which find the right passage first", style="bold")
    rows = table("Confidence", "Questions", "said", "right", right=frozenset({"Questions", "said", "right"}))
    for title, measured in (("before", came.before), ("after", came.after)):
        rows.add_row(f"{title}: error {measured.brier:.3f}", "", "", "")
        for band in measured.bands:
            rows.add_row(
                f"  {band.low:.2f} to {band.high:.2f}",
                str(band.questions),
                f"{band.confidence:.2f}",
                f"{band.right:.2f}",
            )
    call.out.print(rows)
    if came.kept:
        call.out.print("Kept: from now on your confidences are scaled so. `answerdesk calibrate --reset` undoes it.")
    else:
        call.out.print("Not kept: on questions it has not seen, it would be no better than what you have.")


def _finite(value: Any) -> Any:
    """JSON has no NaN: a mean of nothing is null."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _field(said: str) -> tuple[str, str]:
    name, equals, value = said.partition("=")
    if not name or not equals:
        raise UsageError(f"--where {said}: give a field and its value, as in lang=en.")
    return name, value


def _show(call: Invocation, measured: "Evaluation") -> None:
    what = "questions" if measured.checks is None else "conversations"
    call.out.print(f"{measured.questions} {what}, {measured.documents} documents; mean [95 % interval]", style="bold")
    for groups in (measured.retrieval, measured.checks or {}):
        if groups:
            _show_groups(call, groups)
    if measured.checks is None:
        _show_answers(call, measured)
    for each in measured.played:
        if each.why:
            call.out.print(f"{plain(each.id)}: {plain('; '.join(each.why))}", style="yellow")
    if measured.comparison:
        _show_comparison(call, measured.comparison)


def _show_groups(call: Invocation, groups: "Mapping[str, Mapping[str, Measure]]") -> None:
    rows = table("", "Count", *next(iter(groups.values())), right=frozenset({"Count"}))
    for group, measures in groups.items():
        count = max(measure.count for measure in measures.values())
        rows.add_row(plain(group), str(count), *(_interval(measure) for measure in measures.values()))
    call.out.print(rows)


def _show_answers(call: Invocation, measured: "Evaluation") -> None:
    """What is measured of confidence and answers: a line a measure, and the group in which it is worst."""
    names = [*measured.confidence["all"], *(measured.answers or ())]
    rows = table("Answers", "Questions", "", "worst", right=frozenset({"Questions"}))
    for name in names:
        measure = measured.measure(name)
        if measure and (measure.count or measured.answers):
            worst = measured.worst(name)
            rows.add_row(
                name,
                str(measure.count),
                _interval(measure),
                _of(worst),
            )
    if rows.row_count:
        call.out.print()
        call.out.print(rows)
    if groups := measured.answers_by_language:
        call.out.print()
        _show_by_group(call, measured, groups)


def _of(named: "tuple[str, Measure] | None") -> str:
    return f"{plain(named[0])}: {_interval(named[1])}" if named else ""


def _show_by_group(call: Invocation, measured: "Evaluation", groups: "Mapping[str, Mapping[str, Measure]]") -> None:
    """A line a group, with the measures that were taken of any."""
    names = [name for name in measured.answers or () if any(each[name].count for each in groups.values())]
    rows = table("", *names)
    for group, measures in groups.items():
        rows.add_row(plain(group), *(_interval(measures[name]) for name in names))
    call.out.print(rows)


def _show_comparison(call: Invocation, comparison: "Mapping[str, Mapping[str, Difference]]") -> None:
    rows = table("Compared", "Questions", "earlier", "later", "difference", "p", right=frozenset({"Questions"}))
    for group, named in comparison.items():
        for name, each in named.items():
            if each.count:
                rows.add_row(
                    name if group == "all" else f"{plain(group)}: {name}",
                    str(each.count),
                    f"{each.earlier:.3f}",
                    f"{each.later:.3f}",
                    f"{each.difference:+.3f} [{each.low:+.3f}, {each.high:+.3f}]",
                    f"{each.p:.3f}{' *' if each.is_significant else ''}",
                )
    call.out.print()
    call.out.print(rows)
    call.out.print("* differs by more than chance: p below 0.05, paired bootstrap over questions", style="dim")


def _interval(measure: "Measure") -> str:
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]" if measure.count else "-"
