"""Runs any embedding model that sentence-transformers loads: a folder, or a name on the Hugging Face hub.

Needs the extra `transformers`; the module may be imported without it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import usual_prefix
from llm.errors import ModelError, SettingsError
from llm.settings import EmbeddingSettings
from llm.text import encodable


class SentenceTransformerEmbedder:
    """Implements `llm.embeddings.Embedder`."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        """Load the model, from the hub if it is no folder.

        Raises:
            SettingsError: sentence-transformers isn't installed.
            ModelError: the model is unknown, or can't be fetched.

        """
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise SettingsError(
                f"The setting embedding.model names {settings.model!r}, which needs sentence-transformers. "
                "Run `pip install 'answerdesk[transformers]'`, or set it to `packaged`."
            ) from error
        if settings.threads:
            torch.set_num_threads(settings.threads)
        try:
            self._model = SentenceTransformer(settings.model)
        except Exception as error:  # the hub, the disk and the model's own code raise kinds of their own
            raise ModelError(
                f"The embedding model {settings.model!r} can't be loaded. Set embedding.model to a folder, to a name "
                f"on https://huggingface.co that this machine can fetch, or to `packaged`. The reason given: {error}"
            ) from error
        self._batch_size = settings.batch_size
        self._query_prefix = self._prefix(settings.query_prefix, settings.model, "query")
        self._passage_prefix = self._prefix(settings.passage_prefix, settings.model, "passage")
        self.name = f"{settings.model} {self._query_prefix!r} {self._passage_prefix!r}"
        self.dimensions = self._model.get_embedding_dimension() or len(self._model.encode(""))

    def _prefix(self, given: str | None, model: str, kind: str) -> str:
        if given is not None:
            return given
        prompts = {"passage": self._model.prompts.get("document"), **self._model.prompts}
        return prompts.get(kind) or usual_prefix(model, kind)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed questions: (texts, dimensions), rows of unit length."""
        return self._embed(self._query_prefix, texts)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: (texts, dimensions), rows of unit length."""
        return self._embed(self._passage_prefix, texts)

    def count_tokens(self, text: str) -> int:
        """Tokens of the text alone."""
        tokens = self._model.tokenizer.encode(encodable(text), add_special_tokens=False, verbose=False)
        return len(tokens)

    def close(self) -> None:
        """Nothing to let go of."""

    def _embed(self, prefix: str, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        vectors: NDArray[np.float32] = self._model.encode(
            [prefix + encodable(text) for text in texts],
            batch_size=self._batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return vectors.astype(np.float32, copy=False)
