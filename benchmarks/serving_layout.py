"""The layout part of the serving benchmark: what a prompt that only grows saves the endpoint."""

import itertools
import json
import statistics
import uuid
from collections.abc import Sequence
from dataclasses import asdict

import httpx
from serving_around import COMPANY, ROOT, Watched, generating, send

from bot.answers.prompt import MOST_PASSAGES
from bot.bootstrap import Parts
from bot.domain import Author, Question, Turn
from llm.chat import ChatMessage
from llm.settings import LLMSettings
from retrieval.passages import Audience, Scored

BLOCK = 16


async def layout(parts: Parts, model: Watched, settings: LLMSettings) -> dict[str, dict[str, float]]:
    """Carry on the same conversations with both layouts, in turns."""
    short = settings.model_copy(update={"max_tokens": 16})
    seen: dict[str, list[tuple[float, int, int, int]]] = {"ours": [], "ranked": []}
    run = uuid.uuid4().hex  # another run's prompts are not in the cache
    caches: dict[str, set[tuple[int, ...]]] = {"ours": set(), "ranked": set()}
    async with httpx.AsyncClient(timeout=300) as client:
        for number, turns in enumerate(conversations()):
            history: list[Turn] = []
            for at, asked in enumerate(turns):
                question = Question(COMPANY, asked, language="en", history=list(history))
                searched = " ".join(turns[max(0, at - 1) : at + 1])
                found = await parts.search.search(COMPANY, searched, Audience.PUBLIC, MOST_PASSAGES)
                prompt = await generating(parts, model)._prompt(question, found)
                prompts = {"ours": prompt.messages, "ranked": ranked(question, found.passages, prompt.messages[0])}
                for name in sorted(prompts, reverse=bool(number % 2)):
                    messages = [asdict(each) for each in prompts[name]]
                    blocks = await new_blocks(client, settings, messages, caches[name])
                    first, usage = await send(client, short, messages, f"{name} layout {run}")
                    if at and first:
                        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
                        seen[name].append((first, cached, usage["prompt_tokens"], blocks))
                said = found.passages[0].passage.text[:300]
                evidence = [passage.id for passage in prompt.new]
                history += [Turn(Author.CUSTOMER, asked), Turn(Author.BOT, said, (), evidence)]
    return {name: compared(each) for name, each in seen.items()}


async def new_blocks(
    client: httpx.AsyncClient, settings: LLMSettings, messages: Sequence[dict[str, str]], cache: set[tuple[int, ...]]
) -> int:
    """Tokens of a prompt that a cache of 16-token blocks doesn't hold; it holds them from now on."""
    root = str(settings.endpoints[0]).removesuffix("/v1")
    told = await client.post(f"{root}/tokenize", json={"model": settings.model, "messages": messages})
    tokens = told.json()["tokens"]
    beginnings = [tuple(tokens[:end]) for end in range(BLOCK, len(tokens) + 1, BLOCK)]
    held = sum(1 for _ in itertools.takewhile(cache.__contains__, beginnings))
    cache.update(beginnings)
    return len(tokens) - held * BLOCK


def conversations() -> list[list[str]]:
    """The sample's dialogues in English, two after each other."""
    lines = map(json.loads, (ROOT / "examples" / "dialogues.jsonl").read_text(encoding="utf-8").splitlines())
    known = [each["turns"] for each in lines if each["lang"] == "en"]
    return [one + other for one, other in zip(known[::2], known[1::2], strict=False)]


def ranked(question: Question, found: Sequence[Scored], rules: ChatMessage) -> list[ChatMessage]:
    """The prompt without a layout: this turn's passages by rank, the history, the question."""
    evidence = "\n\n".join(f"[{n}] {each.passage.heading}\n{each.passage.text}" for n, each in enumerate(found, 1))
    history = "\n".join(f"{turn.author}: {turn.text}" for turn in question.history)
    return [rules, ChatMessage("user", f"{evidence}\n\n{history}\n\nQuestion: {question.text}")]


def compared(seen: Sequence[tuple[float, int, int, int]]) -> dict[str, float]:
    first, cached, prompt, blocks = zip(*seen, strict=True)
    return {
        "turns": len(seen),
        "first_token_p50_ms": round(statistics.median(first) * 1000, 1),
        "prompt_tokens_mean": round(statistics.mean(prompt)),
        "cached_share": round(sum(cached) / sum(prompt), 3),
        "computed_tokens_mean": round(statistics.mean(prompt) - statistics.mean(cached)),
        "computed_tokens_mean_with_blocks_of_16": round(statistics.mean(blocks)),
    }
