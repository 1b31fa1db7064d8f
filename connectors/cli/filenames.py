"""File names that come from strangers."""

import re
import unicodedata
from pathlib import Path

LONGEST_STEM, LONGEST_SUFFIX = 180, 40
"""Bytes; together well below the 255 that file systems take."""


def safe_name(name: str) -> str:
    """A stranger's name for a file, fit for the folder it is to be in.

    It leads nowhere else, is neither hidden nor taken for an option, and has nothing that turns or ends a line.
    """
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(each for each in last if unicodedata.category(each) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    safe = Path(re.sub(r'[<>:"|?*]', "_", kept).lstrip(" .-~").rstrip(" ."))
    return _clipped(safe.stem, LONGEST_STEM) + _clipped(safe.suffix, LONGEST_SUFFIX) or "file"


def _clipped(text: str, length: int) -> str:
    return text.encode()[:length].decode(errors="ignore")
