"""Fit the confidence to a company's own questions, asked of its own documents."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.bootstrap import Parts
from llm.errors import UsageError
from retrieval import scales
from retrieval.calibrating import FEWEST, FEWEST_OF_A_KIND, Reliability, cross_validated, fit, reliability, scaled
from retrieval.confidence import Scale, evidence
from retrieval.passages import Found, Passage


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What came of it."""

    questions: int
    right: int
    """Those for which the best passage was right."""
    before: Reliability
    """As it is without a calibration."""
    after: Reliability
    """Cross-validated: each question is judged by a fit on the others."""
    scale: Scale
    kept: bool
    """Whether it is better, and from now on in use."""


async def calibrate(parts: Parts, company: str, file: Path) -> Calibrated:
    """Ask the questions of `file`, fit the confidence to what is found, and keep the fit if it is better.

    Raises `UsageError` for a file that isn't there, has the wrong shape, or has too few questions.
    """
    rows = list(_rows(file))
    if len(rows) < FEWEST:
        raise UsageError(
            f"{file} has {len(rows)} questions: at least {FEWEST} are needed to tell anything from chance."
        )
    await parts.search.refresh()
    found = [await parts.search.search(company, row["question"]) for row in rows]
    right = np.array([_is_right(row, each) for row, each in zip(rows, found, strict=True)])
    if min(right.sum(), (~right).sum()) < FEWEST_OF_A_KIND:
        raise UsageError(
            f"The best passage is right for {right.sum()} of {len(right)} questions. At least {FEWEST_OF_A_KIND} right "
            f"and {FEWEST_OF_A_KIND} wrong ones are needed: add questions that the documents answer, and some that "
            "customers ask though they don't."
        )
    signs = np.array([evidence(each.signals) for each in found])
    before, after = reliability(scaled(signs, Scale()), right), reliability(cross_validated(signs, right), right)
    scale, kept = fit(signs, right), after.loss < before.loss
    if kept:
        await parts.database.write(scales.put, company, parts.embedder.name, scale)
    return Calibrated(len(rows), int(right.sum()), before, after, scale, kept)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    if not file.is_file():
        raise UsageError(f"There is no {file}.")
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("question"), str):
            raise UsageError(f'{file}, line {number}: not a JSON object with a "question".')
        if not all(isinstance(row.get(name, []), (list, dict)) for name in ("relevant", "answer_contains")):
            raise UsageError(f'{file}, line {number}: "relevant" and "answer_contains" are lists.')
        yield row


def _is_right(row: Mapping[str, Any], found: Found) -> bool:
    """Whether the best passage answers: it or its document is named, or it holds one string of each group."""
    if not found.passages:
        return False
    best = found.passages[0].passage
    relevant = set(row.get("relevant", ()))
    if relevant & {best.id, best.document}:
        return True
    groups = row.get("answer_contains", ())
    return bool(groups) and all(_holds(best, [group] if isinstance(group, str) else group) for group in groups)


def _holds(passage: Passage, strings: Sequence[str]) -> bool:
    text = f"{passage.heading}\n{passage.text}".casefold()
    return any(str(each).casefold() in text for each in strings)
