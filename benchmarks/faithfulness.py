"""Fit the support score of a sentence on WiCE and FaithBench, and measure what it and its threshold are worth.

WiCE's claims are supported, or not or only partly, by an article; FaithBench's summaries are cut into sentences, which
are wrong where a marked span (unwanted or questionable) lies in them. Each tenth of the sources is judged by a fit on
the other nine; only sentences that the rules let pass are fitted on, since only they are scored.

    python benchmarks/faithfulness.py [--data ../shared/data] [--out benchmarks/results/faithfulness.json]
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from confidence import auroc, fit, predict, rows
from numpy.typing import NDArray

from bot.verification.sentences import split_sentences
from bot.verification.supporting import Signals, signals_of
from bot.verification.verifying import Flaw, verify
from retrieval.passages import Passage

Floats = NDArray[np.float64]
NAMES = ("COVERED", "TOGETHER", "NEW")
WRONG = ("Unwanted", "Questionable")
COST = 2.0
"""What a wrong sentence that is shown costs, in good ones that are withheld."""
FOLDS = 10
DRAWS = 1_000


@dataclass(frozen=True)
class Case:
    """A sentence with its source."""

    set: str
    source: str
    kind: str
    """`supported`, `partial`, `unsupported`, `consistent` or `hallucinated`."""
    flaw: Flaw | None
    """What the rules find."""
    signals: Signals

    @property
    def good(self) -> bool:
        return self.kind in ("supported", "consistent")


def wice(data: Path) -> Iterator[tuple[str, str, str, str]]:
    kinds = {"supported": "supported", "partially_supported": "partial", "not_supported": "unsupported"}
    for row in rows(data / "faithfulness/dev/wice.jsonl"):
        yield row["id"], kinds[row["label"]], row["question"], "\n".join(row["passages"])


def faithbench(data: Path) -> Iterator[tuple[str, str, str, str]]:
    for row in rows(data / "faithfulness/dev/faithbench.jsonl"):
        start = 0
        for sentence in split_sentences(row["question"]):
            start = row["question"].index(sentence, start)
            end = start + len(sentence)
            wrong = any(_is_wrong(span) and span["start"] < end and span["end"] > start for span in row["spans"])
            kind = "hallucinated" if wrong else "consistent"
            yield row["id"].rpartition("-")[0], kind, sentence, "\n".join(row["passages"])
            start = end


def _is_wrong(span: dict[str, Any]) -> bool:
    return any(label.split(".")[0] in WRONG for label in span["label"])


def cases(data: Path) -> list[Case]:
    found = []
    for name, read in (("wice", wice), ("faithbench", faithbench)):
        for source, kind, sentence, text in read(data):
            passages = [Passage("source#0", "source", 0, "", text, language="en")]
            flaw = verify(sentence, passages).flaw
            known = None if flaw is Flaw.SUPPORT else flaw
            found.append(Case(name, source, kind, known, signals_of(sentence, passages, "en")))
    return found


def fitted(chosen: list[Case], columns: list[int]) -> Floats:
    inputs, good = _inputs(chosen, columns), np.array([float(case.good) for case in chosen])
    counts = {name: sum(case.set == name for case in chosen) for name in ("wice", "faithbench")}
    return fit(inputs, good, np.array([1 / counts[case.set] for case in chosen]))


def _inputs(chosen: list[Case], columns: list[int]) -> Floats:
    return np.array([astuple(case.signals) for case in chosen])[:, columns]


def predicted(all_cases: list[Case], columns: list[int]) -> Floats:
    """What a fit on the other sources says of each case."""
    sources = sorted({case.source for case in all_cases})
    np.random.default_rng(0).shuffle(sources)
    folds = {source: number % FOLDS for number, source in enumerate(sources)}
    of = np.array([folds[case.source] for case in all_cases])
    scores = np.zeros(len(all_cases))
    for fold in range(FOLDS):
        known = [case for case, number in zip(all_cases, of, strict=True) if number != fold and case.flaw is None]
        scores[of == fold] = predict(fitted(known, columns), _inputs(all_cases, columns)[of == fold])
    return scores


Statistic = Callable[[Floats, Floats], float]


def interval(all_cases: list[Case], chosen: NDArray[np.bool_], score: Floats, of: Statistic) -> dict[str, float]:
    """A statistic of good and score with its 95 % interval: a bootstrap over sources."""
    picked = np.flatnonzero(chosen)
    good = np.array([float(case.good) for case in all_cases])
    groups: dict[str, list[int]] = {}
    for index in picked:
        groups.setdefault(all_cases[index].source, []).append(index)
    names, random, drawn = list(groups), np.random.default_rng(0), []
    for _ in range(DRAWS):
        draw = [index for name in random.choice(len(names), len(names)) for index in groups[names[name]]]
        drawn.append(of(good[draw], score[draw]))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return {"value": round(of(good[picked], score[picked]), 3), "low": round(low, 3), "high": round(high, 3)}


def balanced(good: Floats, shown: Floats) -> float:
    return float((shown[good == 1].mean() + 1 - shown[good == 0].mean()) / 2)


def measure(all_cases: list[Case]) -> dict[str, Any]:
    clean = np.array([case.flaw is None for case in all_cases])
    by_set = {name: np.array([case.set == name for case in all_cases]) for name in ("wice", "faithbench")}
    scores = {name: predicted(all_cases, [column]) for column, name in enumerate(NAMES)}
    scores["all three"] = whole = predicted(all_cases, [0, 1, 2])
    quality = {
        name: {each: interval(all_cases, members & clean, score, auroc) for each, members in by_set.items()}
        for name, score in scores.items()
    }
    table = []
    for threshold in (0.0, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8):
        shown = (clean & (whole >= threshold)).astype(float)
        shares = {kind: _share(all_cases, shown, kind) for kind in dict.fromkeys(case.kind for case in all_cases)}
        bad = sum(bool(one) and not case.good for one, case in zip(shown, all_cases, strict=True))
        lost = sum(not one and case.good for one, case in zip(shown, all_cases, strict=True))
        accuracy = {each: interval(all_cases, members, shown, balanced) for each, members in by_set.items()}
        table.append({"threshold": threshold, "shown": shares, "cost": COST * bad + lost, "balanced": accuracy})
    weights = fitted([case for case in all_cases if case.flaw is None], [0, 1, 2])
    flaws: dict[str, dict[str, int]] = {}
    for case in all_cases:
        counts = flaws.setdefault(case.kind, {})
        counts[case.flaw or "none"] = counts.get(case.flaw or "none", 0) + 1
    named = dict(zip(("INTERCEPT", *NAMES), (round(float(each), 2) for each in weights), strict=True))
    return {"weights": named, "auroc": quality, "rules": flaws, "thresholds": table}


def _share(all_cases: list[Case], shown: Floats, kind: str) -> float:
    return round(float(np.mean([one for one, case in zip(shown, all_cases, strict=True) if case.kind == kind])), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    measured = measure(cases(options.data))
    print(json.dumps(measured, indent=1))
    if options.out:
        options.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
