"""Questions that carry their own passages: what happens when these are noise, hold no answer, or a false one.

The format and the tests are those of RGB (Chen et al., Benchmarking Large Language Models in Retrieval-Augmented
Generation, 2023). The passages of each question are the knowledge of a company of its own.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.evaluation.questions import Part, Query, alternatives, rows
from llm.errors import UsageError

PASSAGES = 5
"""Of each question."""
NOISE = (0.0, 0.4, 0.8)
"""Shares of the passages that don't hold the answer."""
REJECTION, COUNTERFACTUAL = "rejection", "counterfactual"
NEEDED = ("id", "question", "gold_answer", "positive", "negative")


def read_robustness(files: Sequence[Path], limit: int | None) -> tuple[Mapping[str, Part], list[Query]]:
    """The companies, and what each of them is asked; `limit` questions of each file. Raises `UsageError`."""
    found = [each for file in files for row in list(rows(file, NEEDED))[:limit] for each in _tests(row)]
    return {query.id: part for query, part in found}, [query for query, _ in found]


def _tests(row: Mapping[str, Any]) -> Iterator[tuple[Query, Part]]:
    right, noise, wrong = (_texts(row, name) for name in ("positive", "negative", "positive_wrong"))
    for share in NOISE:
        silent = noise[: round(PASSAGES * share)]
        if held := right[: PASSAGES - len(silent)]:
            yield _test(row, f"noise {share:.1f}", held, silent)
    if noise:
        yield _test(row, REJECTION, [], noise[:PASSAGES])
    if wrong:
        yield _test(row, COUNTERFACTUAL, wrong[:PASSAGES], [])


def _test(row: Mapping[str, Any], kind: str, telling: Sequence[str], silent: Sequence[str]) -> tuple[Query, Part]:
    name = f"{row['id']} {kind}"
    texts = [*telling, *silent]
    part = Part(f"evaluation-{hashlib.sha256(name.encode()).hexdigest()[:16]}")
    part.documents.extend({"id": f"p{place}", "text": text} for place, text in enumerate(texts))
    part.ids.update(document["id"] for document in part.documents)
    false = kind == COUNTERFACTUAL
    query = Query(
        id=name,
        text=str(row["question"]),
        language=str(row.get("lang", "")),
        company=part.company,
        grades={f"p{place}": 1.0 for place in range(len(telling))},
        answerable=None if false else bool(telling),
        golds=alternatives(row, "gold_answer"),
        wrongs=[str(row.get("fake_answer") or "")] if false else [],
        kind=kind,
    )
    return query, part


def _texts(row: Mapping[str, Any], name: str) -> list[str]:
    given = row.get(name) or []
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise UsageError(f"Question {row['id']}: `{name}` must be a list of strings.")
    return [each for each in given if each.strip()]
