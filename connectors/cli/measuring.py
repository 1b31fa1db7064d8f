"""Measurements: `evaluate`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.cli.command import Invocation, command
from connectors.cli.console import Steps, table

if TYPE_CHECKING:
    from bot.evaluation import Evaluation, Measure

PANEL = "Upkeep"


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    command(app, PANEL, company=False)(evaluate)


async def evaluate(
    call: Invocation,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Holds corpus.jsonl and queries.jsonl.")],
    corpus: Annotated[Path | None, typer.Option(metavar="FILE", help="Documents, instead of corpus.jsonl.")] = None,
    queries: Annotated[Path | None, typer.Option(metavar="FILE", help="Questions, instead of queries.jsonl.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Ask the first N questions only.")] = None,
    answers: Annotated[bool, typer.Option("--answers", metavar="", help="Judge answers, not only rankings.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write each question's outcome here.")] = None,
) -> None:
    """Measure search and answers on questions of which you know the right documents.

    Works in a scratch store: your own documents are neither used nor changed. A line of corpus.jsonl holds `id`,
    `title`, `text` and perhaps `lang`; one of queries.jsonl `id`, `question`, perhaps `lang`, and `relevant` (ids of
    documents; empty where the documents don't answer).

    [not dim]Examples[/]

      [cyan]answerdesk evaluate questions/[/]
      [cyan]answerdesk evaluate questions/ --answers --out outcome.jsonl --json[/]

    [not dim]Next:[/] look into the file of `--out` for the questions that went wrong.
    """
    from bot.evaluation import evaluate as measure

    with Steps(call.notes).shown() as steps:
        measured = await measure(
            call.settings,
            folder,
            corpus=corpus,
            queries=queries,
            limit=limit,
            answers=answers,
            out=out,
            progress=steps,
        )
    if not call.result(_finite(measured.summary())):
        _show(call, measured)
    if out:
        call.note(f"Each question's outcome is in {out}", "dim")


def _finite(value: Any) -> Any:
    """JSON has no NaN: a mean of nothing is null."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _show(call: Invocation, measured: "Evaluation") -> None:
    call.out.print(
        f"{measured.questions} questions, {measured.documents} documents; mean [95 % interval]", style="bold"
    )
    groups = measured.retrieval
    rows = table("", "Questions", *next(iter(groups.values())), right=frozenset({"Questions"}))
    for group, measures in groups.items():
        count = max(measure.count for measure in measures.values())
        rows.add_row(group, str(count), *(_interval(measure) for measure in measures.values()))
    call.out.print(rows)
    if measured.answers:
        rows = table("Answers", "Questions", "", right=frozenset({"Questions"}))
        for name, measure in measured.answers.items():
            rows.add_row(name, str(measure.count), _interval(measure))
        call.out.print()
        call.out.print(rows)


def _interval(measure: "Measure") -> str:
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]" if measure.count else "-"
