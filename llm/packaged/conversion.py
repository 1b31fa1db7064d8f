"""Converts the packaged weights, once, into a folder that ONNX Runtime and SentencePiece read."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from llm.errors import ModelError
from llm.packaged.weights import VERSION, find_weights, read_weights

MODEL = "model.onnx"
TOKENIZER = "sentencepiece.model"
FOLDER = f"multilingual-e5-small-{VERSION}-1"
"""The weights' version, then that of the conversion: raise it when the graph or the tokenizer changes."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""


def onnx_folder(models_dir: Path, progress: Progress | None = None) -> Path:
    """The folder with `model.onnx` and `sentencepiece.model`, made in `models_dir` if it isn't there: a second, 85 MB.

    It appears whole or not at all, and several processes may ask for it at once.

    Raises:
        ModelError: the packaged weights are missing or damaged, or the folder can't be written.

    """
    target = models_dir / FOLDER
    if target.is_dir():
        return target
    report = progress or (lambda _done, _total: None)
    weights_file = find_weights()
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{FOLDER}-", dir=models_dir) as scratch:
            made = Path(scratch) / FOLDER
            made.mkdir()
            _convert(weights_file, made, report)
            _move(made, target)
    except OSError as error:
        raise ModelError(
            f"The embedding model could not be written to {target}: {error.strerror or error}. "
            "Make room or give access there, or choose another data folder with --data-dir."
        ) from error
    return target


def _convert(weights_file: Path, folder: Path, report: Progress) -> None:
    import onnx  # needed here only, and not small

    from llm.packaged.graph import build_graph
    from llm.packaged.tokenizer import sentencepiece_model

    report(0, 3)
    weights = read_weights(weights_file)
    report(1, 3)
    (folder / TOKENIZER).write_bytes(sentencepiece_model(weights))
    report(2, 3)
    onnx.save_model(build_graph(weights), folder / MODEL, save_as_external_data=True, location=f"{MODEL}.data")
    for file in folder.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())  # else a power cut could leave a whole-looking file of zeros
    report(3, 3)


def _move(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was faster, and made the same
            raise
