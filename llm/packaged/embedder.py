"""Runs the converted model on ONNX Runtime."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# ONNX Runtime reports to its maker what it runs, unless told not to before it is imported: nothing leaves this machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
import sentencepiece
from numpy.typing import NDArray

from llm.errors import ModelError
from llm.packaged.conversion import FOLDER, MODEL, TOKENIZER
from llm.packaged.weights import BOS, EOS, PAD
from llm.settings import EmbeddingSettings
from llm.text import encodable

MAX_TOKENS = 512
"""What the model was trained for, special tokens included; the rest of a longer text is left out."""
_BATCH_TOKENS = 256
"""Smaller batches read the weights too often, larger ones leave the processor's cache: about 10 % each."""


class PackagedEmbedder:
    """Multilingual-e5-small, exact to its dequantised weights. Implements `llm.embeddings.Embedder`.

    Each batch runs on one thread, batches beside one another: nobody waits at a barrier after every matrix product.
    """

    dimensions = 384

    def __init__(self, settings: EmbeddingSettings, folder: Path) -> None:
        """Load the model from a folder that `llm.packaged.conversion.onnx_folder` made.

        Raises:
            ModelError: the folder is damaged.

        """
        self._prefixes = (
            "query: " if settings.query_prefix is None else settings.query_prefix,
            "passage: " if settings.passage_prefix is None else settings.passage_prefix,
        )
        self.name = f"{FOLDER} {self._prefixes[0]!r} {self._prefixes[1]!r}"
        self._threads = settings.threads or os.cpu_count() or 1
        self._batch_size = settings.batch_size
        try:
            self._tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(folder / TOKENIZER))
            self._session = onnxruntime.InferenceSession(
                folder / MODEL, _session_options(), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # both libraries raise kinds of their own
            raise ModelError(
                f"The embedding model in {folder} can't be loaded ({error}). "
                "Delete that folder: the next start makes it anew."
            ) from error

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed questions: float32 (texts, 384), rows of unit length."""
        return self._embed(self._prefixes[0], texts)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages: float32 (texts, 384), rows of unit length."""
        return self._embed(self._prefixes[1], texts)

    def count_tokens(self, text: str) -> int:
        """Tokens of the text alone."""
        return len(self._tokenizer.encode(encodable(text)))

    def close(self) -> None:
        """Nothing to let go of."""

    def _embed(self, prefix: str, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        tokens = [self._tokens(prefix + text) for text in texts]
        batches = list(self._batches(tokens))

        def run(batch: list[int]) -> None:
            vectors[batch] = self._run([tokens[row] for row in batch])

        if len(batches) <= 1 or self._threads == 1:
            for batch in batches:
                run(batch)
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(run, batches))
        return vectors

    def _tokens(self, text: str) -> list[int]:
        return [BOS, *self._tokenizer.encode(encodable(text))[: MAX_TOKENS - 2], EOS]

    def _batches(self, tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Rows of texts of like length, so that little is padded; the longest first, so that no thread ends late."""
        batch: list[int] = []
        for row in sorted(range(len(tokens)), key=lambda row: -len(tokens[row])):
            longest = len(tokens[batch[0]]) if batch else 0
            if batch and (len(batch) == self._batch_size or longest * (len(batch) + 1) > _BATCH_TOKENS):
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _run(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        ids = np.full((len(tokens), max(map(len, tokens))), PAD)
        mask = np.zeros(ids.shape, np.int32)
        for row, text in enumerate(tokens):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1
        vectors: NDArray[np.float32] = self._session.run(None, {"ids": ids, "mask": mask})[0]
        return vectors


def _session_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # texts differ in length: plans for each would only take memory
    options.log_severity_level = 3
    return options
