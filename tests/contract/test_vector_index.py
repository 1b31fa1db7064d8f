"""What every vector index promises, held by the exact scan, and by Chroma with few and with many vectors."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.passages import Audience, Passage
from retrieval.vectors import ScanIndexes, Vector, VectorIndex, VectorIndexes, key_of, open_indexes, serial_of
from tests.knowledge import some_vector

MODEL = "a model"


@pytest.fixture(params=["scan", "chroma", "chroma's graph"])
def indexes(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VectorIndexes]:
    if request.param == "chroma's graph":
        monkeypatch.setattr("retrieval.chroma.EXACT_UP_TO", 0)
    opened: VectorIndexes = ScanIndexes() if request.param == "scan" else open_indexes(tmp_path / "vectors", MODEL)
    yield opened
    opened.close()


@pytest.fixture
def index(indexes: VectorIndexes) -> VectorIndex:
    return indexes.open("acme", Audience.PUBLIC)


def vectors(*serials: int) -> dict[str, Vector]:
    return {str(serial): some_vector(serial) for serial in serials}


class TestAnIndex:
    def test_is_empty_at_first(self, index: VectorIndex) -> None:
        assert index.held() == set()

    def test_finds_nothing_while_it_is_empty(self, index: VectorIndex) -> None:
        assert index.nearest(some_vector(1), 5) == []

    def test_holds_what_was_added(self, index: VectorIndex) -> None:
        index.add(vectors(1, 2))
        index.add(vectors(3))
        assert index.held() == {"1", "2", "3"}

    def test_finds_a_vector_by_itself(self, index: VectorIndex) -> None:
        index.add(vectors(*range(50)))
        assert index.nearest(some_vector(17), 1) == ["17"]

    def test_gives_the_nearest_first(self, index: VectorIndex) -> None:
        held = vectors(*range(200))
        index.add(held)
        query = some_vector(1_000)
        exact = sorted(held, key=lambda key: -float(held[key] @ query))
        assert index.nearest(query, 10) == exact[:10]

    def test_gives_all_when_more_are_wanted_than_it_holds(self, index: VectorIndex) -> None:
        index.add(vectors(*range(7)))
        assert sorted(index.nearest(some_vector(3), 1_000)) == sorted(map(str, range(7)))

    def test_gives_hundreds_when_hundreds_are_wanted(self, index: VectorIndex) -> None:
        index.add(vectors(*range(700)))
        assert len(set(index.nearest(some_vector(3), 600))) == 600

    def test_replaces_a_vector_under_the_same_key(self, index: VectorIndex) -> None:
        index.add(vectors(1, 2))
        index.add({"1": some_vector(9)})
        assert index.held() == {"1", "2"}
        assert index.nearest(some_vector(9), 1) == ["1"]

    def test_finds_no_more_what_was_removed(self, index: VectorIndex) -> None:
        index.add(vectors(1, 2, 3))
        index.remove(["2"])
        assert sorted(index.nearest(some_vector(2), 3)) == ["1", "3"]

    def test_holds_no_more_what_was_removed(self, index: VectorIndex) -> None:
        index.add(vectors(1, 2, 3))
        index.remove(["2"])
        assert index.held() == {"1", "3"}

    def test_passes_over_what_it_does_not_hold(self, index: VectorIndex) -> None:
        index.add(vectors(1))
        index.remove(["1", "99"])
        assert index.held() == set()

    def test_is_not_disturbed_by_nothing(self, index: VectorIndex) -> None:
        index.add({})
        index.remove([])
        assert index.held() == set()

    def test_goes_on_after_all_was_removed(self, index: VectorIndex) -> None:
        index.add(vectors(1, 2))
        index.remove(["1", "2"])
        index.add(vectors(3))
        assert index.nearest(some_vector(1), 5) == ["3"]

    def test_takes_thousands_at_once(self, index: VectorIndex) -> None:
        index.add({str(serial): some_vector(serial, dimensions=8) for serial in range(4_500)})
        assert len(index.held()) == 4_500
        index.remove([str(serial) for serial in range(4_400)])
        assert len(index.held()) == 100

    def test_answers_while_another_thread_writes(self, index: VectorIndex) -> None:
        index.add(vectors(*range(100)))
        writer = threading.Thread(target=lambda: [index.add(vectors(serial)) for serial in range(100, 200)])
        writer.start()
        found = [index.nearest(some_vector(7), 3)[0] for _ in range(50)]
        writer.join()
        assert set(found) == {"7"}
        assert len(index.held()) == 200


class TestIndexes:
    def test_are_apart_by_company_and_audience(self, indexes: VectorIndexes) -> None:
        indexes.open("acme", Audience.PUBLIC).add(vectors(1))
        indexes.open("acme", Audience.INTERNAL).add(vectors(2))
        indexes.open("other", Audience.PUBLIC).add(vectors(3))
        assert indexes.open("acme", Audience.PUBLIC).nearest(some_vector(2), 5) == ["1"]

    def test_are_the_same_when_opened_again(self, indexes: VectorIndexes) -> None:
        indexes.open("acme", Audience.PUBLIC).add(vectors(1))
        assert indexes.open("acme", Audience.PUBLIC).held() == {"1"}

    def test_are_empty_after_starting_anew(self, indexes: VectorIndexes) -> None:
        indexes.open("acme", Audience.PUBLIC).add(vectors(1))
        indexes.start_anew()
        assert indexes.open("acme", Audience.PUBLIC).held() == set()

    def test_work_after_starting_anew(self, indexes: VectorIndexes) -> None:
        indexes.start_anew()
        index = indexes.open("acme", Audience.PUBLIC)
        index.add(vectors(4))
        assert index.nearest(some_vector(4), 1) == ["4"]

    async def test_serve_threads_beside_one_another(self, indexes: VectorIndexes) -> None:
        index = indexes.open("acme", Audience.PUBLIC)
        index.add(vectors(*range(30)))
        found = await asyncio.gather(*(asyncio.to_thread(index.nearest, some_vector(n), 1) for n in range(30)))
        assert found == [[str(n)] for n in range(30)]


class TestKeys:
    def test_name_the_passage(self) -> None:
        assert serial_of(key_of(42, Passage("a#0", "a", 0, "Title", "Text"))) == 42

    @pytest.mark.parametrize(
        "other",
        [
            Passage("a#0", "a", 0, "Title", "Other text"),
            Passage("a#0", "a", 0, "Other title", "Text"),
            Passage("a#0", "a", 0, "Title", "Text", "A question?"),
        ],
    )
    def test_differ_when_the_vector_would(self, other: Passage) -> None:
        assert key_of(42, other) != key_of(42, Passage("a#0", "a", 0, "Title", "Text"))
