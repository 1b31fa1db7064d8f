"""What the serving benchmark stands on: the sample company's documents, a model that is watched, and a bare request."""

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bot.answers.generated import Generating
from bot.bootstrap import Parts, open_parts
from bot.settings import Settings
from llm.chat import ChatMessage
from llm.replicas import Replicas
from llm.settings import LLMSettings
from retrieval import store
from retrieval.passages import Audience

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "examples" / "halden-bikes"
COMPANY = "halden-bikes"


@dataclass
class Watched:
    """A chat model, and when each prompt's first piece came."""

    model: Any
    prompts: dict[str, Sequence[ChatMessage]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    """By the question's text, which stands last in the prompt."""

    async def stream(self, messages: Sequence[ChatMessage], **options: Any) -> AsyncGenerator[str, None]:
        key = messages[-1].content.rpartition("Question: ")[2]
        self.prompts[key] = messages
        async with aclosing(self.model.stream(messages, **options)) as pieces:
            async for piece in pieces:
                self.first.setdefault(key, time.perf_counter())
                yield piece

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return list(await self.model.count_tokens(texts))

    async def context(self) -> int:
        return int(await self.model.context())


@asynccontextmanager
async def opened(folder: Path, settings: LLMSettings) -> AsyncIterator[tuple[Parts, Watched]]:
    """The parts over the sample company's documents, and the model, watched."""
    async with open_parts(Settings(data_dir=folder, models_dir=models())) as parts:
        async for report in parts.ingestion(COMPANY, Audience.PUBLIC).run([SAMPLE]):
            assert not report.error, report
        await parts.search.refresh()
        model = Replicas(settings)
        yield parts, Watched(model)
        await model.close()


def models() -> Path:
    return Settings().models


def generating(parts: Parts, model: Any) -> Generating:
    async def version(_company: str, _audience: Audience) -> int:
        return 1

    async def passages(company: str, audience: Audience, ids: Sequence[str]) -> dict[str, Any]:
        return await parts.database.read(store.passages_by_id, company, audience, ids)

    return Generating(model, {}, version, passages, embedder=parts.embedder, needs=0.0)


async def send(
    client: httpx.AsyncClient, settings: LLMSettings, messages: Sequence[dict[str, str]], salt: str
) -> tuple[float | None, dict[str, Any]]:
    """Stream an answer; returns the seconds to its first piece, and the usage."""
    began, first, usage = time.perf_counter(), None, {}
    body = {
        "model": settings.model,
        "messages": messages,
        "max_completion_tokens": settings.max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
        "cache_salt": salt,
    }
    async with client.stream("POST", f"{settings.endpoints[0]}/chat/completions", json=body) as reply:
        reply.raise_for_status()
        async for line in reply.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line[6:])
            usage = chunk.get("usage") or usage
            if first is None and chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                first = time.perf_counter() - began
    return first, usage
