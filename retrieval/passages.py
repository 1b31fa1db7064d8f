"""The nouns of retrieval: documents, the blocks a parser finds in them, and the passages that are searched."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a command that only shows its help doesn't wait for it
    import numpy as np
    from numpy.typing import NDArray


class Audience(StrEnum):
    """Who may see a document. Each audience of a company has collections of its own: nothing is ever filtered out."""

    PUBLIC = "public"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Location:
    """Where in its document a text stands. What the format doesn't have stays empty."""

    heading: str = ""
    """Headings from the outermost in, joined by ` > `."""
    page: int | None = None
    """Page of a PDF, counted from 1."""
    row: int | None = None
    """Row of a table as a spreadsheet shows it, counted from 1, the header included."""
    sheet: str = ""
    """Sheet of a workbook."""

    def __str__(self) -> str:
        parts = [
            f"page {self.page}" if self.page is not None else "",
            self.sheet,
            f"row {self.row}" if self.row is not None else "",
            self.heading,
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Entry:
    """A FAQ entry: it is never split, and a clear match is answered verbatim."""

    question: str
    answer: str
    location: Location = Location()


@dataclass(frozen=True, slots=True)
class Prose:
    """Running text under one heading or on one page; split into passages at sentences."""

    text: str
    location: Location = Location()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser makes of a file; a JSON-lines file yields many."""

    title: str
    blocks: Sequence[Entry | Prose]
    id: str | None = None
    """An id the source itself gives (JSON lines); kept as it is."""
    language: str = ""
    """A two-letter code where the source states it; else it is detected."""
    url: str = ""
    """Where people can read the original, if the source says so."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What is searched, shown and cited: a FAQ entry, or a stretch of prose of about 150 tokens."""

    id: str
    """`DOCUMENT#POSITION`; unique within a company."""
    document: str
    position: int
    title: str
    """The document's title; empty if its source gives none."""
    text: str
    """The answer of a FAQ entry, or the prose."""
    question: str = ""
    """The question of a FAQ entry; empty for prose."""
    location: Location = field(default_factory=Location)
    language: str = ""
    url: str = ""

    @property
    def is_entry(self) -> bool:
        """Whether this is a FAQ entry."""
        return bool(self.question)

    @property
    def heading(self) -> str:
        """What stands above the text: the entry's question, or the document's title and the headings down to it."""
        return self.question or " > ".join(part for part in (self.title, self.location.heading) if part)


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a company, as SQL holds it."""

    id: str
    company: str
    audience: Audience
    source: str
    """The file's absolute path, or the page's address."""
    title: str
    language: str
    url: str
    content_hash: str
    passages: int
    updated_at: float
    """Seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage found, with the signals it was ranked by."""

    passage: Passage
    score: float
    """What the ranking is by: higher is better, comparable within one search only."""
    cosine: float
    """Similarity of the embeddings, -1 to 1, as if the passage were in the language nearest to the question."""
    keyword: float
    """BM25 over 2.2 times the sum of the query's idf: 0 to about 1."""
    vector: "NDArray[np.float32] | None" = field(default=None, compare=False, repr=False)
    """The passage's, of unit length; None where it was found by its words alone."""
    part: int = field(default=0, compare=False)
    """The part of the question that the passage answers best."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What the confidence of a search is estimated from."""

    cosine: float = 0.0
    """Similarity of the question and the best passage."""
    margin: float = 0.0
    """How far the best score stands above the next one that says something else; less where few do."""
    beyond: float = 0.0
    """What the question and the best passage have in common beyond what surrounds them: a product of differences."""
    known: float = 0.0
    """The share of the question's words that the documents have at all, rare ones weighing more; 0 to 1."""
    translated: bool = False
    """Whether the passage is in another language than the question: what is near is less so across languages."""


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a search: passages, best first, and the probability that the best one answers the question."""

    query: str
    passages: Sequence[Scored]
    confidence: float
    signals: Signals = Signals()
