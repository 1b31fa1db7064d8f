"""The chat model that writes answers: any OpenAI-compatible endpoint, vLLM above all."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import HttpUrl

from llm.errors import ModelError, ModelRejected, ModelUnavailable, SettingsError
from llm.settings import LLMSettings

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk
    from openai import AsyncOpenAI

_DETAIL_LENGTH = 300
_WORTH_ANOTHER_TRY = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatModel(Protocol):
    """Writes text for a prompt."""

    def stream(self, messages: Sequence[ChatMessage], *, salt: str = "") -> AsyncGenerator[str, None]:
        """Yield the answer in pieces as it is written; closing or cancelling the generator stops the model.

        `salt` isolates the endpoint's prefix cache: prompts share cached work only under the same salt. Returning means
        the answer is complete; raises ModelError otherwise, whatever was yielded before.
        """
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


def load_chat_model(settings: LLMSettings) -> ChatModel | None:
    """Return the configured model, or None without a `base_url`. Raises SettingsError when the model has no name."""
    if settings.base_url is None:
        return None
    if not settings.model:
        raise SettingsError(
            "ANSWERDESK_LLM_BASE_URL is set, but ANSWERDESK_LLM_MODEL isn't: name a model that the endpoint serves "
            f"({_shown(settings.base_url)}/models lists them)."
        )
    return EndpointChat(settings, settings.base_url, settings.model)


async def check_chat_model(settings: LLMSettings) -> str:
    """Return one line: the endpoint serves the model. Raises ModelError or SettingsError, which say what to do."""
    model = load_chat_model(settings)
    if not isinstance(model, EndpointChat):
        return "No model endpoint is set: answers are extracted from the documents."
    try:
        return await model.check()
    finally:
        await model.close()


class EndpointChat:
    """A model behind an OpenAI-compatible endpoint, through LangChain's client."""

    def __init__(self, settings: LLMSettings, base_url: HttpUrl, model: str) -> None:
        # LangChain and the OpenAI SDK take 4 s and 90 MB: only those who set an endpoint pay for them.
        from langchain_openai import ChatOpenAI
        from openai import DefaultAsyncHttpxClient

        _keep_traces_home()
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._settings = settings
        self._model = model
        self._fault = _Fault(_shown(base_url), model, key)
        self._http = DefaultAsyncHttpxClient(timeout=settings.total_timeout, follow_redirects=False)
        self._chat = ChatOpenAI(
            model=model,
            base_url=str(base_url),
            # Unset, the client would take OPENAI_API_KEY and OPENAI_PROXY from the environment, meant for someone else.
            api_key=key or "none",  # type: ignore[arg-type]
            openai_proxy=None,
            http_async_client=self._http,
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,  # type: ignore[call-arg]
            timeout=settings.total_timeout,
            max_retries=0,
            stream_chunk_timeout=0,
            use_responses_api=False,
        )

    async def stream(self, messages: Sequence[ChatMessage], *, salt: str = "") -> AsyncGenerator[str, None]:
        """See ChatModel.stream."""
        clock = asyncio.get_running_loop().time
        started = clock()
        end = started + self._settings.total_timeout
        wait_until = started + self._settings.first_token_timeout
        written = False
        finish: str | None = None
        chunks = self._chat.astream(
            [{"role": message.role, "content": message.content} for message in messages],
            extra_body={"cache_salt": salt} if salt else None,
        )
        async with aclosing(chunks):  # type: ignore[type-var]
            while chunk := await self._next(chunks, min(wait_until, end), written=written):
                finish = chunk.response_metadata.get("finish_reason") or finish
                if text := str(chunk.text):
                    written = True
                    yield text
                if written:
                    wait_until = clock() + self._settings.stall_timeout
        self._require_complete(finish, written=written)

    async def close(self) -> None:
        """Close the connections to the endpoint."""
        await self._http.aclose()

    async def check(self) -> str:
        """Ask the endpoint for its models. Raises ModelError when it can't be reached or doesn't serve ours."""
        client: AsyncOpenAI = self._chat.root_async_client
        try:
            async with asyncio.timeout(self._settings.first_token_timeout):
                served = sorted([model.id async for model in client.models.list()])
        except Exception as error:
            raise self._fault.explain(error, written=False) from error
        if self._model not in served:
            raise self._fault.rejected(
                f"doesn't serve the model {self._model!r}, but {', '.join(served) or 'none at all'}",
                "set ANSWERDESK_LLM_MODEL to one of these",
            )
        return f"{self._fault.endpoint} serves {self._model}."

    async def _next(self, chunks: AsyncIterator["AIMessageChunk"], when: float, *, written: bool) -> Any:
        """Return the next chunk, or None at the end; `when` is in the loop's time."""
        try:
            async with asyncio.timeout_at(when):
                return await anext(chunks, None)
        except Exception as error:
            # Whatever a client makes of a wrong endpoint's bytes (ValueError, KeyError, ...), the endpoint is at fault.
            raise self._fault.explain(error, written=written) from error

    def _require_complete(self, finish: str | None, *, written: bool) -> None:
        if finish is None:
            raise self._fault.unavailable("broke off before the answer was complete", "look at its log")
        if finish == "length":
            raise self._fault.rejected(
                f"needed more than {self._settings.max_tokens} tokens for an answer",
                "raise ANSWERDESK_LLM_MAX_TOKENS or choose a model that follows the instruction to be short",
            )
        if finish != "stop":
            raise self._fault.rejected(f"ended the answer with {finish!r}", "look at its log")
        if not written:
            raise self._fault.unavailable(
                "gave an empty answer", "look at its log; does the model have a chat template?"
            )


@dataclass(frozen=True, slots=True)
class _Fault:
    """Turns what went wrong at an endpoint into our errors, without ever repeating the key."""

    endpoint: str
    model: str
    key: str

    def unavailable(self, what: str, next_step: str) -> ModelUnavailable:
        return ModelUnavailable(self._message(what, next_step))

    def rejected(self, what: str, next_step: str) -> ModelRejected:
        return ModelRejected(self._message(what, next_step))

    def explain(self, error: Exception, *, written: bool) -> ModelError:
        """Return our error for one of the client's; `written` says whether text had arrived before."""
        from openai import APIConnectionError, APIError, APIStatusError

        if isinstance(error, APIStatusError):
            return self._explain_status(error.status_code, self._detail(error))
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            what = "took too long in the middle of an answer" if written else "gave no first word in time"
            return self.unavailable(
                what,
                "is it overloaded? See ANSWERDESK_LLM_FIRST_TOKEN_TIMEOUT, _STALL_TIMEOUT and _TOTAL_TIMEOUT",
            )
        if isinstance(error, APIConnectionError) and written:
            return self.unavailable(f"broke off in the middle of an answer ({self._detail(error)})", "look at its log")
        if isinstance(error, APIConnectionError):
            return self.unavailable(
                f"can't be reached ({self._detail(error)})", "start it, or correct ANSWERDESK_LLM_BASE_URL"
            )
        if isinstance(error, APIError):
            return self.unavailable(f"reported an error ({self._detail(error)})", "look at its log")
        return self.unavailable(
            f"sent something that isn't an answer in OpenAI's protocol ({type(error).__name__})",
            "check that ANSWERDESK_LLM_BASE_URL is such an endpoint; it usually ends in /v1",
        )

    def _explain_status(self, status: int, detail: str) -> ModelError:
        what = f"answered {status} ({detail})"
        if status in (401, 403):
            return self.rejected(what, "check ANSWERDESK_LLM_API_KEY")
        if status == 404:
            return self.rejected(
                what,
                f"does it serve {self.model!r} (ANSWERDESK_LLM_MODEL)? Is ANSWERDESK_LLM_BASE_URL right? "
                "It usually ends in /v1",
            )
        if status in _WORTH_ANOTHER_TRY or status >= 500:
            return self.unavailable(what, "try again later; look at its log if it stays so")
        if status < 400:
            return self.rejected(what, "set ANSWERDESK_LLM_BASE_URL to the address it redirects to")
        return self.rejected(what, "the request doesn't suit this model: check its context length and its log")

    def _detail(self, error: Exception) -> str:
        reason = (
            error.__cause__ if error.__cause__ is not None and type(error).__name__ == "APIConnectionError" else error
        )
        body = getattr(error, "body", None)
        text = str(body.get("message") or body) if isinstance(body, dict) else str(reason) or type(reason).__name__
        text = " ".join(text.split())[:_DETAIL_LENGTH]
        return text.replace(self.key, "***") if self.key else text

    def _message(self, what: str, next_step: str) -> str:
        return f"The model endpoint {self.endpoint} {what}: {next_step}."


def _shown(url: HttpUrl) -> str:
    """Return the address without a user name or a password."""
    default = {"http": 80, "https": 443}.get(url.scheme)
    port = f":{url.port}" if url.port not in (None, default) else ""
    return f"{url.scheme}://{url.host}{port}{(url.path or '').rstrip('/')}"


def _keep_traces_home() -> None:
    """Make sure that no prompt is sent to LangSmith, whatever its variables in the environment say."""
    import langsmith

    langsmith.configure(enabled=False)
    for name in ("LANGCHAIN_TRACING", "LANGCHAIN_HANDLER"):
        os.environ.pop(name, None)  # LangChain refuses to work where these are set
