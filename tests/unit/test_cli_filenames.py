"""File names that come from strangers."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.cli.filenames import safe_name


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("photo.jpg", "photo.jpg"),
        ("фото 1.jpg", "фото 1.jpg"),
        ("archive.tar.gz", "archive.tar.gz"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/cron.d/job", "job"),
        (".bashrc", "bashrc"),
        ("-rf.txt", "rf.txt"),
        ("photo.jpg\n", "photo.jpg"),
        ("report\u202efdp.exe", "reportfdp.exe"),
        ("\x1b[31mred.txt", "[31mred.txt"),
        ("what?.txt", "what_.txt"),
        ("folder/", "file"),
        ("..", "file"),
        ("", "file"),
    ],
)
def test_a_name_is_made_safe(given: str, safe: str) -> None:
    assert safe_name(given) == safe


@given(st.text(st.characters(), max_size=400))
def test_any_name_stays_in_its_folder_and_fits(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= 255
    assert not safe.startswith((".", "-", "~", " "))
    assert not any(each in "/\\" or unicodedata.category(each) in ("Cc", "Cf") for each in safe)
