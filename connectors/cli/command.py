"""What all commands share: the options that may stand before or after them, their settings, and how they end.

A command is an async function that takes an `Invocation` first; the decorator gives it the shared options and turns
what it raises into an exit code and one clear line.
"""

import asyncio
import inspect
import re
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer
from rich.console import Console
from rich.text import Text

from connectors.cli.console import Steps, forget_stdout, logs_to, open_console, plain, write_json
from llm.errors import AnswerdeskError, UsageError

if TYPE_CHECKING:
    from bot.bootstrap import Parts
    from bot.settings import Settings
    from retrieval.database import Database

P = ParamSpec("P")
Body = Callable[Concatenate["Invocation", P], Coroutine[Any, Any, None]]
SHARED = "Shared options, before or after the command"

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="FOLDER", help="The one folder that holds all state.", rich_help_panel=SHARED),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file, else ./answerdesk.toml.", rich_help_panel=SHARED),
]
Company = Annotated[
    str | None,
    typer.Option("--company", metavar="NAME", help="Whose documents and conversations.", rich_help_panel=SHARED),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", metavar="", help="Print one JSON document and nothing else on stdout.", rich_help_panel=SHARED
    ),
]


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared options as given."""

    data_dir: Path | None = None
    config: Path | None = None
    company: str | None = None
    json: bool = False

    def over(self, before: "Shared | None") -> "Shared":
        """These, and what was given before the command where nothing was given after it."""
        if before is None:
            return self
        return Shared(*(getattr(self, each.name) or getattr(before, each.name) for each in fields(self)))

    def overrides(self) -> dict[str, Any]:
        """What settings they take the place of."""
        given: dict[str, Any] = {"data_dir": self.data_dir} if self.data_dir else {}
        return given | ({"company": {"id": self.company}} if self.company else {})


@dataclass(frozen=True)
class Invocation:
    """One call of a command."""

    shared: Shared
    out: Console = field(default_factory=open_console)
    """Stdout: the result, for people."""
    notes: Console = field(default_factory=lambda: open_console(stderr=True))
    """Stderr: progress, notes and errors."""

    @cached_property
    def settings(self) -> "Settings":
        """The settings; see `configured`."""
        return self.configured()

    def configured(self, **overrides: Any) -> "Settings":
        """The settings, those of this command on top.

        Raises `SettingsError`, or `UsageError` for a company that can't be one.
        """
        from pydantic import ValidationError

        from bot.settings import CompanySettings, load_settings

        try:
            CompanySettings(id=self.shared.company or "default")
        except ValidationError:
            raise UsageError(
                f"--company {self.shared.company}: a company is named by lower-case letters, digits and hyphens, "
                "such as halden-bikes."
            ) from None
        return load_settings(self.shared.config, **self.shared.overrides(), **overrides)

    @property
    def company(self) -> str:
        """Whose documents and conversations this is about."""
        return self.settings.company.id

    def result(self, value: Any) -> bool:
        """Print the result as JSON if that was asked for; else it is for the caller to show."""
        if self.shared.json:
            write_json(value)
        return self.shared.json

    def note(self, text: str, style: str = "") -> None:
        """Say something beside the result."""
        self.notes.print(Text(plain(text), style=style), soft_wrap=True)

    @asynccontextmanager
    async def storage(self) -> AsyncIterator["Database"]:
        """The database alone: quick, without models."""
        from bot.bootstrap import open_storage

        async with open_storage(self.settings) as database:
            yield database

    @asynccontextmanager
    async def parts(self, settings: "Settings | None" = None) -> AsyncIterator["Parts"]:
        """All parts; shows the preparation of the embedding model, which the first start does."""
        from bot.bootstrap import open_parts

        steps = Steps(self.notes)
        opened = open_parts(
            settings or self.settings, lambda done, total: steps("Preparing the embedding model", done, total)
        )
        async with AsyncExitStack() as stack:
            with steps.shown():
                parts = await stack.enter_async_context(opened)
            yield parts


def command(
    app: typer.Typer,
    panel: str | None = None,
    *,
    json: bool = True,
    company: bool = True,
    service: bool = False,
    text: str = "",
    name: str = "",
) -> Callable[[Body[P]], Body[P]]:
    """Register a command; `json` and `company` say which shared options it takes, `text` is its help."""

    def register(body: Body[P]) -> Body[P]:
        def invoke(context: typer.Context, **given: Any) -> None:
            names = [each.name for each in fields(Shared)]
            shared = Shared(**{name: given.pop(name) for name in names if name in given})
            call = Invocation(shared.over(context.obj))
            with logs_to(call.notes, service=service):
                _run(call, lambda: body(call, **given))  # type: ignore[call-arg]

        _lend_signature(invoke, body, json=json, company=company)
        app.command(name or body.__name__, rich_help_panel=panel, help=_unfolded(text or inspect.getdoc(body) or ""))(
            invoke
        )
        return body

    return register


def _unfolded(text: str) -> str:
    """Help whose paragraphs are one line each, as typer wants them; indented examples stay as they are."""
    return re.sub(r"(?<=\S)\n(?=\S)", " ", text)


def _lend_signature(invoke: Callable[..., None], body: Callable[..., Any], *, json: bool, company: bool) -> None:
    """Make the wrapper look as if it had the body's parameters and the shared ones: typer reads signatures."""
    own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]
    shared: dict[str, Any] = {"data_dir": DataDir, "config": Config}
    shared |= {"company": Company} if company else {}
    shared |= {"json": AsJson} if json else {}
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(each.replace(kind=kind) for each in own),
        *(
            inspect.Parameter(name, kind, annotation=annotation, default=False if name == "json" else None)
            for name, annotation in shared.items()
        ),
    ]
    invoke.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    invoke.__annotations__ = {each.name: each.annotation for each in parameters}


def _run(call: Invocation, body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        asyncio.run(body())
    except (typer.Exit, typer.Abort):
        raise
    except asyncio.CancelledError:  # a second Ctrl-C: what was begun is not finished
        raise typer.Exit(130) from None
    except BrokenPipeError:
        forget_stdout()
        raise typer.Exit(0) from None
    except Exception as error:
        raise typer.Exit(_explain(call, error)) from None


def _explain(call: Invocation, error: Exception) -> int:
    """Say what went wrong in one clear line; returns the exit code."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, AnswerdeskError):
        call.note(f"Error: {error}", "red")
        return 2 if isinstance(error, UsageError) else 1
    said = (str(error).splitlines() or [""])[0]
    where = _keep_traceback(call)
    call.note(f"Error: {type(error).__name__}: {said} (this should not happen; details are in {where})", "red")
    return 1


def _keep_traceback(call: Invocation) -> Path:
    """Write what happened where a person can find it and send it in; returns that file."""
    said = f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{traceback.format_exc()}\n"
    try:
        call.settings.data_dir.mkdir(parents=True, exist_ok=True)
        file = call.settings.data_dir / "errors.log"
        with file.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(said)
    except (AnswerdeskError, OSError):
        with tempfile.NamedTemporaryFile("w", prefix="answerdesk-", suffix=".log", delete=False) as log:
            log.write(said)
            return Path(log.name)
    return file
