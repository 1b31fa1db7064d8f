"""Fit the confidence of a search, and draw how far it can be trusted.

About half of each set's answers are taken out, every question is asked, and a logistic regression learns from the
signals whether the best passage is right. Beside these, there are many small companies, which have 1, 3, 10 or 30
documents of a set, and are asked as many questions about others. Each family of sets is predicted by a fit on the
others; the plot shows that.

    python benchmarks/confidence.py [--data ../shared/data] [--plot docs/images/confidence.svg]

The sets are described in the data folder's README; the sample company in `examples/` is predicted, never fitted on,
and neither is `epqa`, whose passages are about each question without answering it.
"""

import argparse
import asyncio
import hashlib
import os
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from knowledge import Knowledge, Remembering
from numpy.typing import NDArray
from sets import Row, passages, read, rows

from bot.bootstrap import open_parts
from bot.settings import load_settings
from llm.embeddings import Embedder, load_embedder
from llm.settings import EmbeddingSettings
from retrieval.confidence import values
from retrieval.passages import Audience

Floats = NDArray[np.float64]
ROOT = Path(__file__).parent.parent
NAMES = ("INTERCEPT", "COSINE", "MARGIN", "BEYOND", "KNOWN", "TRANSLATED")
SIZES = {1: 24, 3: 10, 10: 6, 30: 4}
"""Documents of a small company, and how many such companies a set is made into."""
ASKED = 6
"""Questions that a small company can answer, and as many that it can't."""
NOT_FITTED = ("sample", "epqa")


@dataclass(frozen=True)
class Set:
    """Documents that stay, and the questions asked of them."""

    name: str
    documents: list[Row]
    queries: list[Row]
    size: int | None = None
    """Documents of a small company."""

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


def stays(group: object) -> bool:
    return hashlib.sha256(f"keep-{group}".encode()).digest()[0] % 2 == 0


def quarter(group: object) -> int:
    return hashlib.sha256(f"m{group}".encode()).digest()[0] % 4


def relevant(query: Row) -> set[str]:
    given = query.get("relevant_any_lang") or query["relevant"]
    return {each for each in given if not isinstance(given, dict) or (given[each] == 2 and query["answerable"])}


def sets(data: Path) -> Iterator[Set]:
    documents, queries = read(data, "stackfaq")
    yield Set("stackfaq-half", [each for each in documents if stays(each["thread"])], queries)
    yield Set("stackfaq-partial", [each for each in documents if each["in_partial_kb"]], queries)
    yield from small("stackfaq", documents, queries, lambda each: each["thread"])
    documents, queries = read(data, "covidfaq")
    for part in sorted({each["sub"] for each in documents}):
        mine = [each for each in documents if each["sub"] == part]
        asked = [each for each in queries if each["sub"] == part]
        yield Set(f"covidfaq-{part}", [each for each in mine if stays(each["title"])], asked)
        yield from small(f"covidfaq-{part}", mine, asked, lambda each: each["title"])
    documents, queries = read(data, "multihelp")  # the titles are its questions: the documents go without
    documents = [{name: value for name, value in each.items() if name != "title"} for each in documents]
    yield Set("multihelp", [each for each in documents if stays(each["group"])], queries)
    for language in ("de", "en", "ru", "zh"):
        mine, asked = ([each for each in some if each["lang"] == language] for some in (documents, queries))
        yield from small(f"multihelp-{language}", mine, asked, lambda each: each["group"])
    yield from across(*read(data, "xquad5"))
    documents, queries = read(data, "epqa")
    held = {each["id"]: each for each in documents}
    for query in queries:
        yield Set("epqa", [held[each] for each in query["candidates"]], [query])


def across(documents: Sequence[Row], queries: Sequence[Row]) -> Iterator[Set]:
    def asked(language: str) -> list[Row]:
        return [each for each in queries if each["lang"] == language][::2]

    for asks, holds in (("en", "en"), ("zh", "zh"), ("ru", "ru"), ("zh", "en")):
        kept = [each for each in documents if each["lang"] == holds and stays(each["id"].split("-", 2)[2])]
        yield Set(f"xquad5-{asks}-{holds}", kept, asked(asks))
    for asks in ("de", "ru", "zh"):  # a quarter of the answers in the question's language, another one in English
        share = {asks: 0, "en": 1}
        kept = [each for each in documents if share.get(each["lang"]) == quarter(each["par"])]
        yield Set(f"xquad5-{asks}-mixed", kept, asked(asks))
    for asks, holds in (
        ("en", "en"),
        ("de", "de"),
        ("es", "es"),
        ("ru", "ru"),
        ("zh", "zh"),
        ("de", "en"),
        ("zh", "en"),
    ):
        mine = [each for each in documents if each["lang"] == holds]
        yield from small(f"xquad5-{asks}-{holds}", mine, asked(asks), lambda each: each["par"])


def small(
    name: str, documents: Sequence[Row], queries: Sequence[Row], group_of: Callable[[Row], object]
) -> Iterator[Set]:
    """Companies of a few groups of documents, each with one question's answers."""
    draw = random.Random(name)  # noqa: S311 - reproducible, not secret
    groups: dict[str, list[Row]] = {}
    for each in documents:
        groups.setdefault(str(group_of(each)), []).append(each)
    asked_for = {each for query in queries for each in relevant(query)}
    fit_for = sorted(name for name, held in groups.items() if any(each["id"] in asked_for for each in held))
    for size, companies in SIZES.items():
        if size > len(fit_for) * 0.7:  # too few would be left to ask about
            continue
        for _ in range(companies):
            held = [each for group in draw.sample(fit_for, size) for each in groups[group]]
            names = {each["id"] for each in held}
            some = [
                draw.sample(chosen, min(ASKED, len(chosen)))
                for can in (True, False)
                for chosen in [[each for each in queries if bool(relevant(each) & names) is can]]
            ]
            yield Set(f"{name}, {size}", held, [*some[0], *some[1]], size)


def ask(each: Set, embedder: Embedder) -> Iterator[Case]:
    knowledge, loaded = Knowledge(passages(each.documents, embedder), embedder), {doc["id"] for doc in each.documents}
    for query in each.queries:
        answers = relevant(query) & loaded
        found, signals = knowledge.search(query["question"])
        right = bool(found) and found[0].passage.document in answers
        yield Case(each, list(values(signals)), bool(answers), right)


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
                yield Case(name, list(values(found.signals)), not query.get("unanswerable"), right)


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
    """Families count alike; in each, the large companies half, and so the small ones, sets alike."""
    kinds = [(case.set.family, case.set.size is None, case.set.name) for case in cases]
    sizes = Counter(kinds)
    names = Counter(kind[:2] for kind in sizes)
    shares = Counter(kind[0] for kind in names)
    weights = [1 / sizes[kind] / names[kind[:2]] / shares[kind[0]] for kind in kinds]
    inputs, right = np.array([case.signals for case in cases]), np.array([float(case.right) for case in cases])
    return fit(inputs, right, np.array(weights) / sum(weights))


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
    embedder = Remembering(load_embedder(EmbeddingSettings(), models))
    cases = [case for each in sets(arguments.data) for case in ask(each, embedder)]
    cases += [case async for case in ask_sample(models)]
    print("set | questions | AUROC | at .2, .4, .5, .6, .7: coverage, false answers, precision (fitted on the others)")
    families: dict[str, tuple[Floats, Floats]] = {}
    for family in dict.fromkeys(case.set.family for case in cases):
        weights = fitted([case for case in cases if case.set.family not in (family, *NOT_FITTED)])
        own = [case for case in cases if case.set.family == family]
        for name in dict.fromkeys(case.set.name for case in own):
            part = [case for case in own if case.set.name == name]
            report(name, part, predict(weights, np.array([case.signals for case in part])))
        inputs = np.array([case.signals for case in own])
        families[family] = predict(weights, inputs), np.array([float(case.right) for case in own])
    draw(arguments.plot, families)
    weights = fitted([case for case in cases if case.set.family not in NOT_FITTED])
    print(dict(zip(NAMES, weights.round(2).tolist(), strict=True)))


if __name__ == "__main__":
    asyncio.run(main())
