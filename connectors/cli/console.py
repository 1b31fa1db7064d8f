"""Where output goes: results to stdout, all else to stderr; colours and movement only where a person looks on."""

import json
import logging
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_UNFOLDED = 10_000
"""Columns where no terminal sets a width: what reads the lines, `grep` say, wants them whole."""


class PipeConsole(Console):
    """A console to which a reader who has left, such as `head`, is no error."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        forget_stdout()
        raise SystemExit(0)


def forget_stdout() -> None:
    """Send what is still written to stdout nowhere: nobody reads it any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def open_console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr, as wide as the terminal, or unfolded where there is none."""
    console = PipeConsole(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = PipeConsole(stderr=stderr, highlight=False, markup=False, emoji=False, width=_UNFOLDED)
    return console


def write_json(value: Any) -> None:
    """Write one JSON document to stdout, in whatever encoding that has."""
    out = sys.stdout
    said = json.dumps(value, ensure_ascii=False, indent=2)
    try:
        said.encode(out.encoding or "ascii")
    except UnicodeEncodeError:
        said = json.dumps(value, indent=2)
    out.write(f"{said}\n")
    out.flush()


def plain(text: str) -> str:
    """Text of a document or a customer without what would steer the terminal."""
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs"))


def cell(text: str, style: str = "") -> Text:
    """A cell of a table; what doesn't fit goes to the next line."""
    return Text(plain(text), style=style, overflow="fold")


def table(*columns: str, right: frozenset[str] = frozenset()) -> Table:
    """A table with these headings, the first for what is to be copied; those in `right` are aligned to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if column in right else "left"
        made.add_column(column, justify=justify, overflow="fold", no_wrap=number == 0)
    return made


class Steps:
    """Progress bars on stderr, one a step; a line a step where stderr is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console,
            disable=not moves(console),
        )
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int, note: str = "") -> None:
        """Show that `done` of `total` is done of a step."""
        if step not in self._tasks:
            if self._bars.disable:
                self._console.print(f"{step} ...")
            self._tasks[step] = self._bars.add_task(step, total=total, note=note)
        self._bars.update(self._tasks[step], completed=done, total=total, note=note)

    @contextmanager
    def shown(self) -> Iterator["Steps"]:
        """Show the bars while inside."""
        with self._bars:
            yield self


def moves(console: Console) -> bool:
    """Whether bars and drafts may be drawn over: on a terminal, if NO_COLOR doesn't ask for calm."""
    return console.is_terminal and not console.is_dumb_terminal and not console.no_color


class _ConsoleHandler(logging.Handler):
    """Writes log lines above the bars of a console."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else "dim"
        self._console.print(Text(plain(self.format(record)), style=style), soft_wrap=True)


@contextmanager
def logs_to(console: Console, *, service: bool = False) -> Iterator[None]:
    """Show log lines on this console: warnings, and of a service all that our own modules say, with the time."""
    handler = _ConsoleHandler(console)
    handler.setLevel(logging.INFO if service else logging.WARNING)
    form = "%(asctime)s %(levelname)-7s %(name)s: %(message)s" if service else "%(levelname)s: %(message)s"
    handler.setFormatter(logging.Formatter(form, "%Y-%m-%d %H:%M:%S"))
    root = logging.getLogger()
    ours = [logging.getLogger(name) for name in ("bot", "connectors", "llm", "retrieval")]
    before = [each.level for each in ours]
    for each in ours:
        each.setLevel(logging.INFO if service else logging.WARNING)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for each, level in zip(ours, before, strict=True):
            each.setLevel(level)
