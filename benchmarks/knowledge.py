"""A company's knowledge in memory: what the product searches, without database and index files, as fast as can be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from llm.embeddings import Embedder
from retrieval import embedding
from retrieval.asking import Asked, ask
from retrieval.confidence import signals_of
from retrieval.crossing import MOVED, Bridge, Mixture
from retrieval.fusing import Weights, fuse
from retrieval.keywords import KeywordIndex
from retrieval.passages import Location, Passage, Scored, Signals
from retrieval.spelling import Vocabulary

Floats = NDArray[np.float32]
Fuse = Callable[[Asked, Sequence[Passage], Floats, Floats, Bridge, Mixture, Weights], list[Scored]]


class Remembering:
    """An embedding model that embeds each text once, however many companies and variants need it."""

    def __init__(self, model: Embedder) -> None:
        self.name, self.dimensions, self.count_tokens = model.name, model.dimensions, model.count_tokens
        self._model = model
        self._known: dict[tuple[str, str], Floats] = {}

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        return self._embed("query", texts, self._model.embed_queries)

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        return self._embed("passage", texts, self._model.embed_passages)

    def _embed(self, kind: str, texts: Sequence[str], embed: Callable[[Sequence[str]], Floats]) -> Floats:
        if new := list(dict.fromkeys(text for text in texts if (kind, text) not in self._known)):
            self._known |= {(kind, text): vector for text, vector in zip(new, embed(new), strict=True)}
        return np.stack([self._known[kind, text] for text in texts])


@dataclass(frozen=True)
class Variant:
    """The product's search, with some part of it switched off."""

    score: Fuse = fuse
    weights: Weights = field(default_factory=Weights)
    moved: float = MOVED
    headed: bool = True
    """Whether headings are read as questions."""
    stemmed: bool = True
    mended: bool = True
    cut: bool = True
    """Whether long questions are cut into parts."""
    balanced: bool = True


class Knowledge:
    """Passages of one company that can be asked."""

    def __init__(
        self, held: Sequence[Passage], embedder: Embedder, variant: Variant | None = None, candidates: int = 50
    ) -> None:
        self._variant = variant or Variant()
        self._held, self._embedder, self._candidates = held, embedder, candidates
        self._vectors = embedding.embed(embedder, self._as(headed=self._variant.headed))
        self._index = KeywordIndex(dict(enumerate(self._as(stemmed=self._variant.stemmed))))
        if not self._variant.mended:
            self._index.vocabulary = Vocabulary(())
        self._bridge = Bridge(embedder, self._variant.moved)
        self._mixture = self._mixed() if self._variant.balanced else Mixture()

    def search(self, question: str) -> tuple[list[Scored], Signals]:
        """The passages that come near, best first, and the signals of the confidence."""
        asked = self._ask(question)
        keyword = np.stack([self._index.scores(each, asked.language) for each in asked.parts])
        aims = [each for aim in self._mixture.aims(asked.vectors) for each in aim]
        near = [np.argsort(-(self._vectors @ each), kind="stable")[: self._candidates] for each in aims]
        rows = np.unique(np.concatenate([*near, *np.argsort(-keyword, axis=1, kind="stable")[:, : self._candidates]]))
        score, weights = self._variant.score, self._variant.weights
        held = [self._held[row] for row in rows]
        found = score(asked, held, self._vectors[rows], keyword[:, rows], self._bridge, self._mixture, weights)
        return found, signals_of(found, asked, self._bridge)

    def _ask(self, question: str) -> Asked:
        asked = ask(question, self._embedder, [self._index])
        if self._variant.cut or len(asked.parts) == 1:
            return asked
        return replace(asked, parts=[question], vectors=self._embedder.embed_queries([question]))

    def _as(self, *, headed: bool = True, stemmed: bool = True) -> list[Passage]:
        """The passages, their headings being text like any other, or in no language whose endings are known."""
        return [
            replace(
                each,
                **({} if headed else {"question": "", "title": "", "location": Location(), "text": _whole(each)}),
                **({} if stemmed else {"language": ""}),
            )
            for each in self._held
        ]

    def _mixed(self) -> Mixture:
        by_language: dict[str, list[int]] = {}
        for row, passage in enumerate(self._held):
            by_language.setdefault(passage.language, []).append(row)
        sizes = {language: len(own) for language, own in by_language.items()}
        return Mixture.of({language: list(self._vectors[own]) for language, own in by_language.items()}, sizes)


def _whole(passage: Passage) -> str:
    return f"{passage.heading}\n{passage.text}" if passage.heading else passage.text
