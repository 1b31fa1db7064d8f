"""The chat model that writes answers: any OpenAI-compatible endpoint, vLLM above all."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from llm.errors import SettingsError
from llm.settings import LLMSettings

if TYPE_CHECKING:
    from llm.replicas import Replicas


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What an answer took that its endpoint ended, be it for its length."""

    endpoint: str
    """Its address, without a password."""
    first_text: float
    """Seconds from the request to the first piece of text."""
    total: float
    """Seconds from the request to the end."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Those of the prompt that the endpoint's prefix cache held; vLLM tells with `--enable-prompt-tokens-details`."""
    written_tokens: int = 0
    salt: str = ""
    """Whose cache it was written with: see `ChatModel.stream`."""


Listener = Callable[[Spent], None]


class ChatModel(Protocol):
    """Writes text for a prompt."""

    def stream(
        self, messages: Sequence[ChatMessage], *, salt: str = "", affinity: str = "", began: float | None = None
    ) -> AsyncGenerator[str, None]:
        """Yield the answer in pieces as it is written; closing or cancelling the generator stops the model.

        `salt` isolates the endpoint's prefix cache: prompts share cached work only under the same salt. Prompts of one
        `affinity` share much and go to the same replica as far as its load allows. `began`, in the event loop's time,
        is when the customer began to wait: the time limits count from there; None means now. Returning means the
        answer is complete; raises ModelError otherwise, whatever was yielded before.
        """
        ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has: by the model's tokenizer, or an estimate where it can't be asked."""
        ...

    async def context(self) -> int:
        """Return how many tokens a prompt may have."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


def load_chat_model(settings: LLMSettings, listen: Listener | None = None) -> "Replicas | None":
    """Return the configured model, or None without a `base_url`; `listen` hears what each answer took.

    Raises SettingsError when the model has no name.
    """
    if not settings.endpoints:
        return None
    if not settings.model:
        raise SettingsError(
            "ANSWERDESK_LLM_BASE_URL is set, but ANSWERDESK_LLM_MODEL isn't: name a model that the endpoint serves "
            "(answerdesk model check lists them)."
        )
    # LangChain and the OpenAI SDK take 4 s and 90 MB: only those who set an endpoint pay for them.
    from llm.replicas import Replicas

    return Replicas(settings, listen)


async def check_chat_model(settings: LLMSettings) -> str:
    """Return one line: each endpoint serves the model. Raises ModelError or SettingsError, which say what to do."""
    model = load_chat_model(settings)
    if model is None:
        return "No model endpoint is set: answers are extracted from the documents."
    try:
        return " ".join([await endpoint.check() for endpoint in model.endpoints])
    finally:
        await model.close()
