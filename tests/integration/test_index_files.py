"""Chroma's files: who owns them, and what happens when they are damaged."""

import contextlib
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from retrieval.errors import IndexBroken
from retrieval.passages import Audience
from retrieval.vectors import Place, ScanIndexes, VectorIndexes, open_indexes
from tests.knowledge import some_vector

PLACE = Place("acme", Audience.PUBLIC, "a model")
ROOT = Path(__file__).parents[2]
OPEN = """
import sys
from pathlib import Path
from retrieval.passages import Audience
from retrieval.vectors import Place, open_indexes
indexes = open_indexes(Path(sys.argv[1]))
print(indexes.kind, len(indexes.open(Place("acme", Audience.PUBLIC, "a model")).held()))
indexes.close()
"""


def in_another_process(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", OPEN, folder], capture_output=True, text=True, cwd=ROOT)


def held(folder: Path, place: Place = PLACE) -> AbstractSet[str]:
    with closing(open_indexes(folder)) as indexes:
        return indexes.open(place).held()


def mend(indexes: VectorIndexes) -> None:
    """What the search does with an index that is broken."""
    build = indexes.begin()
    build.add(PLACE, {str(serial): some_vector(serial) for serial in range(300)})
    build.finish(lambda _: None)
    indexes.prune([PLACE])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds an index of 300 vectors."""
    with closing(open_indexes(tmp_path / "vectors")) as indexes:
        indexes.open(PLACE).add({str(serial): some_vector(serial) for serial in range(300)})
    return tmp_path / "vectors"


def test_vectors_are_still_there_after_a_restart(folder: Path) -> None:
    assert len(held(folder)) == 300


def test_the_vectors_of_the_first_model_stay(folder: Path) -> None:
    assert held(folder, PLACE._replace(model="another model")) == set()
    assert len(held(folder)) == 300


def test_a_second_owner_in_this_process_scans(folder: Path) -> None:
    with closing(open_indexes(folder)):
        assert isinstance(open_indexes(folder), ScanIndexes)


def test_a_second_process_scans(folder: Path) -> None:
    with closing(open_indexes(folder)):
        assert in_another_process(folder).stdout.startswith("exact scan")


def test_the_lock_goes_with_its_owner(folder: Path) -> None:
    open_indexes(folder).close()
    assert in_another_process(folder).stdout.strip() == "Chroma, embedded 300"


def overwrite_the_header(data: bytearray, _: random.Random) -> None:
    data[:4096] = b"\xff" * len(data[:4096])


def flip_bytes(data: bytearray, dice: random.Random) -> None:
    for _ in range(200):
        data[dice.randrange(len(data))] = dice.randrange(256)


def overwrite_pages(data: bytearray, dice: random.Random) -> None:
    for start in dice.sample(range(0, len(data), 4096), min(20, len(data) // 4096 + 1)):
        data[start : start + 4096] = dice.randbytes(len(data[start : start + 4096]))


def cut_in_half(data: bytearray, _: random.Random) -> None:
    del data[len(data) // 2 :]


def empty(data: bytearray, _: random.Random) -> None:
    data.clear()


def damage(folder: Path, how: Callable[[bytearray, random.Random], None], seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size > 200:
            data = bytearray(path.read_bytes())
            how(data, dice)
            path.write_bytes(data)


# Of the flipped bytes, some make Chroma raise, some make it panic, and some end the process.
@pytest.mark.parametrize(
    ("how", "seed"),
    [
        *((how, 4) for how in (overwrite_the_header, flip_bytes, overwrite_pages, cut_in_half, empty)),
        *((flip_bytes, seed) for seed in (0, 1, 10)),
        (overwrite_pages, 0),
    ],
)
@pytest.mark.parametrize("sealed", [True, False], ids=["closed", "killed"])
def test_damage_never_ends_the_program(folder: Path, how: Callable[..., None], seed: int, *, sealed: bool) -> None:
    damage(folder, how, seed)
    if not sealed:
        (folder / "sealed").unlink()  # as if the process that wrote it had been killed
    opened = in_another_process(folder)
    assert opened.returncode >= 0, opened.stderr
    with closing(open_indexes(folder)) as indexes:
        with contextlib.suppress(IndexBroken):
            indexes.open(PLACE)
        mend(indexes)
        index = indexes.open(PLACE)
        index.add({"5000": some_vector(5_000)})
        assert [index.nearest(some_vector(each), 1) for each in (5_000, 17)] == [["5000"], ["17"]]
    assert len(held(folder)) == 301


def test_a_flipped_byte_is_noticed(folder: Path) -> None:
    path = max(folder.rglob("*.bin"), key=lambda each: each.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with closing(open_indexes(folder)) as indexes, pytest.raises(IndexBroken, match="have changed"):
        indexes.open(PLACE)


@pytest.mark.parametrize("pointer", [b"", b"gone", b"\xff\xfe", b"\0"])
def test_a_damaged_pointer_leads_to_an_index_that_works(folder: Path, pointer: bytes) -> None:
    (folder / "current").write_bytes(pointer)
    with closing(open_indexes(folder)) as indexes:
        index = indexes.open(PLACE)
        index.add({"1": some_vector(1)})
        assert index.nearest(some_vector(1), 1) == ["1"]


def test_a_build_that_is_cut_off_leaves_the_old_one(folder: Path) -> None:
    with closing(open_indexes(folder)) as indexes:
        indexes.open(PLACE)
        indexes.begin().add(PLACE, {"1": some_vector(1)})
    assert len(held(folder)) == 300


def test_a_build_that_fails_leaves_the_old_one(folder: Path) -> None:
    with closing(open_indexes(folder)) as indexes:
        build = indexes.begin()
        build.add(PLACE, {"1": some_vector(1)})
        build.add(PLACE._replace(company="?"), {"1": some_vector(1)})  # no name for a collection
        with pytest.raises(IndexBroken):
            build.finish(lambda _: None)
        assert len(indexes.open(PLACE).held()) == 300


def test_what_was_replaced_or_cut_off_is_cleared_away(folder: Path) -> None:
    with closing(open_indexes(folder)) as indexes:
        indexes.open(PLACE)
        indexes.begin().add(PLACE, {"1": some_vector(1)})
        mend(indexes)
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 1


def test_a_folder_that_was_removed_is_made_again(folder: Path) -> None:
    shutil.rmtree(folder)
    assert held(folder) == set()


def test_next_to_nothing_is_lost_among_clusters_of_what_is_alike(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    centres = np.stack([some_vector(number, 64) for number in range(5)])
    rows = np.repeat(centres, 600, axis=0) + dice.normal(scale=0.03, size=(3_000, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    with closing(open_indexes(tmp_path / "vectors")) as indexes:
        build = indexes.begin()
        build.add(PLACE, {str(row): vector for row, vector in enumerate(rows)})
        build.finish(lambda _: None)
        index = indexes.open(PLACE)
        found = [index.nearest(rows[row], 1)[0] for row in range(0, 3_000, 50)]
    assert sum(row == str(number * 50) for number, row in enumerate(found)) >= 0.95 * len(found)
