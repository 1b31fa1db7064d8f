"""What our pipeline costs on top of the model: tokens a second and first text, beside the bare model and LangChain.

Needs an endpoint, and an otherwise idle machine. On the CPU (`make test-vllm` prepares both folders):

    answerdesk model serve ~/.cache/answerdesk/smollm2-135m --name smollm2 --context 8192 --python .venv-vllm/bin/python
    python benchmarks/serving.py --base-url http://127.0.0.1:8000/v1 --model smollm2

On a GPU, with random weights of an 8B model (their speed is that of real ones):

    answerdesk model serve FOLDER-WITH-CONFIG --name dummy -- --load-format dummy
    python benchmarks/serving.py --base-url http://127.0.0.1:8000/v1 --model dummy --at-once 64 --questions 48

Three contestants ask the same questions about the sample company's documents, as many at a time:

- bare: the prompts that our pipeline makes, sent with httpx, the pieces parsed and thrown away;
- ours: `Answering`, that is search, prompt, model, sentences, verification;
- chain: our retriever | a prompt | ChatOpenAI | StrOutputParser, as LangChain's documentation would have it.

Each goes through all questions once before it counts, so that every prefix is cached, and then takes turns with the
others. Tokens are the endpoint's own count (vLLM's metrics); the best round counts, as other
programs can only slow one down. First text is taken from the moment a question is asked to
the first piece that the model's stream gives; it is what the pipeline adds that matters here, so for ours it is the
piece, not the verified sentence, whose time is given besides.

The layout part carries on the sample's dialogues, two after each other, once with our prompt and once with one that has
no such layout: passages of this turn only, in the order of their rank, before the history. What is compared is the time
to the first token from the second turn on, how much of the prompts was cached, and, as a GPU's cache keeps 16 tokens
together and a CPU's 128, how many tokens a cache of such blocks would leave to compute: a count that no other program
beside it can disturb. Results go to benchmarks/results/serving.json.
"""

import argparse
import asyncio
import json
import logging
import re
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from machine import machine
from rich.console import Console
from rich.table import Table
from serving_around import COMPANY, ROOT, Watched, generating, opened, send
from serving_layout import layout

from bot.answers.answering import Answering
from bot.answers.extracting import Extracting
from bot.answers.prompt import MOST_PASSAGES
from bot.bootstrap import Parts
from bot.domain import Answer, Question
from bot.settings import AnsweringSettings
from llm.serving import look_around
from llm.settings import LLMSettings
from retrieval.langchain import SearchRetriever

RESULTS = Path(__file__).parent / "results" / "serving.json"
AIMS = {"tokens_per_second_to_bare": 0.95, "added_first_text_p50_ms": 20, "layout_first_token_ratio": 0.75}
CHAIN = "Answer the question from these documents:\n\n{documents}"


@dataclass(frozen=True)
class Round:
    """One contestant's turn at all questions."""

    seconds: float
    cpu: float
    """Seconds of processor time on our side."""
    tokens: float
    first: list[float]
    shown: list[float]

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds


Ask = Callable[[str], Awaitable[tuple[float | None, float | None]]]
"""Asks a question; returns when the first piece and the first verified text came, in seconds from then."""


async def main() -> None:
    options = parse()
    logging.disable(logging.WARNING)  # answers are cut at --tokens: every one is told
    settings = LLMSettings(
        base_url=options.base_url,
        model=options.model,
        max_tokens=options.tokens,
        first_token_timeout=120,
        first_text_timeout=240,
        stall_timeout=120,
        total_timeout=300,
        concurrency=options.at_once,
    )
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder), settings) as (parts, ours):
            questions = sample_questions(options.questions)
            contestants = {"bare": bare(ours, settings), "ours": pipeline(parts, ours), "chain": chain(parts, settings)}
            layouts = await layout(parts, ours, settings)
            figures = await throughput(contestants, questions, options, settings)
    write(options, figures, layouts)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=64)
    return parser.parse_args()


def sample_questions(count: int) -> list[str]:
    lines = map(json.loads, (ROOT / "examples" / "questions.jsonl").read_text(encoding="utf-8").splitlines())
    known = [each["question"] for each in lines if each.get("lang", "en") == "en" and each.get("relevant", True)]
    return [f"{known[n % len(known)]}{' ' * (n // len(known))}" for n in range(count)]


def pipeline(parts: Parts, model: Watched) -> Ask:
    """Ours, with the model as the only answerer."""
    sections = AnsweringSettings(answer_above=0.0, clarify_above=0.0, verbatim_above=1.0)
    answering = Answering(parts.search, (generating(parts, model), Extracting(parts.embedder, 0.0)), sections)

    async def ask(question: str) -> tuple[float | None, float | None]:
        began, shown = time.perf_counter(), None
        model.first.pop(question.strip(), None)
        async for step in answering.answer(Question(COMPANY, question, language="en")):
            if shown is None and not isinstance(step, Answer):
                shown = time.perf_counter() - began
        first = model.first.get(question.strip())
        return (first - began if first else None), shown

    return ask


def bare(model: Watched, settings: LLMSettings) -> Ask:
    """The same prompts, sent straight."""
    client = httpx.AsyncClient(timeout=300, limits=httpx.Limits(max_connections=None))

    async def ask(question: str) -> tuple[float | None, float | None]:
        messages = model.prompts[question.strip()]
        first, _ = await send(client, settings, [asdict(each) for each in messages], "bare")
        return first, None

    return ask


def chain(parts: Parts, settings: LLMSettings) -> Ask:
    """What people build with LangChain."""
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnableLambda, RunnablePassthrough
    from langchain_openai import ChatOpenAI

    retriever = SearchRetriever(find=parts.search.search, company=COMPANY, count=MOST_PASSAGES)
    prompt = ChatPromptTemplate.from_messages([("system", CHAIN), ("human", "{question}")])
    model = ChatOpenAI(
        model=settings.model or "",
        base_url=str(settings.endpoints[0]),
        api_key="none",
        temperature=0,
        max_completion_tokens=settings.max_tokens,
    )
    joined = RunnableLambda(lambda found: "\n\n".join(each.page_content for each in found))
    made = {"documents": retriever | joined, "question": RunnablePassthrough()} | prompt | model | StrOutputParser()

    async def ask(question: str) -> tuple[float | None, float | None]:
        began, first = time.perf_counter(), None
        async for piece in made.astream(question):
            if first is None and piece:
                first = time.perf_counter() - began
        return first, None

    return ask


async def throughput(
    contestants: dict[str, Ask], questions: Sequence[str], options: argparse.Namespace, settings: LLMSettings
) -> dict[str, Any]:
    """Let all contestants answer everything, in turns."""
    for name in ("ours", "bare", "chain"):  # ours first: it makes the prompts that are sent straight
        await one_round(contestants[name], questions, options.at_once, settings)
    rounds: dict[str, list[Round]] = {name: [] for name in contestants}
    for number in range(options.rounds):
        order = list(contestants)
        for name in order[number % 3 :] + order[: number % 3]:
            rounds[name].append(await one_round(contestants[name], questions, options.at_once, settings))
    return {name: summed_up(each) for name, each in rounds.items()}


async def one_round(ask: Ask, questions: Sequence[str], at_once: int, settings: LLMSettings) -> Round:
    slots = asyncio.Semaphore(at_once)

    async def asked(question: str) -> tuple[float | None, float | None]:
        async with slots:
            return await ask(question)

    before, began, cpu = await written(settings), time.perf_counter(), time.process_time()
    times = await asyncio.gather(*map(asked, questions))
    seconds = time.perf_counter() - began
    return Round(
        seconds,
        time.process_time() - cpu,
        await written(settings) - before,
        [first for first, _ in times if first is not None],
        [shown for _, shown in times if shown is not None],
    )


async def written(settings: LLMSettings) -> float:
    """Tokens that the endpoint has written so far."""
    async with httpx.AsyncClient() as client:
        root = str(settings.endpoints[0]).removesuffix("/v1")
        told = (await client.get(f"{root}/metrics")).text
    return sum(map(float, re.findall(r"^vllm:generation_tokens_total(?:\{.*\})? (\S+)$", told, re.MULTILINE)))


def summed_up(rounds: Sequence[Round]) -> dict[str, Any]:
    best = max(rounds, key=lambda one: one.rate)
    first, shown = best.first, best.shown
    return {
        "tokens_per_second": round(max(one.rate for one in rounds), 2),
        "tokens_per_second_of_rounds": [round(one.rate, 2) for one in rounds],
        "cpu_ms_per_token": round(1000 * sum(one.cpu for one in rounds) / sum(one.tokens for one in rounds), 2),
        "tokens": sum(one.tokens for one in rounds),
        "first_text_p50_ms": round(statistics.median(first) * 1000, 1),
        "first_text_p95_ms": round(statistics.quantiles(first, n=20)[-1] * 1000, 1),
        "first_verified_p50_ms": round(statistics.median(shown) * 1000, 1) if shown else None,
    }


def write(options: argparse.Namespace, figures: dict[str, Any], layouts: dict[str, dict[str, float]]) -> None:
    ours, direct = figures["ours"], figures["bare"]
    reached = {
        "tokens_per_second_to_bare": round(ours["tokens_per_second"] / direct["tokens_per_second"], 3),
        "tokens_per_second_to_chain": round(ours["tokens_per_second"] / figures["chain"]["tokens_per_second"], 3),
        "added_first_text_p50_ms": round(ours["first_text_p50_ms"] - direct["first_text_p50_ms"], 1),
        "layout_first_token_ratio": round(
            layouts["ours"]["first_token_p50_ms"] / layouts["ranked"]["first_token_p50_ms"], 3
        ),
        "layout_computed_tokens_ratio": round(
            layouts["ours"]["computed_tokens_mean"] / layouts["ranked"]["computed_tokens_mean"], 3
        ),
        "layout_computed_tokens_ratio_with_blocks_of_16": round(
            layouts["ours"]["computed_tokens_mean_with_blocks_of_16"]
            / layouts["ranked"]["computed_tokens_mean_with_blocks_of_16"],
            3,
        ),
    }
    result = {
        "machine": machine("langchain-openai", "openai", "httpx"),
        "gpus": [asdict(gpu) for gpu in look_around().gpus],
        "options": {name: value for name, value in vars(options).items() if name != "base_url"},
        "load_after": round(psutil.getloadavg()[0], 1),
        "aims": AIMS,
        "reached": reached,
        "contestants": figures,
        "layout": layouts,
    }
    path = RESULTS.with_stem("serving-gpu") if result["gpus"] else RESULTS
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    console, table = Console(), Table("", *ours)
    for name, each in figures.items():
        table.add_row(name, *map(str, each.values()))
    console.print(table, layouts, reached)


if __name__ == "__main__":
    asyncio.run(main())
