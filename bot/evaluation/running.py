"""Load documents into a scratch store, ask every question or hold every conversation, and measure what comes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.evaluation.asking import ask_all
from bot.evaluation.estimating import Difference, Measure, Statistic, compare, estimate
from bot.evaluation.injections import World, compared
from bot.evaluation.loading import Progress, load, names, scratch
from bot.evaluation.materials import Place, Questions, Scripts, read_materials
from bot.evaluation.outcomes import read_played, read_results, write_results
from bot.evaluation.playing import Played, open_stage, play_all
from bot.evaluation.questions import QuestionResult, Selection
from bot.evaluation.scoring import ANSWERS, CONFIDENCE, LOWER_IS_BETTER, RETRIEVAL, Pair, Scores, check_scores, scores
from bot.settings import Settings
from llm.errors import UsageError

NOTHING = Selection()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measures by group (`all`, then each language and kind), and what they were taken from."""

    questions: int
    """Or conversations."""
    documents: int
    retrieval: Mapping[str, Mapping[str, Measure]] = field(default_factory=dict)
    confidence: Mapping[str, Mapping[str, Measure]] = field(default_factory=dict)
    answers: Mapping[str, Measure] | None = None
    answers_by_language: Mapping[str, Mapping[str, Measure]] | None = None
    """And by kind."""
    comparison: Mapping[str, Mapping[str, Difference]] | None = None
    """With an earlier run, on the questions that both asked."""
    checks: Mapping[str, Mapping[str, Measure]] | None = None
    """Of conversations."""
    pairs: Sequence[Pair] = field(repr=False, default=())
    played: Sequence[Played] = field(repr=False, default=())

    @property
    def results(self) -> Sequence[QuestionResult]:
        """What came of each question."""
        return [result for _, result in self.pairs]

    def summary(self) -> dict[str, Any]:
        """All but the single questions and conversations, as plain data."""
        whole = asdict(replace(self, pairs=(), played=()))
        return {name: value for name, value in whole.items() if name not in ("pairs", "played")}

    def measure(self, name: str, group: str = "all") -> Measure | None:
        """One measure; None if it was not taken."""
        return self.measures(group).get(name)

    def measures(self, group: str) -> Mapping[str, Measure]:
        """All that were taken of a group, by their names."""
        answers = self.answers if group == "all" else (self.answers_by_language or {}).get(group)
        checks = (self.checks or {}).get(group)
        return {**self.retrieval.get(group, {}), **self.confidence.get(group, {}), **(answers or {}), **(checks or {})}

    @property
    def groups(self) -> Sequence[str]:
        """`all`, then the languages and kinds."""
        return list(dict.fromkeys([*self.retrieval, *self.confidence, *(self.checks or ())]))

    def worst(self, name: str) -> tuple[str, Measure] | None:
        """The group in which a measure is worst; None where there are no groups."""
        sign = -1 if name in LOWER_IS_BETTER else 1
        taken = [(group, self.measures(group).get(name)) for group in self.groups if group != "all"]
        known = [(group, each) for group, each in taken if each and each.count]
        return min(known, key=lambda named: sign * named[1].value, default=None)


async def evaluate(
    settings: Settings,
    path: Path,
    *,
    corpus: Path | None = None,
    queries: Path | None = None,
    chosen: Selection = NOTHING,
    answers: bool = False,
    runs: int = 1,
    out: Path | None = None,
    earlier: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Evaluation:
    """Measure on what `path` holds: questions and documents, passages of their own, attacks, or conversations.

    Documents that carry a `sub` are a company each: a question searches those of its own `sub` only. A question whose
    relevant documents are none of them loaded can't be answered; it counts for the answers, not for retrieval.
    Conversations are held `runs` times. `earlier` is what `out` was in another run, to compare with.
    Raises `UsageError` for files that aren't there or have the wrong shape.
    """
    if out:
        check_place(out)
    found = read_materials(Place(path, corpus, queries, chosen, settings.company.id))
    if isinstance(found, Questions):
        before = read_results(earlier) if earlier else None
        measured = await _ask(settings, found, before, progress, answers=answers)
    else:
        held = read_played(earlier) if earlier else None
        measured = await _hold(settings, found, runs, held, progress)
    if out:
        await asyncio.to_thread(write_results, out, measured.results or measured.played)
    return measured


async def _ask(
    settings: Settings,
    found: Questions,
    before: Mapping[str, QuestionResult] | None,
    progress: Progress,
    *,
    answers: bool,
) -> Evaluation:
    async with scratch(settings, {}) as parts:
        await load(parts, found.parts, progress)
        called = {name: value for part in found.parts for name, value in (await names(parts, part)).items()}
        results = await ask_all(parts, found.queries, called, progress, answers=answers)
    pairs = list(zip(found.queries, results, strict=True))
    documents = sum(len(part.ids) for part in found.parts)
    return await asyncio.to_thread(_measured, documents, pairs, before, answers=answers)


async def _hold(
    settings: Settings,
    found: Scripts | World,
    runs: int,
    before: Mapping[str, Played] | None,
    progress: Progress,
) -> Evaluation:
    voices = found.voices if isinstance(found, World) else {}
    async with scratch(settings, voices) as parts:
        await load(parts, found.parts, progress)
        called = {name: value for part in found.parts for name, value in (await names(parts, part)).items()}
        async with open_stage(parts, [part.company for part in found.parts], called) as stage:
            came = await play_all(stage, found.scripts, runs, lambda *done: progress("Holding conversations", *done))
    played = compared(came) if isinstance(found, World) else [each for each, _ in came]
    documents = sum(max(len(part.documents), len(part.files)) for part in found.parts)
    return await asyncio.to_thread(_checked, documents, played, before, runs)


def _checked(documents: int, played: Sequence[Played], earlier: Mapping[str, Played] | None, runs: int) -> Evaluation:
    return Evaluation(
        questions=len(played),
        documents=documents,
        checks=_estimates(check_scores(played, runs)),
        comparison=_checks_compared(played, earlier) if earlier is not None else None,
        played=played,
    )


def _checks_compared(played: Sequence[Played], earlier: Mapping[str, Played]) -> dict[str, dict[str, Difference]]:
    now = [each for each in played if each.id in earlier]
    if not now:
        raise UsageError("The earlier run held none of these conversations: there is nothing to compare.")
    then = [replace(earlier[each.id], kind=each.kind, language=each.language) for each in now]
    runs = min(len(each.runs) for each in [*now, *then])
    return _differences(check_scores(then, runs), check_scores(now, runs))


def _differences(
    old: Mapping[str, Mapping[str, Statistic]], new: Mapping[str, Mapping[str, Statistic]]
) -> dict[str, dict[str, Difference]]:
    return {
        group: {name: compare(old[group][name], each) for name, each in named.items()} for group, named in new.items()
    }


def _measured(
    documents: int, pairs: Sequence[Pair], earlier: Mapping[str, QuestionResult] | None, *, answers: bool
) -> Evaluation:
    answered = _estimates(scores(pairs, ANSWERS)) if answers else None
    return Evaluation(
        questions=len(pairs),
        documents=documents,
        retrieval=_estimates(scores(_graded(pairs), RETRIEVAL)),
        confidence=_estimates(scores(pairs, CONFIDENCE)),
        answers=answered["all"] if answered else None,
        answers_by_language={group: each for group, each in answered.items() if group != "all"} if answered else None,
        comparison=_comparison(pairs, earlier, answers=answers) if earlier is not None else None,
        pairs=pairs,
    )


def _graded(pairs: Sequence[Pair]) -> Sequence[Pair]:
    return [pair for pair in pairs if pair[0].grades]


def _estimates(statistics: Scores) -> dict[str, dict[str, Measure]]:
    return {group: {name: estimate(each) for name, each in named.items()} for group, named in statistics.items()}


def _comparison(
    pairs: Sequence[Pair], earlier: Mapping[str, QuestionResult], *, answers: bool
) -> dict[str, dict[str, Difference]]:
    """The questions that both runs asked, scored by what is known of them now."""
    now = [pair for pair in pairs if pair[0].id in earlier]
    if not now:
        raise UsageError("The earlier run asked none of these questions: there is nothing to compare.")
    then = [(query, earlier[query.id]) for query, _ in now]
    answers = answers and all(result.outcome for _, result in then)
    compared: dict[str, dict[str, Difference]] = {}
    for measures in (RETRIEVAL, CONFIDENCE, ANSWERS if answers else {}):
        some = _graded if measures is RETRIEVAL else list
        old, new = scores(some(then), measures), scores(some(now), measures)
        for group, found in _differences(old, new).items():
            compared[group] = compared.get(group, {}) | found
    return compared


def check_place(out: Path) -> None:
    """Before hours of work, not after, say that a file can't be written. Raises `UsageError`."""
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise UsageError(f"{out} can't be written: name a file in a folder that is there.")
