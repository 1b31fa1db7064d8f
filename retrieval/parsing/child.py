"""The child of `ParserProcess`: a path a line goes in; the length (8 bytes) and the text of JSON come out."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.errors import DocumentError
from retrieval.parsing.files import parse_file


def main(cpu_seconds: int, memory_mb: int) -> None:
    """Answer until the input ends, that is until the parent closes it or dies."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    _limit_memory(memory_mb)
    for line in sys.stdin.buffer:
        _limit_time(cpu_seconds)
        answer = json.dumps(_answer(Path(json.loads(line)))).encode()
        answers.write(len(answer).to_bytes(8, "big") + answer)
        answers.flush()


def _answer(path: Path) -> Mapping[str, Any]:
    try:
        return {"documents": [asdict(document) for document in parse_file(path)]}
    except DocumentError as error:
        return {"error": type(error).__name__, "message": str(error)}


def _limit_memory(memory_mb: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # macOS refuses
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 1024 * 1024, resource.RLIM_INFINITY))


def _limit_time(seconds: int) -> None:
    """The parent's clock ends a slow file; this one does where the parent itself has died."""
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (used + seconds + 1, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
