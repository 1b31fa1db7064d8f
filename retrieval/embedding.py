"""How a passage becomes one vector.

A passage's vector is the unit vector along `w * query(heading) + (1 - w) * passage(heading + text)`. The dot product
with a question is then a weighted mean of two similarities: to the heading, read as a question somebody might ask, and
to heading and text together. On FAQs this beats either alone, and it keeps one vector a passage (docs/retrieval.md).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from retrieval.passages import Passage

ENTRY_HEADING = 0.45
"""The weight `w` of a FAQ entry's question."""
PROSE_HEADING = 0.2
"""The weight `w` of the title and headings above prose."""


def embed(embedder: Embedder, passages: Sequence[Passage]) -> NDArray[np.float32]:
    """One vector a passage: shape (passages, dimensions), unit rows. Blocks: use a thread."""
    whole = embedder.embed_passages([_text(passage) for passage in passages])
    headed = [row for row, passage in enumerate(passages) if passage.heading]
    if not headed:
        return whole
    headings = embedder.embed_queries([passages[row].heading for row in headed])
    weights = np.array(
        [[ENTRY_HEADING if passages[row].is_entry else PROSE_HEADING] for row in headed], dtype=np.float32
    )
    whole[headed] = weights * headings + (1 - weights) * whole[headed]
    unit: NDArray[np.float32] = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    return unit


def _text(passage: Passage) -> str:
    return f"{passage.heading}\n{passage.text}" if passage.heading else passage.text
