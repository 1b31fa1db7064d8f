"""Keyword search: BM25 over the stems of words, and over pairs of characters where a script writes no spaces."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.passages import Passage
from retrieval.postings import Counted, Postings, count
from retrieval.spelling import Vocabulary, is_mendable
from retrieval.stemming import stem

_PART = re.compile(r"[^\W_]+")
_WORD = re.compile(rf"{_PART.pattern}(?:[.\-']{_PART.pattern})*")
# Han, kana, Thai, Lao, Khmer and Burmese write no spaces between words.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
# A product code or an error number: `E-07`, `hb2418`. The hyphen comes and goes.
_CODE = re.compile(r"(?<![^\W_])([a-z]{1,5})-?(\d{2,6})(?![^\W_])")

CODE = 2.0
"""What the only passage with a product code of the question gets on top: nothing else says as surely what is meant."""


def codes(text: str) -> set[str]:
    """Product codes and error numbers, without hyphens and in lower case."""
    return {letters + digits for letters, digits in _CODE.findall(_fold(text))}


def tokens(text: str) -> list[str]:
    """The terms of a text: words in lower case, product codes such as `e-07` both whole and in parts, CJK bigrams."""
    found: list[str] = []
    for word in _fold(text).split():
        if _UNSPACED.fullmatch(word):
            found.extend(_bigrams(word))
            continue
        for spaced in _WORD.findall(word):
            parts = _PART.findall(spaced)
            found.extend([spaced, *parts] if len(parts) > 1 else parts)
    return found


def _fold(text: str) -> str:
    """Lower case, one kind of hyphen, and blanks around what is written without them."""
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", text)).casefold()
    return _UNSPACED.sub(r" \g<0> ", plain)


def _bigrams(run: str) -> Iterable[str]:
    return (run[i : i + 2] for i in range(len(run) - 1)) if len(run) > 1 else (run,)


@dataclass(frozen=True, slots=True)
class Terms:
    """What one passage is found by."""

    said: int
    """A hash of what the terms were made of."""
    counted: Counted
    codes: tuple[str, ...]
    spelled: tuple[str, ...]
    """The words that typing errors are mended by, as they are spelled."""


class KeywordIndex:
    """BM25 over the passages of one company and audience; built once, then read.

    `replaced` is the index that this one takes the place of: only what it doesn't know is read.
    """

    def __init__(self, passages: Mapping[int, Passage], replaced: "KeywordIndex | None" = None) -> None:
        # Numbers of terms; it only grows, so that the index before goes on with the same one.
        self.numbers: dict[str, int] = replaced.numbers if replaced else {}
        known: Mapping[int, Terms] = replaced.terms if replaced else {}
        self._serials = np.asarray(list(passages), dtype=np.int64)
        self._row = {serial: row for row, serial in enumerate(passages)}
        self.terms: Mapping[int, Terms] = {
            serial: self._read(passage, known.get(serial)) for serial, passage in passages.items()
        }
        self.vocabulary = Vocabulary(
            (passage.language, self.terms[serial].spelled) for serial, passage in passages.items()
        )
        languages = Counter(passage.language for passage in passages.values())
        self._languages = frozenset(languages)
        self._language = max(sorted(languages), key=lambda each: languages[each], default="")
        self._coded: dict[str, list[int]] = {}
        for row, terms in enumerate(self.terms.values()):
            for code in terms.codes:
                self._coded.setdefault(code, []).append(row)
        self._postings = Postings([terms.counted for terms in self.terms.values()], len(self.numbers))

    def scores(self, query: str, language: str = "") -> NDArray[np.float32]:
        """BM25 over the sum of the query's idf for every passage in the order given: 0 (no term) to 1 (all, often).

        Terms that no passage has count in the sum: a question about something else scores low though a word may hit.
        A passage that holds a product code of the query gets up to `CODE` on top, the more the fewer passages hold it.
        `language` is the query's, two letters; empty means that of most passages.
        """
        terms = self._query_terms(query, language)
        total = sum(map(self._idf, terms))
        scores = self._postings.scores([self._number(term) for term in terms]) / np.float32(total or 1)
        for code in codes(query):
            rows = self._coded.get(code, [])
            scores[rows] += np.float32(CODE * self._rarity(len(rows)) / self._rarity(1))
        return scores

    def known(self, query: str, language: str = "") -> float:
        """The share of the query's idf that is of terms in any passage: 0 to 1."""
        terms = self._query_terms(query, language)
        held = (term for term in terms if self._postings.frequency(self._number(term)))
        return sum(map(self._idf, held)) / (sum(map(self._idf, terms)) or 1)

    def best(self, scores: NDArray[np.float32], count: int) -> list[int]:
        """Up to `count` serials with a score above 0, best first."""
        order = np.argsort(-scores, kind="stable")[:count]
        return [int(self._serials[row]) for row in order if scores[row] > 0]

    def score_of(self, scores: NDArray[np.float32], serial: int) -> float:
        """One passage's score; 0 for a passage that the index doesn't hold yet."""
        row = self._row.get(serial)
        return float(scores[row]) if row is not None else 0.0

    def _query_terms(self, query: str, language: str) -> list[str]:
        spoken = language if language in self._languages else self._language
        return list(dict.fromkeys(stem(word, spoken) for word in tokens(query)))

    def _idf(self, term: str) -> float:
        return self._rarity(self._postings.frequency(self._number(term)))

    def _rarity(self, frequency: int) -> float:
        return float(self._postings.rarity(frequency))

    def _number(self, term: str) -> int:
        return self.numbers.get(term, -1)

    def _read(self, passage: Passage, known: Terms | None) -> Terms:
        text = f"{passage.heading}\n{passage.text}"
        said = hash((text, passage.language))
        if known is not None and known.said == said:
            return known
        words = tokens(text)
        stems = (stem(word, passage.language) for word in words)
        counted = count([self.numbers.setdefault(each, len(self.numbers)) for each in stems])
        return Terms(said, counted, tuple(codes(text)), tuple({*filter(is_mendable, words)}))
