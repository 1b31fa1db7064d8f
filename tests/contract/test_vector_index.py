"""What every vector index promises: the exact scan, Chroma in this process, and a Chroma server."""

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.passages import Audience, Passage
from retrieval.vectors import Place, ScanIndexes, Vector, VectorIndex, VectorIndexes, key_of, open_indexes, serial_of
from tests.chroma_server import ChromaServer
from tests.knowledge import some_vector

ACME = Place("acme", Audience.PUBLIC, "a model")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    server = ChromaServer(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["scan", "embedded", "server"])
def indexes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorIndexes]:
    opened: VectorIndexes
    if request.param == "scan":
        opened = ScanIndexes()
    elif request.param == "embedded":
        opened = open_indexes(tmp_path / "vectors")
    else:
        server = request.getfixturevalue("server")
        prefix = hashlib.sha256(request.node.name.encode()).hexdigest()[:16]
        opened = open_indexes(tmp_path / "vectors", server.settings(chroma_prefix=prefix, chroma_timeout=30))
    yield opened
    opened.close()


@pytest.fixture
def index(indexes: VectorIndexes) -> VectorIndex:
    return indexes.open(ACME)


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
    @pytest.mark.parametrize(
        "other", [ACME._replace(audience=Audience.INTERNAL), ACME._replace(company="b"), ACME._replace(model="another")]
    )
    def test_are_apart_by_company_audience_and_model(self, indexes: VectorIndexes, other: Place) -> None:
        indexes.open(ACME).add(vectors(1))
        indexes.open(other).add(vectors(2))
        assert indexes.open(ACME).nearest(some_vector(2), 5) == ["1"]

    def test_are_the_same_when_opened_again(self, indexes: VectorIndexes) -> None:
        indexes.open(ACME).add(vectors(1))
        assert indexes.open(ACME).held() == {"1"}

    async def test_serve_threads_beside_one_another(self, indexes: VectorIndexes) -> None:
        index = indexes.open(ACME)
        index.add(vectors(*range(30)))
        found = await asyncio.gather(*(asyncio.to_thread(index.nearest, some_vector(n), 1) for n in range(30)))
        assert found == [[str(n)] for n in range(30)]

    def test_forget_the_places_that_are_not_kept(self, indexes: VectorIndexes) -> None:
        other = ACME._replace(model="another")
        for place in (ACME, other):
            indexes.open(place).add(vectors(1))
        indexes.prune([ACME])
        assert (indexes.open(ACME).held(), indexes.open(other).held()) == ({"1"}, set())


class TestABuild:
    def build(self, indexes: VectorIndexes) -> None:
        """New indexes of 2 to 301 of one company, and of 7 of another."""
        build = indexes.begin()
        build.add(ACME, vectors(*range(2, 250)))
        build.add(ACME._replace(company="b"), vectors(7))
        build.add(ACME, vectors(*range(250, 302)))
        self.told: list[int] = []
        build.finish(self.told.append)

    def test_takes_the_place_of_what_was_there(self, indexes: VectorIndexes) -> None:
        indexes.open(ACME).add(vectors(1, 2))
        self.build(indexes)
        assert indexes.open(ACME).held() == set(map(str, range(2, 302)))
        assert indexes.open(ACME._replace(company="b")).held() == {"7"}

    def test_is_searched(self, indexes: VectorIndexes) -> None:
        self.build(indexes)
        assert indexes.open(ACME).nearest(some_vector(140), 1) == ["140"]

    def test_tells_how_many_are_in(self, indexes: VectorIndexes) -> None:
        self.build(indexes)
        assert self.told[-1] == 301

    def test_changes_nothing_until_it_is_finished(self, indexes: VectorIndexes) -> None:
        indexes.open(ACME).add(vectors(1))
        indexes.begin().add(ACME, vectors(2))
        assert indexes.open(ACME).held() == {"1"}

    def test_is_followed_by_others(self, indexes: VectorIndexes) -> None:
        indexes.begin().add(ACME, vectors(5))  # and then the process ended
        self.build(indexes)
        self.build(indexes)
        indexes.prune([ACME])
        index = indexes.open(ACME)
        index.add(vectors(1_000))
        assert (len(index.held()), index.nearest(some_vector(1_000), 1)) == (301, ["1000"])


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
