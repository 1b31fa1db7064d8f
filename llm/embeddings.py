"""Turns text into vectors: the packaged model on ONNX Runtime, any other by sentence-transformers, or an endpoint."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llm.errors import SettingsError
from llm.settings import EmbeddingSettings

_E5 = re.compile(r"(^|[^a-z])e5($|[^a-z0-9])(?!.*instruct)", re.IGNORECASE)


class Embedder(Protocol):
    """A model that puts texts of like meaning close together. Its methods block; any thread may call them."""

    name: str
    """Identity of the model and its prefixes: vectors under different names can't be compared."""
    dimensions: int

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed questions: (texts, dimensions), rows of unit length, in the order given."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed what questions are compared with: (texts, dimensions), rows of unit length, in the order given."""
        ...

    def count_tokens(self, text: str) -> int:
        """How many of the model's tokens the text has, without prefix and special tokens."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def usual_prefix(model: str, kind: str) -> str:
    """What a model of this name was trained to see before a `query` or a `passage`, where it doesn't say itself."""
    return f"{kind}: " if _E5.search(model) else ""


def load_embedder(
    settings: EmbeddingSettings, models_dir: Path, progress: Callable[[int, int], None] | None = None
) -> Embedder:
    """Load the model that `settings` name; the packaged one is first converted, once, in `models_dir`.

    Args:
        settings: which model, and how to run it.
        models_dir: where the converted model is kept; made if missing.
        progress: called with the steps done and the steps in all while converting.

    Raises:
        SettingsError: the model needs sentence-transformers, which isn't installed; or an endpoint's has no name.
        ModelError: the model is missing, damaged or unknown, or can't be fetched.

    """
    if settings.model == "packaged" and settings.base_url:
        raise SettingsError("Which model does embedding.base_url serve? Name it in embedding.model.")
    if settings.model == "packaged":
        from llm.packaged.conversion import onnx_folder
        from llm.packaged.embedder import PackagedEmbedder

        return PackagedEmbedder(settings, onnx_folder(models_dir, progress))
    if settings.base_url:
        from llm.embedding_endpoint import EndpointEmbedder
        from llm.packaged.conversion import TOKENIZER, onnx_folder

        return EndpointEmbedder(settings, onnx_folder(models_dir, progress) / TOKENIZER)
    from llm.sentence_transformer import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(settings)
