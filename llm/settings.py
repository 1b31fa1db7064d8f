"""Settings of the models."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, SecretStr, TypeAdapter, ValidationError

_ADDRESS = TypeAdapter(HttpUrl)


def _addresses(given: object) -> object:
    """Write one or several addresses as one text. Raises ValueError for what is none."""
    if given is None:
        return None
    parts = given if isinstance(given, list | tuple) else str(given).replace(",", " ").split()
    try:
        return ", ".join(str(_ADDRESS.validate_python(part)) for part in parts) or None
    except ValidationError:
        raise ValueError("an address begins with http:// or https://") from None


class EmbeddingSettings(BaseModel):
    """Which model turns text into vectors."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[
        str,
        Field(
            description="`packaged` (multilingual-e5-small, no network), a sentence-transformers name or folder, "
            "or the endpoint's model."
        ),
    ] = "packaged"
    base_url: Annotated[
        HttpUrl | None,
        Field(description="Where `/embeddings` is served, such as http://127.0.0.1:8001/v1; unset embeds here."),
    ] = None
    api_key: Annotated[
        SecretStr | None,
        Field(description="Only by ANSWERDESK_EMBEDDING_API_KEY or ANSWERDESK_EMBEDDING_API_KEY_FILE."),
    ] = None
    timeout: Annotated[float, Field(gt=0, description="Seconds to wait for the endpoint's vectors.")] = 10.0
    query_prefix: Annotated[str | None, Field(description="Put before questions; unset takes the model's own.")] = None
    passage_prefix: Annotated[str | None, Field(description="Put before passages; unset takes the model's own.")] = None
    threads: Annotated[
        int,
        Field(ge=0, description="CPU threads for embedding; 0 means all cores, beside a running service half of them."),
    ] = 0
    batch_size: Annotated[int, Field(ge=1, le=1024, description="Passages embedded at a time.")] = 16

    def registered(self) -> str:
        """What a model is loaded by, as JSON, without the key."""
        return self.model_dump_json(include={"model", "base_url", "query_prefix", "passage_prefix"})

    def of_registered(self, registered: str) -> "EmbeddingSettings":
        """The settings of a model that was registered; what is not about the model stays. Raises ValueError."""
        given = type(self).model_validate_json(registered)
        # The key is for the endpoint that the settings name, and for no other.
        key = self.api_key if given.base_url == self.base_url else None
        names = ("model", "base_url", "query_prefix", "passage_prefix")
        return self.model_copy(update={name: getattr(given, name) for name in names} | {"api_key": key})


class RerankingSettings(BaseModel):
    """A model that reads question and passages together and orders what was found anew; off where none is named."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[
        str | None,
        Field(description="A sentence-transformers cross-encoder by name or folder, or the endpoint's model."),
    ] = None
    base_url: Annotated[
        HttpUrl | None,
        Field(description="Where `/rerank` is served, such as http://127.0.0.1:8001/v1; unset loads the model here."),
    ] = None
    api_key: Annotated[
        SecretStr | None,
        Field(description="Only by ANSWERDESK_RERANKING_API_KEY or ANSWERDESK_RERANKING_API_KEY_FILE."),
    ] = None
    passages: Annotated[int, Field(ge=2, le=200, description="The best so many passages are ordered anew.")] = 20
    timeout: Annotated[float, Field(gt=0, description="Seconds to wait; then the order stays as it is.")] = 2.0


class LLMSettings(BaseModel):
    """The OpenAI-compatible endpoint, vLLM above all, that writes answers; without one, answers are extracted."""

    model_config = ConfigDict(extra="forbid")

    base_url: Annotated[
        str | None,
        BeforeValidator(_addresses),
        Field(
            description="Such as http://127.0.0.1:8000/v1; several, joined by commas, for replicas; "
            "unset means no generation."
        ),
    ] = None
    model: Annotated[str | None, Field(description="The model's name at that endpoint.")] = None
    api_key: Annotated[
        SecretStr | None, Field(description="Only by ANSWERDESK_LLM_API_KEY or ANSWERDESK_LLM_API_KEY_FILE.")
    ] = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    max_tokens: Annotated[int, Field(ge=16, le=8192, description="Longest answer, in tokens.")] = 600
    first_token_timeout: Annotated[float, Field(gt=0, description="Seconds to wait for an endpoint's first token.")] = (
        8.0
    )
    first_text_timeout: Annotated[
        float,
        Field(gt=0, description="Seconds for the first text, queueing and other replicas included."),
    ] = 17.0
    stall_timeout: Annotated[
        float, Field(gt=0, description="Seconds without a token before a stream counts as broken.")
    ] = 5.0
    total_timeout: Annotated[float, Field(gt=0, description="Seconds that one whole answer may take.")] = 22.0
    stream_interval: Annotated[
        int,
        Field(
            ge=1,
            le=64,
            description="Tokens that vLLM sends at a time after the first: text is shown by whole sentences, and each "
            "piece costs time on both sides.",
        ),
    ] = 4
    concurrency: Annotated[
        int, Field(ge=1, le=4096, description="Answers that one endpoint writes at a time; more wait for their turn.")
    ] = 64
    price_input: Annotated[float, Field(ge=0, description="What a million tokens of prompts cost, for metrics.")] = 0.0
    price_cached: Annotated[
        float | None, Field(ge=0, description="The same of those that were cached; unset means `price_input`.")
    ] = None
    price_output: Annotated[float, Field(ge=0, description="What a million tokens of answers cost.")] = 0.0
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", description="Of these prices.")] = "USD"

    @property
    def endpoints(self) -> Sequence[HttpUrl]:
        """Every address, each once."""
        return tuple(dict.fromkeys(HttpUrl(each) for each in (self.base_url or "").split(", ") if each))
