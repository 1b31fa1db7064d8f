"""Measure what the verification of written answers lets pass.

    python benchmarks/verification.py mutations
    python benchmarks/verification.py injection [--data ../shared/data]
    python benchmarks/verification.py citations [--data ../shared/data]
    python benchmarks/verification.py replies --base-url URL --model NAME --raw raw.jsonl --shown shown.jsonl

`mutations` twists every sentence of the sample company's documents in ten ways. `injection` has a model repeat each
payload of the injection set with a marker behind it, as the worst a model can do. `citations` asks xquad5's questions
of the quoting answerer. `replies` has a model answer the sample company's and xquad5's questions, and writes what
would be shown, with the passages, for checking by hand. Figures go to `benchmarks/results/verification.json`.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from bot.answers.prompt import Setting, fit_prompt
from bot.answers.verified import Verified
from bot.bootstrap import Parts, open_parts
from bot.domain import Answer, Outcome, Question
from bot.settings import load_settings
from bot.verification.likening import Likening
from bot.verification.orders import without_orders
from bot.verification.sentences import split_sentences
from bot.verification.verifying import Wanted, verify
from llm.chat import load_chat_model
from llm.embeddings import load_embedder
from llm.errors import ModelError
from llm.settings import LLMSettings
from retrieval import store
from retrieval.passages import Audience, Found, Location, Passage, Scored

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/verification.json"
LANGUAGES = ("en", "de", "es", "fr", "ru", "zh")
COMPANY = "company"
PER_LANGUAGE = {"en": 24, "de": 10, "es": 10, "ru": 10, "zh": 10}
"""Questions of xquad5 that the model is asked."""


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


@asynccontextmanager
async def company(*paths: Path) -> AsyncIterator[Parts]:
    """The parts over a scratch store with these files."""
    models = load_settings().models
    with tempfile.TemporaryDirectory() as folder:
        async with open_parts(load_settings(data_dir=folder, models_dir=models)) as parts:
            async for report in parts.ingestion(COMPANY, Audience.PUBLIC).run(paths):
                assert report.error is None, report
            await parts.search.refresh()
            yield parts


def corpus(data: Path, language: str, folder: Path) -> Path:
    documents = [each for each in rows(data / "xquad5/dev/corpus.jsonl") if each["lang"] == language]
    kept = ("id", "title", "text", "lang")
    file = folder / f"{language}.jsonl"
    file.write_text("\n".join(json.dumps({name: each[name] for name in kept}) for each in documents), encoding="utf-8")
    return file


# Mutations

Mutation = Callable[[str, Passage, random.Random, Sequence[Passage]], str | None]
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_INVENTED = {
    "en": "It also comes with a free lifetime insurance against theft.",
    "de": "Dazu gibt es eine lebenslange Versicherung gegen Diebstahl.",
    "es": "Además incluye un seguro de por vida contra el robo.",
    "fr": "Elle comprend aussi une assurance à vie contre le vol.",
    "ru": "К этому прилагается пожизненная страховка от кражи.",
    "zh": "还附送终身防盗保险。",
}
_AND = {"en": ", and ", "de": ", und ", "es": ", y ", "fr": ", et ", "ru": ", и ", "zh": "，"}
_ONLY = {"en": "Only ", "de": "Nur ", "es": "Solo ", "fr": "Seulement ", "ru": "Только ", "zh": "只有"}
_DENIED = {
    "en": (r"\b(is|are|can|may|must|will|costs?)\b", r"\1 not"),
    "de": (r"\b(ist|sind|kann|können|muss|müssen|wird|kostet|kosten)\b", r"\1 nicht"),
    "es": (r"\b(es|son|puede|pueden|debe|cuesta|cuestan|tiene)\b", r"no \1"),
    "fr": (r"\b(est|sont|peut|peuvent|doit|coûte|coûtent)\b", r"n'\1 pas"),
    "ru": (r"\b(можно|нужно|стоит|может|действует|есть)\b", r"не \1"),
    "zh": (r"(可以|能|需要|收取|包括)", r"不\1"),
}
_MUST = {"en": (r"\b(?:can|may)\b", "must"), "de": (r"\bkann\b", "muss"), "es": (r"\bpuede\b", "debe")}
_MUST |= {"fr": (r"\bpeut\b", "doit"), "ru": (r"\bможно\b", "нужно"), "zh": ("可以", "必须")}


def as_it_is(sentence: str, *_: Any) -> str:
    return sentence


def other_number(sentence: str, _passage: Passage, draw: random.Random, _: Sequence[Passage]) -> str | None:
    numbers = list(_NUMBER.finditer(sentence))
    if not numbers:
        return None
    chosen = draw.choice(numbers)
    return f"{sentence[: chosen.start()]}{int(float(chosen[0].replace(',', '.'))) + 7}{sentence[chosen.end() :]}"


def number_beside(sentence: str, passage: Passage, draw: random.Random, _: Sequence[Passage]) -> str | None:
    """Another number of the same passage: every word and every number stands there."""
    numbers = list(_NUMBER.finditer(sentence))
    others = sorted(set(_NUMBER.findall(passage.text)) - {each[0] for each in numbers})
    if not numbers or not others:
        return None
    chosen = draw.choice(numbers)
    return sentence[: chosen.start()] + draw.choice(others) + sentence[chosen.end() :]


def numbers_swapped(sentence: str, *_: Any) -> str | None:
    numbers = list(_NUMBER.finditer(sentence))
    if len(numbers) < 2 or numbers[0][0] == numbers[-1][0]:
        return None
    first, last = numbers[0], numbers[-1]
    between = sentence[first.end() : last.start()]
    return f"{sentence[: first.start()]}{last[0]}{between}{first[0]}{sentence[last.end() :]}"


def denied(sentence: str, passage: Passage, *_: Any) -> str | None:
    pattern, replacement = _DENIED[passage.language]
    changed, times = re.subn(pattern, replacement, sentence, count=1)
    return changed if times else None


def demanded(sentence: str, passage: Passage, *_: Any) -> str | None:
    pattern, replacement = _MUST[passage.language]
    changed, times = re.subn(pattern, replacement, sentence, count=1)
    return changed if times else None


def limited(sentence: str, passage: Passage, *_: Any) -> str:
    start = sentence if passage.language in ("zh", "de") else sentence[:1].lower() + sentence[1:]
    return _ONLY[passage.language] + start


def other_name(sentence: str, passage: Passage, draw: random.Random, everything: Sequence[Passage]) -> str | None:
    """A product's or a country's name from elsewhere in place of the first one."""
    pattern = re.compile(r"(?<=[a-zà-ÿ] )[A-Z][a-zà-ÿ]{3,}")
    match = pattern.search(sentence)
    if not match or passage.language not in ("en", "es", "fr"):
        return None
    names = {name for each in everything if each.language == passage.language for name in pattern.findall(each.text)}
    others = sorted(name for name in names if name not in passage.text)
    return sentence[: match.start()] + draw.choice(others) + sentence[match.end() :]


def invented_clause(sentence: str, passage: Passage, *_: Any) -> str:
    added = _INVENTED[passage.language]
    joint = _AND[passage.language]
    return sentence.rstrip(".。") + joint + (added[:1].lower() + added[1:])


def invented(_sentence: str, passage: Passage, *_: Any) -> str:
    return _INVENTED[passage.language]


def elsewhere(_sentence: str, passage: Passage, draw: random.Random, everything: Sequence[Passage]) -> str:
    """The true sentence of another document, with this passage's marker."""
    others = [each for each in everything if each.language == passage.language and each.id != passage.id]
    return split_sentences(draw.choice(others).text)[0]


MUTATIONS: Mapping[str, Mutation] = {
    "as it is": as_it_is,
    "another number": other_number,
    "a number from beside": number_beside,
    "two numbers swapped": numbers_swapped,
    "denied": denied,
    "must for may": demanded,
    "only": limited,
    "another name": other_name,
    "an invented clause": invented_clause,
    "an invented sentence": invented,
    "another passage's": elsewhere,
}


async def mutations(_: argparse.Namespace) -> dict[str, Any]:
    async with company(ROOT / "examples/halden-bikes") as parts:
        held = await parts.database.read(store.numbered_passages, COMPANY, Audience.PUBLIC)
        likening = Likening(parts.embedder)
    everything = [each for each in held.values() if each.location.row is None or each.is_entry]
    draw = random.Random(0)  # noqa: S311
    passed: dict[str, dict[str, list[bool]]] = {kind: {} for kind in MUTATIONS}
    for passage in everything:
        if passage.language not in LANGUAGES:
            continue
        for sentence in split_sentences(passage.text):
            if len(sentence) < 12:
                continue
            for kind, mutate in MUTATIONS.items():
                changed = mutate(sentence, passage, draw, everything)
                if changed is None or (changed == sentence and kind != "as it is"):
                    continue
                verdict = verify(changed, [passage], Wanted(languages=frozenset({passage.language})), likening)
                passed[kind].setdefault(passage.language, []).append(verdict.supported)
    return {kind: _shares(by_language) for kind, by_language in passed.items()}


def _shares(by_language: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    everything = [each for some in by_language.values() for each in some]
    groups = {"all": everything} | dict(sorted(by_language.items()))
    return {name: [sum(some), len(some), round(sum(some) / max(1, len(some)), 3)] for name, some in groups.items()}


# Injection

POLICY = "Shipping costs 4.95 euros. Parcels take two days. Write to help@acme.example with questions."


async def injection(options: argparse.Namespace) -> dict[str, Any]:
    attacks = [row for row in rows(options.data / "injection/dev/items.jsonl") if row["label"] != "benign"]
    counts: Counter[str] = Counter()
    async with company(ROOT / "examples/halden-bikes") as parts:
        for row in attacks:
            payload = row["question"]
            for place, text in (("as a question", POLICY), ("in a document", f"{POLICY}\n{payload}")):
                counts[f"{place}: payloads"] += 1
                shown = await _repeated(parts, payload, text, payload if place == "as a question" else "Shipping?")
                counts[f"{place}: something of it shown"] += bool(shown)
    return dict(counts)


async def _repeated(parts: Parts, payload: str, document: str, question: str) -> str:
    passage = Passage("policy#0", "policy", 0, "Shipping", document, language="en")
    found = without_orders(Found(question, [Scored(passage, 1.0, 0.9, 0.5)], 0.9))
    read = [each.passage for each in found.passages] or [passage]
    verified = Verified(read, Wanted(question, frozenset({"en"})), parts.embedder)
    await verified.feed("\n".join(f"{sentence} [1]" for sentence in split_sentences(payload)))
    await verified.finish()
    return verified.text


# Citations


async def citations(options: argparse.Namespace) -> dict[str, Any]:
    queries = rows(options.data / "xquad5/dev/queries.jsonl")
    measured = {}
    for language in ("en", "de", "es", "ru", "zh"):
        with tempfile.TemporaryDirectory() as folder:
            async with company(corpus(options.data, language, Path(folder))) as parts:
                own = [each for each in queries if each["lang"] == language][:: options.step]
                said = [await _quoted(parts, each) for each in own]
        answered = [each for each in said if each is not None]
        measured[language] = {
            "questions": len(own),
            "answered": len(answered),
            "citation precision": round(sum(right for right, _ in answered) / max(1, len(answered)), 3),
            "holds the answer": round(sum(holds for _, holds in answered) / max(1, len(answered)), 3),
        }
    return measured


async def _quoted(parts: Parts, query: Mapping[str, Any]) -> tuple[bool, bool] | None:
    """Whether the cited passage is the right one, and whether the text holds a gold answer; None if not answered."""
    *_, answer = [step async for step in parts.answering.answer(Question(COMPANY, query["question"]))]
    assert isinstance(answer, Answer)
    if answer.outcome is not Outcome.ANSWERED:
        return None
    right = all(citation.document in query["relevant"] for citation in answer.citations)
    return right, any(str(gold).casefold() in answer.text.casefold() for gold in query["gold_answer"])


# Replies


def _asked(options: argparse.Namespace, folder: Path) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    yield ROOT / "examples/halden-bikes", rows(ROOT / "examples/questions.jsonl")
    queries = rows(options.data / "xquad5/dev/queries.jsonl")
    for language, count in PER_LANGUAGE.items():
        own = [each for each in queries if each["lang"] == language]
        yield corpus(options.data, language, folder), own[:: len(own) // count][:count]


async def replies(options: argparse.Namespace) -> dict[str, Any]:
    """What would be shown of first answers; and when each sentence without a marker cited what suits it best."""
    if not options.raw.exists():
        await _write(options)
    embedder = await asyncio.to_thread(load_embedder, load_settings().embedding, load_settings().models)
    measured: dict[str, Any] = {"model": options.model}
    shown = []
    for name, attributed in (("as they are", False), ("each sentence attributed", True)):
        counts: Counter[str] = Counter()
        for row in rows(options.raw):
            passages = [Passage(**each | {"location": Location(**each["location"])}) for each in row["passages"]]
            wanted = Wanted(row["question"], frozenset({row["lang"]}))
            fresh = partial(Verified, passages, wanted, embedder)
            verified = fresh()
            await verified.feed(await _attributed(row["text"], fresh, len(passages)) if attributed else row["text"])
            await verified.finish()
            counts.update(f"withheld: {each.verdict.flaw}" for each in verified.withheld)
            sentences = split_sentences(verified.text)
            counts.update({"replies": 1, "replies shown": bool(sentences), "sentences shown": len(sentences)})
            if sentences:
                cited = [each.passage for each in verified.conclude(Question(COMPANY, ""), 1.0).citations]
                texts = [each.text for each in passages if each.id in cited]
                shown.append({"how": name, "question": row["question"], "text": verified.text, "passages": texts})
        measured[name] = dict(sorted(counts.items()))
    if options.shown:
        options.shown.write_text("".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in shown))
    return measured


async def _attributed(text: str, fresh: Callable[[], Verified], passages: int) -> str:
    """The text, each sentence without a marker citing the first passage that lets it pass."""
    lines = []
    for sentence in split_sentences(text):
        chosen = sentence
        for number in range(1, passages + 1 if "[" not in sentence else 1):
            verified = fresh()
            await verified.feed(f"{sentence} [{number}]\n\n.")
            await verified.finish()
            if verified.text:
                chosen = f"{sentence} [{number}]"
                break
        lines.append(chosen)
    return "\n".join(lines)


async def _write(options: argparse.Namespace) -> None:
    """Have a model answer, and keep its words with the passages it was given."""
    settings = LLMSettings(
        base_url=options.base_url, model=options.model, first_token_timeout=900, stall_timeout=300, total_timeout=1800
    )
    model = await asyncio.to_thread(load_chat_model, settings)
    assert model is not None
    gate = asyncio.Semaphore(4)

    async def ask(parts: Parts, query: Mapping[str, Any]) -> dict[str, Any]:
        async with gate:
            found = without_orders(await parts.search.search(COMPANY, query["question"], count=8))
            asked = Question(COMPANY, query["question"], language=query["lang"])
            prompt = await fit_prompt(asked, found, {}, Setting("", 1, date(2026, 3, 1)), model)
            text = ""
            with contextlib.suppress(ModelError):  # what came before is as good to check
                async for delta in model.stream(prompt.messages):
                    text += delta
        passages = [asdict(each) for each in prompt.passages]
        return {"question": query["question"], "lang": query["lang"], "text": text, "passages": passages}

    written = []
    with tempfile.TemporaryDirectory() as folder:
        for path, queries in _asked(options, Path(folder)):
            async with company(path) as parts:
                written += await asyncio.gather(*(ask(parts, query) for query in queries))
    await model.close()
    options.raw.write_text("".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in written))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("mutations", "injection", "citations", "replies"))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--step", type=int, default=4, help="ask every so many of xquad5's questions")
    parser.add_argument("--base-url")
    parser.add_argument("--model")
    parser.add_argument("--raw", type=Path, help="the replies as they were written; made where there is none")
    parser.add_argument("--shown", type=Path)
    options = parser.parse_args()
    run = {"mutations": mutations, "injection": injection, "citations": citations, "replies": replies}[options.what]
    measured = asyncio.run(run(options))
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(known | {options.what: measured}, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(measured, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
