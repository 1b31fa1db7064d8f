"""Runs the command line as a person does, in this process or in one of its own."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.cli import main

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout, which must be one JSON document."""
        assert self.out, self.err
        return json.loads(self.out)


def answerdesk(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(each) for each in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Result(code, out.getvalue(), err.getvalue())


_RUN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from connectors.cli import main
main()
"""


def start(*arguments: str | Path, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("ANSWERDESK_")}
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=variables | {"PYTHONUTF8": "1"} | environment,
    )


@contextlib.contextmanager
def server(*arguments: str | Path, url: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A service in a process of its own, once it answers; it is stopped in the end, if it still runs."""
    process = start(*arguments, **environment)
    try:
        _wait_for(f"{url}/healthz", process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process that nobody calls, once it says that it runs."""
    process = start(*arguments, **environment)
    try:
        assert process.stdout
        assert any("Ctrl-C" in line for line in process.stdout), process.communicate()
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def _wait_for(url: str, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            if answer.status == 200:
                return
        if process.poll() is not None:
            raise AssertionError(f"It ended with {process.returncode}: {process.communicate()}")
        time.sleep(0.1)
    raise AssertionError(f"{url} doesn't answer")
