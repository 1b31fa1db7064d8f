"""Chroma's files: who owns them, and what happens when they are damaged."""

import logging
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from retrieval.passages import Audience
from retrieval.vectors import ScanIndexes, open_indexes
from tests.knowledge import some_vector

MODEL = "a model"
ROOT = Path(__file__).parents[2]
OPEN = """
import sys
from pathlib import Path
from retrieval.passages import Audience
from retrieval.vectors import open_indexes
indexes = open_indexes(Path(sys.argv[1]), sys.argv[2])
print(indexes.kind, len(indexes.open("acme", Audience.PUBLIC).held()))
indexes.close()
"""


def in_another_process(folder: Path, model: str = MODEL) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", OPEN, folder, model], capture_output=True, text=True, cwd=ROOT)


def held(folder: Path, model: str = MODEL) -> set[str]:
    with closing(open_indexes(folder, model)) as indexes:
        return indexes.open("acme", Audience.PUBLIC).held()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds an index of 300 vectors."""
    with closing(open_indexes(tmp_path / "vectors", MODEL)) as indexes:
        indexes.open("acme", Audience.PUBLIC).add({str(serial): some_vector(serial) for serial in range(300)})
    return tmp_path / "vectors"


def test_vectors_are_still_there_after_a_restart(folder: Path) -> None:
    assert len(held(folder)) == 300


def test_another_model_begins_with_an_empty_index(folder: Path) -> None:
    assert held(folder, "another model") == set()


def test_the_vectors_of_the_first_model_stay(folder: Path) -> None:
    held(folder, "another model")
    assert len(held(folder)) == 300


def test_a_second_owner_in_this_process_scans(folder: Path) -> None:
    with closing(open_indexes(folder, MODEL)):
        assert isinstance(open_indexes(folder, MODEL), ScanIndexes)


def test_a_second_process_scans(folder: Path) -> None:
    with closing(open_indexes(folder, MODEL)):
        assert in_another_process(folder).stdout.startswith("exact scan")


def test_the_lock_goes_with_its_owner(folder: Path) -> None:
    open_indexes(folder, MODEL).close()
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
def test_damage_never_keeps_an_index_from_working(folder: Path, how: Callable[..., None], seed: int) -> None:
    damage(folder, how, seed)
    for _ in range(2):  # the second process must be fine where the first one ended
        opened = in_another_process(folder)
        if opened.returncode == 0:
            break
    assert opened.returncode == 0, opened.stderr
    with closing(open_indexes(folder, MODEL)) as indexes:
        index = indexes.open("acme", Audience.PUBLIC)
        index.add({"new": some_vector(5_000)})
        assert index.nearest(some_vector(5_000), 1) == ["new"]


@pytest.mark.parametrize("pointer", [b"", b"gone", b"\xff\xfe", b"\0"])
def test_a_damaged_pointer_leads_to_an_index_that_works(folder: Path, pointer: bytes) -> None:
    (folder / "current").write_bytes(pointer)
    with closing(open_indexes(folder, MODEL)) as indexes:
        index = indexes.open("acme", Audience.PUBLIC)
        index.add({"1": some_vector(1)})
        assert index.nearest(some_vector(1), 1) == ["1"]


def test_an_index_that_ended_the_program_is_not_opened_again(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "opening").touch()
    with caplog.at_level(logging.ERROR):
        assert held(folder) == set()
    assert "built anew" in caplog.text


def test_it_is_given_a_chance_again_once_it_is_new(folder: Path) -> None:
    (folder / "opening").touch()
    with closing(open_indexes(folder, MODEL)) as indexes:
        indexes.open("acme", Audience.PUBLIC).add({"1": some_vector(1)})
    assert held(folder) == {"1"}


def test_what_was_broken_is_cleared_away(folder: Path) -> None:
    damage(folder, overwrite_the_header, seed=1)
    open_indexes(folder, MODEL).close()
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 1


def test_a_folder_that_was_removed_is_made_again(folder: Path) -> None:
    shutil.rmtree(folder)
    assert held(folder) == set()


def test_nothing_is_lost_among_clusters_of_what_is_alike(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    centres = np.stack([some_vector(number, 64) for number in range(5)])
    rows = np.repeat(centres, 600, axis=0) + dice.normal(scale=0.03, size=(3_000, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    with closing(open_indexes(tmp_path / "vectors", MODEL)) as indexes:
        index = indexes.open("acme", Audience.PUBLIC)
        index.add({str(row): vector for row, vector in enumerate(rows)})
        found = [index.nearest(rows[row], 1)[0] for row in range(0, 3_000, 50)]
    assert found == [str(row) for row in range(0, 3_000, 50)]
