"""Which files there are to take in, and whether their bytes have changed."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from llm.errors import UsageError
from retrieval.errors import DocumentError, EmptyDocument

HIDDEN = (".", "~$")
"""Hidden files, and the locks that office programs leave beside open documents."""


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk over files and folders came upon."""

    files: list[Path] = field(default_factory=list)
    """Absolute paths, each once, those of a folder in order."""
    gone: list[str] = field(default_factory=list)
    """Sources that are no longer on disk."""
    unread: dict[str, str] = field(default_factory=dict)
    """Folders that can't be looked into, with the reason."""


def walk(paths: Sequence[Path], sources: Iterable[str]) -> Walked:
    """Find files, and all files below folders; and which of the `sources` given are gone from there.

    Symbolic links to files are followed, those to folders are not: they may lead round in circles.
    Raises `UsageError` for a path that is not there and never was.
    """
    walked = Walked()
    held = sorted(sources)

    def note(error: OSError) -> None:
        walked.unread[str(error.filename)] = reason_of(error)

    for path in (Path(os.path.abspath(path.expanduser())) for path in paths):  # noqa: PTH100 - keeps symbolic links
        below = [source for source in held if Path(source).is_relative_to(path)]
        walked.gone.extend(source for source in below if source not in walked.gone and not _is_there(Path(source)))
        if path.is_dir():
            found = sorted(_below(path, note))
        elif _is_there(path):
            found = [path]
        elif below:
            found = []
        else:
            raise UsageError(f"There is no file or folder {path}. Check the path; it is taken from the current folder.")
        walked.files.extend(found)
    return Walked(list(dict.fromkeys(walked.files)), walked.gone, walked.unread)


def _below(folder: Path, note: Callable[[OSError], None]) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        paths = (Path(root, name) for name in names if not name.startswith(HIDDEN))
        yield from (path for path in paths if _is_there(path))


def _is_there(file: Path) -> bool:
    """Whether there is a file. One that we may not look at counts: it isn't gone, and reading it tells why."""
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def digest(path: Path, max_mb: int) -> str:
    """The SHA-256 of a file's bytes. Raises `DocumentError` for one that is empty or too large, and OSError."""
    size = path.stat().st_size
    if size > max_mb * 1_000_000:
        raise DocumentError(f"it is larger than {max_mb} MB. Split it, or raise retrieval.max_file_mb")
    if size == 0:
        raise EmptyDocument("it is empty (0 bytes)")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def reason_of(error: Exception) -> str:
    """Why a file can't be taken in, in plain words."""
    return f"it can't be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
