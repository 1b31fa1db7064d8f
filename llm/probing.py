"""What an endpoint can do, and how fast: asked with a few short prompts."""

import asyncio
import json
import re
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from openai import AsyncStream
from openai.types.chat import ChatCompletionChunk
from pydantic import HttpUrl

from llm.endpoint import EndpointChat
from llm.errors import ModelError
from llm.settings import LLMSettings

TOKENS = 64
"""Written for a measurement."""
TOGETHER = 8
"""Answers at a time in the second measurement."""
STOPS_WITHIN = 10.0
"""Seconds in which a dropped answer must have ended at the endpoint."""
SLOW_FIRST = 2.0
"""Seconds to the first token above which customers notice."""
SLOW_WRITING = 15.0
"""Tokens a second below which text comes slower than people read."""
SMALL_CONTEXT = 8192
_TEXT = "Tell me in a few plain sentences how a parcel travels from a shop to its customer. " * 12
_SCHEMA: dict[str, object] = {"type": "object", "properties": {"open": {"type": "boolean"}}, "required": ["open"]}


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that was tried."""

    name: str
    works: bool | None
    """None where the endpoint doesn't let it be told."""
    told: str
    advice: str = ""


async def probe(settings: LLMSettings, url: HttpUrl) -> AsyncIterator[Ability]:
    """Try one thing after another; ends early when the endpoint can't be used at all."""
    endpoint = EndpointChat(settings, url)
    try:
        try:
            yield Ability("model", True, await endpoint.check())
            context = (await endpoint.models())[endpoint.model]
        except ModelError as error:
            yield Ability("model", False, str(error))
            return
        yield _context(context, settings)
        for name, attempt in _ATTEMPTS.items():
            try:
                yield await attempt(endpoint)
            except Exception as error:  # whatever a strange endpoint makes of it
                yield Ability(name, False, str(endpoint.faults.explain(error, written=False)))
    finally:
        await endpoint.close()


def _context(context: int | None, settings: LLMSettings) -> Ability:
    if context is None:
        return Ability("context", None, "it doesn't tell its length")
    small = "" if context >= SMALL_CONTEXT else f"{SMALL_CONTEXT} leave room for longer conversations: --max-model-len."
    told = f"{context} tokens, of which an answer may take {settings.max_tokens}"
    return Ability("context", context > settings.max_tokens, told, small)


async def _streaming(endpoint: EndpointChat) -> Ability:
    pieces, usage, _ = await _read(endpoint, "Say hello.")
    if usage is None:
        return Ability("streaming", pieces > 1, f"{pieces} pieces", "It tells no usage: no costs can be counted.")
    return Ability("streaming", pieces > 1, f"{pieces} pieces, {usage.completion_tokens} tokens")


async def _cached(endpoint: EndpointChat) -> Ability:
    salt = uuid.uuid4().hex
    cached = []
    for use in (salt, salt, uuid.uuid4().hex):
        _, usage, _ = await _read(endpoint, _TEXT, extra={"cache_salt": use})
        details = usage.prompt_tokens_details if usage else None
        cached.append(details.cached_tokens or 0 if details else None)
    _, again, other = cached
    if again is None:
        return Ability("prefix cache", None, "it doesn't tell", "vLLM does with --enable-prompt-tokens-details.")
    if other:
        return Ability("prefix cache", False, f"{other} tokens were shared across salts", "Companies are not isolated.")
    advice = "" if again else "Switch it on: --enable-prefix-caching. It makes the first token come sooner."
    return Ability("prefix cache", again > 0, f"{again} tokens of a repeated prompt, none across companies", advice)


async def _cancelling(endpoint: EndpointChat) -> Ability:
    """Drop an answer, and look whether the endpoint goes on writing it."""
    before = await _metric(endpoint, "vllm:num_requests_running")
    stream = await _ask(endpoint, "Count from one to ten thousand, in words.", tokens=2000)
    async for _ in stream:
        break
    await stream.close()
    if before is None:
        return Ability("cancellation", None, "it has no vLLM metrics to tell by")
    end = time.monotonic() + STOPS_WITHIN
    while (await _metric(endpoint, "vllm:num_requests_running") or 0.0) > before:
        if time.monotonic() > end:
            return Ability("cancellation", False, "a dropped answer is written on", "Is there a proxy in between?")
        await asyncio.sleep(0.1)
    return Ability("cancellation", True, "a dropped answer frees its place")


async def _structured(endpoint: EndpointChat) -> Ability:
    answer = await endpoint.client.chat.completions.create(
        model=endpoint.model,
        messages=[{"role": "user", "content": "Is a shop with the sign 'open' open? Answer as JSON."}],
        max_completion_tokens=TOKENS,
        temperature=0,
        response_format={"type": "json_schema", "json_schema": {"name": "shop", "schema": _SCHEMA}},
    )
    said = answer.choices[0].message.content or ""
    try:
        fits = isinstance(json.loads(said)["open"], bool)
    except (ValueError, KeyError, TypeError):
        fits = False
    return Ability("structured output", fits, "answers keep to a JSON schema" if fits else "a JSON schema was ignored")


async def _tokenizing(endpoint: EndpointChat) -> Ability:
    try:
        return Ability("tokenizer", True, f"{await endpoint.count_tokens(_TEXT)} tokens for {len(_TEXT)} characters")
    except ModelError:
        return Ability("tokenizer", None, "it has no /tokenize: lengths are estimated")


async def _speed(endpoint: EndpointChat) -> Ability:
    alone = [await _read(endpoint, f"{number}. {_TEXT}", tokens=TOKENS) for number in range(3)]
    first = statistics.median(seconds for _, _, seconds in alone)
    started = time.perf_counter()
    await _read(endpoint, _TEXT, tokens=TOKENS)
    rate = TOKENS / max(time.perf_counter() - started - first, 1e-3)
    started = time.perf_counter()
    together = await asyncio.gather(*(_read(endpoint, f"{n} {_TEXT}", tokens=TOKENS) for n in range(TOGETHER)))
    written = sum(usage.completion_tokens if usage else pieces for pieces, usage, _ in together)
    both = written / (time.perf_counter() - started)
    told = f"first token {first * 1000:.0f} ms, {rate:.0f} tokens/s alone, {both:.0f} with {TOGETHER} at a time"
    slow = first > SLOW_FIRST or rate < SLOW_WRITING
    return Ability("speed", not slow, told, "Customers will wait: a GPU or a smaller model helps." if slow else "")


_ATTEMPTS: dict[str, Callable[[EndpointChat], Awaitable[Ability]]] = {
    "streaming": _streaming,
    "prefix cache": _cached,
    "cancellation": _cancelling,
    "structured output": _structured,
    "tokenizer": _tokenizing,
    "speed": _speed,
}


async def _ask(
    endpoint: EndpointChat, text: str, tokens: int = TOKENS, extra: dict[str, Any] | None = None
) -> AsyncStream[ChatCompletionChunk]:
    return await endpoint.client.chat.completions.create(
        model=endpoint.model,
        messages=[{"role": "user", "content": text}],
        max_completion_tokens=tokens,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
        extra_body=extra,
    )


async def _read(
    endpoint: EndpointChat, text: str, tokens: int = TOKENS, extra: dict[str, Any] | None = None
) -> tuple[int, Any, float]:
    """Return how many pieces came, the usage if it was told, and the seconds to the first piece."""
    started = time.perf_counter()
    pieces, usage, first = 0, None, 0.0
    async for chunk in await _ask(endpoint, text, tokens, extra):
        usage = chunk.usage or usage
        if chunk.choices and chunk.choices[0].delta.content:
            first = first or time.perf_counter() - started
            pieces += 1
    return pieces, usage, first


async def _metric(endpoint: EndpointChat, name: str) -> float | None:
    """Return the sum of one of vLLM's metrics; None where there is none."""
    try:
        told = await endpoint.client.get(f"{endpoint.root}/metrics", cast_to=httpx.Response)
    except Exception:  # another kind of endpoint
        return None
    values: Sequence[str] = re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", told.text, re.MULTILINE)
    return sum(map(float, values)) if values else None
