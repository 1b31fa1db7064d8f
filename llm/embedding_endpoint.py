"""Embeds by an OpenAI-compatible endpoint, as vLLM, Text Embeddings Inference and others serve it."""

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import sentencepiece
from numpy.typing import NDArray

from llm.embeddings import usual_prefix
from llm.errors import ModelError, ModelRejected, ModelUnavailable
from llm.faults import shown
from llm.settings import EmbeddingSettings
from llm.text import encodable

log = logging.getLogger(__name__)

TRIES = 3
FIRST_PAUSE = 0.2
"""Seconds before a passage's second try; doubled before each more. A question has no time for that."""
LONGEST_PAUSE = 10.0


class EndpointEmbedder:
    """Implements `llm.embeddings.Embedder`.

    Endpoints don't say how they count tokens, so texts are measured by the packaged tokenizer, which is that of
    multilingual E5 and of BGE-M3: it decides only where long texts are cut.
    """

    def __init__(self, settings: EmbeddingSettings, tokenizer: Path) -> None:
        """Ask the endpoint for a first vector; one that can't be reached yet may come later.

        Raises:
            ModelRejected: it doesn't know the model, refuses the key, or gives no vectors.

        """
        assert settings.base_url  # noqa: S101 - for the type checker
        self._address = shown(settings.base_url)
        self._url = f"{str(settings.base_url).rstrip('/')}/embeddings"
        self._model = settings.model
        self._batch_size = settings.batch_size
        self._prefixes = (
            usual_prefix(self._model, "query") if settings.query_prefix is None else settings.query_prefix,
            usual_prefix(self._model, "passage") if settings.passage_prefix is None else settings.passage_prefix,
        )
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(timeout=settings.timeout, headers=headers, trust_env=False)
        self._tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer))
        self.name = f"{self._model} at {self._address} {self._prefixes[0]!r} {self._prefixes[1]!r}"
        self.dimensions = 0
        try:
            self._ask(["dimensions"])
        except ModelUnavailable as error:
            log.warning("Until it is there, passages are found by keywords alone. %s", error)
        except BaseException:
            self._http.close()
            raise

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed questions: (texts, dimensions), rows of unit length. Raises `ModelError`; tries once."""
        return self._embed(self._prefixes[0], texts, tries=1)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: (texts, dimensions), rows of unit length. Raises `ModelError`, after some tries."""
        return self._embed(self._prefixes[1], texts, tries=TRIES)

    def count_tokens(self, text: str) -> int:
        """Tokens of the text alone, by the packaged tokenizer."""
        return len(self._tokenizer.encode(encodable(text)))

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _embed(self, prefix: str, texts: Sequence[str], tries: int) -> NDArray[np.float32]:
        rows = [self._try([prefix + encodable(text) for text in part], tries) for part in self._batches(texts)]
        return np.concatenate(rows) if rows else np.empty((0, self.dimensions), np.float32)

    def _batches(self, texts: Sequence[str]) -> Iterator[Sequence[str]]:
        return (texts[start : start + self._batch_size] for start in range(0, len(texts), self._batch_size))

    def _try(self, texts: Sequence[str], tries: int) -> NDArray[np.float32]:
        pause = FIRST_PAUSE
        for left in reversed(range(tries)):
            try:
                return self._ask(texts)
            except ModelUnavailable as error:
                if not left:
                    raise
                time.sleep(min(max(pause, error.retry_after), LONGEST_PAUSE))
                pause *= 2
        raise AssertionError("the last try returns or raises")

    def _ask(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # An empty text is refused by many; a blank has no meaning either.
        body = {"model": self._model, "input": [text or " " for text in texts], "encoding_format": "float"}
        try:
            answer = self._http.post(self._url, json=body)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ModelUnavailable(
                f"The embeddings endpoint {self._address} can't be reached ({reason}): start it, or correct "
                "ANSWERDESK_EMBEDDING_BASE_URL."
            ) from error
        if answer.status_code != httpx.codes.OK:
            raise self._refusal(answer)
        try:
            rows = _rows(answer.json()["data"], len(texts))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelRejected(
                f"{self._url} gave no list of embeddings: is {self._model!r} an embedding model?"
            ) from error
        if self.dimensions and rows.shape[1] != self.dimensions:
            raise ModelRejected(
                f"{self._url} gives vectors of {rows.shape[1]} dimensions now, after {self.dimensions} at the start: "
                "another model is served there. Name it in embedding.model and start again."
            )
        self.dimensions = rows.shape[1]
        return rows

    def _refusal(self, answer: httpx.Response) -> ModelError:
        what = f"The embeddings endpoint {self._address} answered {answer.status_code} ({answer.text[:200]})"
        if answer.status_code in (401, 403):
            return ModelRejected(f"{what}: check ANSWERDESK_EMBEDDING_API_KEY.")
        if answer.status_code in (408, 425, 429) or answer.is_server_error:
            given = answer.headers.get("retry-after", "")
            return ModelUnavailable(f"{what}.", float(given) if given.isdecimal() else 0.0)
        return ModelRejected(f"{what}: does it serve {self._model!r} (ANSWERDESK_EMBEDDING_MODEL)?")


def _rows(data: Sequence[dict[str, Any]], count: int) -> NDArray[np.float32]:
    """The vectors in the order of the texts, of unit length. Raises ValueError where one is missing or no vector."""
    placed = {item["index"]: item["embedding"] for item in data}
    rows = np.asarray([placed[row] for row in range(count)], np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    if rows.ndim != 2 or not np.isfinite(rows).all() or not lengths.all():
        raise ValueError("No vectors.")
    unit: NDArray[np.float32] = rows / lengths
    return unit
