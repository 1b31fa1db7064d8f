"""Fit the confidence of a search, and draw how far it can be trusted.

About half of each set's answers are taken out, every question is asked, and a logistic regression learns from the
signals whether the best passage is right. Each family of sets is predicted by a fit on the others; the plot shows that.

    python benchmarks/confidence.py [--data ../shared/data] [--plot docs/images/confidence.svg]

The sets are described in the data folder's README; the sample company in `examples/` is predicted, never fitted on.
"""

import argparse
import asyncio
import hashlib
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.bootstrap import open_parts
from bot.settings import load_settings
from retrieval.confidence import values
from retrieval.passages import Audience, Found

Floats = NDArray[np.float64]
ROOT = Path(__file__).parent.parent
NAMES = ("INTERCEPT", "COSINE", "MARGIN", "TRANSLATED", "AROUND", "KNOWN")


@dataclass(frozen=True)
class Set:
    """Documents that stay, and the questions asked of them."""

    name: str
    documents: list[dict[str, Any]]
    queries: list[dict[str, Any]]

    @property
    def family(self) -> str:
        """Sets of one family share documents."""
        return self.name.split("-")[0]


@dataclass(frozen=True)
class Case:
    """One question: its signals, whether it has an answer, and whether the best passage is it."""

    set: Set
    signals: list[float]
    answerable: bool
    right: bool


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def stays(group: object) -> bool:
    return hashlib.sha256(f"keep-{group}".encode()).digest()[0] % 2 == 0


def quarter(group: object) -> int:
    return hashlib.sha256(f"m{group}".encode()).digest()[0] % 4


def sets(data: Path) -> Iterator[Set]:
    documents, queries = (rows(data / "stackfaq/dev" / f"{name}.jsonl") for name in ("corpus", "queries"))
    yield Set("stackfaq-half", [each for each in documents if stays(each["thread"])], queries)
    yield Set("stackfaq-partial", [each for each in documents if each["in_partial_kb"]], queries)
    documents, queries = (rows(data / "covidfaq/dev" / f"{name}.jsonl") for name in ("corpus", "queries"))
    for part in sorted({each["sub"] for each in documents}):
        kept = [each for each in documents if each["sub"] == part and stays(each["title"])]
        yield Set(f"covidfaq-{part}", kept, [each for each in queries if each["sub"] == part])
    documents, queries = (rows(data / "multihelp/dev" / f"{name}.jsonl") for name in ("corpus", "queries"))
    yield Set("multihelp", [each for each in documents if stays(each["group"])], queries)
    documents, queries = (rows(data / "xquad5/dev" / f"{name}.jsonl") for name in ("corpus", "queries"))
    for asked, held in (("en", "en"), ("zh", "zh"), ("ru", "ru"), ("zh", "en")):
        kept = [each for each in documents if each["lang"] == held and stays(each["id"].split("-", 2)[2])]
        yield Set(f"xquad5-{asked}-{held}", kept, [each for each in queries if each["lang"] == asked][::2])
    for asked in ("de", "ru", "zh"):  # a quarter of the answers in the question's language, another one in English
        share = {asked: 0, "en": 1}
        kept = [each for each in documents if share.get(each["lang"]) == quarter(each["par"])]
        yield Set(f"xquad5-{asked}-mixed", kept, [each for each in queries if each["lang"] == asked][::2])


def features(found: Found) -> list[float]:
    return list(values(found.signals))


async def ask(each: Set, models: Path) -> AsyncIterator[Case]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_parts(load_settings(data_dir=folder, models_dir=models)) as parts:
            file = Path(folder) / "corpus.jsonl"
            kept = ("id", "title", "text", "lang")
            lines = [json.dumps({name: doc[name] for name in kept if name in doc}) for doc in each.documents]
            file.write_text("\n".join(lines), encoding="utf-8")
            async for report in parts.ingestion("company", Audience.PUBLIC).run([file]):
                assert report.error is None, report
            await parts.search.refresh()
            loaded = {doc["id"] for doc in each.documents}
            for query in each.queries:
                relevant = set(query.get("relevant_any_lang") or query["relevant"]) & loaded
                found = await parts.search.search("company", query["question"])
                right = bool(found.passages) and found.passages[0].passage.document in relevant
                yield Case(each, features(found), bool(relevant), right)


async def ask_sample(models: Path) -> AsyncIterator[Case]:
    name = Set("sample", [], [])
    with tempfile.TemporaryDirectory() as folder:
        async with open_parts(load_settings(data_dir=folder, models_dir=models)) as parts:
            async for report in parts.ingestion("company", Audience.PUBLIC).run([ROOT / "examples/halden-bikes"]):
                assert report.error is None, report
            await parts.search.refresh()
            for query in rows(ROOT / "examples/questions.jsonl"):
                found = await parts.search.search("company", query["question"])
                best = found.passages[0].passage
                groups = query.get("answer_contains") or [["\0"]]
                text = f"{best.question} {best.text}".casefold()
                right = all(any(one.casefold() in text for one in group) for group in groups)
                yield Case(name, features(found), not query.get("unanswerable"), right)


def fit(inputs: Floats, right: Floats, weights: Floats, ridge: float = 1e-3) -> Floats:
    """Logistic regression by Newton's method on standardised inputs; returns the intercept and the raw weights."""
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
    columns = np.c_[np.ones(len(inputs)), (inputs - mean) / spread]
    found = np.zeros(columns.shape[1])
    for _ in range(50):
        predicted = 1 / (1 + np.exp(-columns @ found))
        gradient = columns.T @ (weights * (predicted - right)) + ridge * np.r_[0, found[1:]]
        curvature = (columns.T * (weights * predicted * (1 - predicted))) @ columns + ridge * np.eye(len(found))
        found -= np.linalg.solve(curvature, gradient)
    slopes = found[1:] / spread
    return np.r_[found[0] - slopes @ mean, slopes]


def predict(weights: Floats, inputs: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-(weights[0] + inputs @ weights[1:]))))


def auroc(right: Floats, predicted: Floats) -> float:
    positive, negative = predicted[right == 1], predicted[right == 0]
    if not len(positive) or not len(negative):
        return float("nan")
    above = (positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean()
    return float(above)


def fitted(cases: list[Case]) -> Floats:
    inputs = np.array([case.signals for case in cases])
    right = np.array([float(case.right) for case in cases])
    sizes = {case.set.name: sum(other.set.name == case.set.name for other in cases) for case in cases}
    names = {case.set.name for case in cases}
    return fit(inputs, right, np.array([1 / sizes[case.set.name] / len(names) for case in cases]))


def report(name: str, cases: list[Case], predicted: Floats) -> None:
    right = np.array([float(case.right) for case in cases])
    answerable = np.array([case.answerable for case in cases])
    cells = [f"{name:24}", f"{len(cases):5}", f"{auroc(right, predicted):6.3f}"]
    for threshold in (0.2, 0.4, 0.5, 0.6, 0.7):
        over = predicted >= threshold
        wrong = over[~answerable].mean() if (~answerable).any() else float("nan")
        precision = right[over].mean() if over.any() else float("nan")
        cells.append(f"{over[answerable].mean():5.2f} {wrong:5.2f} {precision:5.2f}")
    print(" | ".join(cells))


def draw(path: Path, families: dict[str, tuple[Floats, Floats]]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "answerdesk", "font.size": 11})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 5.2))
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="as predicted")
    for name, (predicted, right) in families.items():
        edges = np.quantile(predicted, np.linspace(0, 1, 9))
        bins = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, 7)
        points = [(predicted[bins == b].mean(), right[bins == b].mean()) for b in range(8) if (bins == b).any()]
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=name)
    axes.set(xlabel="confidence", ylabel="share of right best passages", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ANSWERDESK_EVAL_DATA", str(ROOT.parent / "shared/data"))
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--plot", type=Path, default=ROOT / "docs/images/confidence.svg")
    arguments = parser.parse_args()
    models = load_settings().models
    cases = [case for each in sets(arguments.data) async for case in ask(each, models)]
    sample = [case async for case in ask_sample(models)]
    print("set | questions | AUROC | at .2, .4, .5, .6, .7: coverage, false answers, precision (fitted on the others)")
    families: dict[str, tuple[Floats, Floats]] = {}
    for family in dict.fromkeys(case.set.family for case in cases):
        weights = fitted([case for case in cases if case.set.family != family])
        own = [case for case in cases if case.set.family == family]
        for name in dict.fromkeys(case.set.name for case in own):
            part = [case for case in own if case.set.name == name]
            report(name, part, predict(weights, np.array([case.signals for case in part])))
        inputs = np.array([case.signals for case in own])
        families[family] = predict(weights, inputs), np.array([float(case.right) for case in own])
    weights = fitted(cases)
    predicted = predict(weights, np.array([case.signals for case in sample]))
    report("sample company", sample, predicted)
    families["sample company"] = predicted, np.array([float(case.right) for case in sample])
    draw(arguments.plot, families)
    print(dict(zip(NAMES, weights.round(2).tolist(), strict=True)))


if __name__ == "__main__":
    asyncio.run(main())
