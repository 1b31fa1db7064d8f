"""One OpenAI-compatible endpoint, through LangChain's client. Importing this takes seconds: see llm.chat."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx
import langsmith
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic import HttpUrl

from llm.chat import ChatMessage, Listener, Spent
from llm.errors import RequestRejected
from llm.faults import Faults, shown
from llm.settings import LLMSettings
from llm.telemetry import Attributes, Span, SpanKind, span, traceparent

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 2.0
"""Seconds: an endpoint stands near, and what takes longer is down."""


@dataclass(frozen=True, slots=True)
class Limits:
    """By when something must be there, in the event loop's time."""

    first: float
    """The first piece of text."""
    last: float
    """The whole answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as traces show it: by OpenTelemetry's semantic conventions for generative AI."""

    salt: str
    span: Span

    @property
    def headers(self) -> dict[str, str] | None:
        """What makes the endpoint's own trace a part of ours."""
        named = traceparent(self.span)
        return {"traceparent": named} if named else None

    def ended(self, finish: str | None, spent: Spent) -> None:
        """Note what it took."""
        self.span.set_attributes(
            {
                "gen_ai.response.finish_reasons": [finish or "none"],
                "gen_ai.response.time_to_first_chunk": spent.first_text,
                "gen_ai.usage.input_tokens": spent.prompt_tokens,
                "gen_ai.usage.cache_read.input_tokens": spent.cached_tokens,
                "gen_ai.usage.output_tokens": spent.written_tokens,
            }
        )


class EndpointChat:
    """A model at one address."""

    def __init__(self, settings: LLMSettings, url: HttpUrl, listen: Listener | None = None) -> None:
        _keep_traces_home()
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        self.url = str(url).rstrip("/")
        self.model = settings.model or ""
        self.faults = Faults(shown(url), self.model, key)
        self._settings = settings
        self._listen = listen
        self._takes_extras = True
        self._about: Attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",  # which is what its protocol is; the address says who speaks it
            "gen_ai.request.model": self.model,
            "gen_ai.request.stream": True,
            "gen_ai.request.max_tokens": settings.max_tokens,
            "gen_ai.request.temperature": settings.temperature,
            "server.address": url.host or "",
            "server.port": url.port or 0,
        }
        self._http = DefaultAsyncHttpxClient(follow_redirects=False)
        self._chat = ChatOpenAI(
            model=self.model,
            base_url=str(url),
            # Unset, the client would take OPENAI_API_KEY and OPENAI_PROXY from the environment, meant for someone else.
            api_key=key or "none",  # type: ignore[arg-type]
            openai_proxy=None,
            http_async_client=self._http,
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,  # type: ignore[call-arg]
            timeout=httpx.Timeout(settings.total_timeout, connect=CONNECT_TIMEOUT),
            max_retries=0,
            stream_chunk_timeout=0,
            stream_usage=True,
            use_responses_api=False,
        )

    @property
    def client(self) -> AsyncOpenAI:
        """The OpenAI client underneath."""
        client: AsyncOpenAI = self._chat.root_async_client
        return client

    @property
    def root(self) -> str:
        """The address of what vLLM offers beyond OpenAI's protocol."""
        return self.url.removesuffix("/v1")

    async def stream(self, messages: Sequence[ChatMessage], salt: str, limits: Limits) -> AsyncGenerator[str, None]:
        """Yield the answer in pieces; see ChatModel.stream."""
        extras = self._extras(salt)
        try:
            async with aclosing(self._stream(messages, extras, limits, salt)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        except RequestRejected as error:
            if not any(name in str(error) for name in extras):
                raise
            log.warning("%s From now on it is asked without what only vLLM knows.", error)
            self._takes_extras = False
        async with aclosing(self._stream(messages, {}, limits, salt)) as pieces:
            async for piece in pieces:
                yield piece

    def _extras(self, salt: str) -> dict[str, Any]:
        """What vLLM knows beyond OpenAI's protocol; most servers ignore it, OpenAI's own rejects it."""
        if not self._takes_extras:
            return {}
        interval = self._settings.stream_interval
        return ({"cache_salt": salt} if salt else {}) | ({"stream_interval": interval} if interval > 1 else {})

    async def _stream(
        self, messages: Sequence[ChatMessage], extras: dict[str, Any], limits: Limits, salt: str
    ) -> AsyncGenerator[str, None]:
        with span(f"chat {self.model}", self._about, kind=SpanKind.CLIENT, current=False) as call:
            async with aclosing(self._pieces(messages, extras, limits, Call(salt, call))) as pieces:
                async for piece in pieces:
                    yield piece

    async def _pieces(
        self, messages: Sequence[ChatMessage], extras: dict[str, Any], limits: Limits, call: "Call"
    ) -> AsyncGenerator[str, None]:
        clock = asyncio.get_running_loop().time
        began, first_text = clock(), 0.0
        wait_until = limits.first
        finish: str | None = None
        usage: Any = None
        chunks = self._chat.astream(
            [{"role": message.role, "content": message.content} for message in messages],
            extra_body=extras or None,
            extra_headers=call.headers,
        )
        async with aclosing(chunks):  # type: ignore[type-var]
            while chunk := await self._next(chunks, min(wait_until, limits.last), written=first_text > 0):
                finish = chunk.response_metadata.get("finish_reason") or finish
                usage = chunk.usage_metadata or usage
                if text := str(chunk.text):
                    first_text = first_text or clock()
                    yield text
                if first_text:
                    wait_until = clock() + self._settings.stall_timeout
        spent = _spent(self.faults.endpoint, call.salt, max(0.0, first_text - began), clock() - began, usage or {})
        call.ended(finish, spent)
        if self._listen and finish:
            self._listen(spent)
        self._require_complete(finish, written=first_text > 0)

    async def close(self) -> None:
        """Close the connections to the endpoint."""
        await self._http.aclose()

    async def check(self) -> str:
        """Say that our model is served. Raises ModelError when the endpoint can't be reached or doesn't serve it."""
        served = await self.models()
        if self.model not in served:
            raise self.faults.rejected(
                f"doesn't serve the model {self.model!r}, but {', '.join(sorted(served)) or 'none at all'}",
                "set ANSWERDESK_LLM_MODEL to one of these",
            )
        return f"{self.faults.endpoint} serves {self.model}."

    async def models(self) -> dict[str, int | None]:
        """Return the names of the models it serves, each with its context length in tokens where it is told.

        Raises ModelError.
        """
        try:
            async with asyncio.timeout(self._settings.first_token_timeout):
                return {model.id: getattr(model, "max_model_len", None) async for model in self.client.models.list()}
        except Exception as error:
            raise self.faults.explain(error, written=False) from error

    async def count_tokens(self, text: str) -> int:
        """Return how many tokens the model makes of a text: by vLLM's `/tokenize`. Raises ModelError."""
        body = {"model": self.model, "prompt": text, "add_special_tokens": False}
        try:
            told = await self.client.post(f"{self.root}/tokenize", cast_to=httpx.Response, body=body)
            return int(told.json()["count"])
        except Exception as error:
            raise self.faults.explain(error, written=False) from error

    async def _next(self, chunks: AsyncIterator[AIMessageChunk], when: float, *, written: bool) -> Any:
        """Return the next chunk, or None at the end; `when` is in the loop's time."""
        try:
            async with asyncio.timeout_at(when):
                return await anext(chunks, None)
        except Exception as error:
            # Whatever a client makes of a wrong endpoint's bytes (ValueError, KeyError, ...), the endpoint is at fault.
            raise self.faults.explain(error, written=written) from error

    def _require_complete(self, finish: str | None, *, written: bool) -> None:
        if finish is None:
            raise self.faults.unavailable("broke off before the answer was complete", "look at its log")
        if finish == "length":
            raise self.faults.unsuitable(
                f"needed more than {self._settings.max_tokens} tokens for an answer",
                "raise ANSWERDESK_LLM_MAX_TOKENS or choose a model that follows the instruction to be short",
            )
        if finish != "stop":
            raise self.faults.unsuitable(f"ended the answer with {finish!r}", "look at its log")
        if not written:
            raise self.faults.unavailable(
                "gave an empty answer", "look at its log; does the model have a chat template?"
            )


def _spent(endpoint: str, salt: str, first_text: float, total: float, usage: Any) -> Spent:
    return Spent(
        endpoint,
        first_text,
        total,
        prompt_tokens=usage.get("input_tokens", 0),
        cached_tokens=usage.get("input_token_details", {}).get("cache_read") or 0,
        written_tokens=usage.get("output_tokens", 0),
        salt=salt,
    )


def _keep_traces_home() -> None:
    """Make sure that no prompt is sent to LangSmith, whatever its variables in the environment say."""
    langsmith.configure(enabled=False)
    for name in ("LANGCHAIN_TRACING", "LANGCHAIN_HANDLER"):
        os.environ.pop(name, None)  # LangChain refuses to work where these are set
