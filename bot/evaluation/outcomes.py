"""The outcomes of a run, in a file of a line each: anyone can score them anew, and a later run compares with them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from bot.evaluation.playing import Played
from bot.evaluation.questions import QuestionResult, rows
from llm.errors import UsageError


def read_results(path: Path) -> Mapping[str, QuestionResult]:
    """What came of each question in an earlier run. Raises `UsageError`."""
    known = [each.name for each in fields(QuestionResult)]
    found = {}
    for row in rows(path, ("id", "ranking", "confidence")):
        if not isinstance(row["ranking"], list) or not isinstance(row["confidence"], (int, float)):
            raise UsageError(f"{path} was not written by `answerdesk evaluate --out`.")
        found[str(row["id"])] = QuestionResult(**{"scores": ()} | {name: row[name] for name in known if name in row})
    return found


def read_played(path: Path) -> Mapping[str, Played]:
    """What came of each conversation in an earlier run. Raises `UsageError`."""
    known = [each.name for each in fields(Played)]
    found = {}
    for row in rows(path, ("id", "kind", "runs")):
        if not isinstance(row["runs"], list) or not row["runs"]:
            raise UsageError(f"{path} was not written by `answerdesk evaluate --out`.")
        found[str(row["id"])] = Played(**{"language": ""} | {name: row[name] for name in known if name in row})
    return found


def write_results(path: Path, results: Sequence[QuestionResult | Played]) -> None:
    """A line for each; what is rarely so stands only in the lines where it is."""
    lines = (json.dumps(_told(result), ensure_ascii=False) for result in results)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _told(result: QuestionResult | Played) -> dict[str, object]:
    return {name: value for name, value in asdict(result).items() if name != "disputed" or value}
