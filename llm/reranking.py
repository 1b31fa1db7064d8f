"""Reads question and passages together, and says how well each answers: slower than vectors, and off by default."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from llm.errors import ModelError, ModelRejected, ModelUnavailable, SettingsError
from llm.settings import RerankingSettings
from llm.text import encodable

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]


class Reranker(Protocol):
    """A model that judges passages. Its methods block; any thread may call them."""

    def scores(self, query: str, texts: Sequence[str]) -> Floats:
        """How well each text answers, in the order given: higher is better, comparable within one call only.

        Raises `ModelError` when the model can't tell.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def load_reranker(settings: RerankingSettings) -> Reranker | None:
    """The reranker that `settings` name; None where they name none.

    Raises:
        SettingsError: the model needs sentence-transformers, which isn't installed.
        ModelError: the model is unknown, or can't be fetched.

    """
    if not settings.model:
        return None
    return EndpointReranker(settings) if settings.base_url else CrossEncoderReranker(settings.model)


class CrossEncoderReranker:
    """Any cross-encoder that sentence-transformers loads: a folder, or a name on the Hugging Face hub."""

    def __init__(self, model: str) -> None:
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as error:
            raise SettingsError(
                f"The setting reranking.model names {model!r}, which needs sentence-transformers. "
                "Run `pip install 'answerdesk[transformers]'`, or name an endpoint by reranking.base_url."
            ) from error
        try:
            self._model = CrossEncoder(model)
        except Exception as error:  # the hub, the disk and the model's own code raise kinds of their own
            raise ModelError(
                f"The reranker {model!r} can't be loaded. Set reranking.model to a folder, to a name on "
                f"https://huggingface.co that this machine can fetch, or to nothing. The reason given: {error}"
            ) from error

    def scores(self, query: str, texts: Sequence[str]) -> Floats:
        """See Reranker.scores."""
        if not texts:
            return np.empty(0, np.float32)
        pairs = [(encodable(query), encodable(text)) for text in texts]
        scores = np.asarray(self._model.predict(pairs, show_progress_bar=False), dtype=np.float32)
        if scores.shape != (len(texts),):
            raise ModelRejected("The model of reranking.model gives several scores a text: name one that ranks.")
        return scores

    def close(self) -> None:
        """Nothing to let go of."""


class EndpointReranker:
    """A `/rerank` endpoint, as vLLM, Cohere, Jina and others serve it."""

    def __init__(self, settings: RerankingSettings) -> None:
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._model = settings.model
        self._url = f"{str(settings.base_url).rstrip('/')}/rerank"
        self._http = httpx.Client(
            timeout=settings.timeout, headers={"Authorization": f"Bearer {key}"} if key else {}, trust_env=False
        )

    def scores(self, query: str, texts: Sequence[str]) -> Floats:
        """See Reranker.scores."""
        if not texts:
            return np.empty(0, np.float32)
        body = {"model": self._model, "query": encodable(query), "documents": [encodable(text) for text in texts]}
        try:
            answer = self._http.post(self._url, json=body | {"top_n": len(texts)})
        except httpx.HTTPError as error:
            raise ModelUnavailable(f"{self._url} can't be reached: {error!r}") from error
        if answer.status_code != httpx.codes.OK:
            kind = ModelUnavailable if answer.status_code == 429 or answer.is_server_error else ModelRejected
            raise kind(f"{self._url} answered {answer.status_code}: {answer.text[:200]}")
        try:
            return _in_order(answer.json()["results"], len(texts))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelRejected(f"{self._url} gave no list of results with index and relevance_score.") from error

    def close(self) -> None:
        """See Reranker.close."""
        self._http.close()


def _in_order(results: Sequence[dict[str, Any]], count: int) -> Floats:
    scores = np.full(count, np.nan, np.float32)
    for result in results:
        scores[result["index"]] = result["relevance_score"]
    if not np.isfinite(scores).all():
        raise ValueError("A text has no score.")
    return scores
