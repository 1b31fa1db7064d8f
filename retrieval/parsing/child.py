"""The child of `ParserProcess`: a path a line goes in; the length (8 bytes) and the text of JSON come out."""

import contextlib
import json
import os
import resource
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
    _limit(resource.RLIMIT_AS, memory_mb * 1024 * 1024)
    for line in sys.stdin.buffer:
        _limit(
            resource.RLIMIT_CPU, _used_seconds() + cpu_seconds + 1
        )  # ends a slow file even where the parent has died
        answer = json.dumps(_answer(Path(json.loads(line)))).encode()
        answers.write(len(answer).to_bytes(8, "big") + answer)
        answers.flush()


def _answer(path: Path) -> Mapping[str, Any]:
    try:
        return {"documents": [asdict(document) for document in parse_file(path)]}
    except DocumentError as error:
        return {"error": type(error).__name__, "message": str(error)}


def _limit(kind: int, amount: int) -> None:
    hard = resource.getrlimit(kind)[1]
    with contextlib.suppress(ValueError, OSError):  # macOS refuses a limit on memory
        resource.setrlimit(kind, (amount if hard == resource.RLIM_INFINITY else min(amount, hard), hard))


def _used_seconds() -> int:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int(usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
