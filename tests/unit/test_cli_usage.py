"""The command line without documents or models: help, options, exit codes, output."""

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import typer
from rich.console import Console

from connectors.cli.app import app
from connectors.cli.command import Invocation, Shared, command
from connectors.cli.console import Steps, moves, plain, write_json
from llm.errors import AnswerdeskError, UsageError
from retrieval.parsing.sniffing import SUFFIXES
from tests.command_line import ROOT, Result, answerdesk

COMMANDS = sorted(each.name or "" for each in app.registered_commands)


@pytest.fixture(autouse=True)
def _wide_and_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("ANSWERDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def test_alone_it_shows_the_first_steps() -> None:
    shown = answerdesk()
    assert shown.code == 0
    assert "answerdesk ingest" in shown.out


def test_all_commands_of_the_contract_are_there() -> None:
    assert {"ingest", "documents", "remove", "search", "ask", "evaluate", "serve", "demo", "doctor"} <= {*COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_shows_an_example_and_what_comes_next(name: str) -> None:
    shown = answerdesk(name, "--help")
    assert shown.code == 0
    assert f"  answerdesk {name}" in shown.out
    assert "Next:" in shown.out


def test_the_help_of_ingest_names_what_can_be_read() -> None:
    words = set(answerdesk("ingest", "--help").out.replace("(", " ").replace(")", " ").split())
    assert words >= {*SUFFIXES}


def test_help_loads_nothing_heavy() -> None:
    heavy = ("chromadb", "onnxruntime", "fastapi", "sqlalchemy", "langchain_core", "numpy", "pydantic")
    code = f"import sys, connectors.cli.app; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "[]"


def test_it_tells_its_version() -> None:
    assert answerdesk("--version").out.startswith("answerdesk 0.")


def test_completion_can_be_installed() -> None:
    assert "--install-completion" in answerdesk("--help").out


@pytest.mark.parametrize(
    "arguments", [("ask",), ("ingest",), ("ask", "a", "--audience", "all"), ("search", "a", "--k", "0")]
)
def test_wrong_usage_exits_with_2_and_says_nothing_on_stdout(arguments: tuple[str, ...]) -> None:
    ended = answerdesk(*arguments, "--json")
    assert (ended.code, ended.out) == (2, "")


def test_a_misspelt_command_gets_a_suggestion() -> None:
    ended = answerdesk("injest")
    assert ended.code == 2
    assert "'ingest'" in ended.err


def test_a_wrong_setting_is_one_line_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_WEB_PORT", "many")
    ended = answerdesk("documents", "--json")
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert "ANSWERDESK_WEB_PORT" in ended.err


def test_a_company_of_another_form_is_wrong_usage() -> None:
    ended = answerdesk("documents", "--company", "Halden Bikes!")
    assert ended.code == 2
    assert "halden-bikes" in ended.err


def test_a_settings_file_that_is_not_there_is_named() -> None:
    ended = answerdesk("--config", "nowhere.toml", "documents")
    assert ended.code == 1
    assert "nowhere.toml" in ended.err


def test_options_before_the_command_count_too(tmp_path: Path) -> None:
    before = Shared(data_dir=tmp_path / "before", company="before", json=True)
    after = Shared(company="after")
    assert after.over(before) == Shared(data_dir=tmp_path / "before", company="after", json=True)


def _ended(error: BaseException) -> Result:
    """How a command ends that raises this."""
    broken = typer.Typer()

    async def work(_call: Invocation) -> None:
        raise error

    async def other(_call: Invocation) -> None:
        """A second command, so that the first keeps its name."""

    command(broken, "Tests")(work)
    command(broken, "Tests")(other)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
        broken(["work"])
    return Result(int(end.value.code or 0), out.getvalue(), err.getvalue())


@pytest.mark.parametrize(
    ("error", "code"),
    [(AnswerdeskError("so"), 1), (UsageError("so"), 2), (RuntimeError("so"), 1), (KeyboardInterrupt(), 130)],
)
def test_what_a_command_raises_becomes_an_exit_code(error: BaseException, code: int) -> None:
    assert _ended(error).code == code


def test_our_own_errors_are_shown_as_they_are() -> None:
    assert _ended(AnswerdeskError("The disk is full: make room.")).err == "Error: The disk is full: make room.\n"


def test_an_interruption_is_quiet() -> None:
    ended = _ended(KeyboardInterrupt())
    assert (ended.out, ended.err) == ("", "")


def test_an_unexpected_error_is_one_line_that_says_where_its_traceback_is(tmp_path: Path) -> None:
    ended = _ended(RuntimeError("so"))
    assert ended.err.count("\n") == 1
    assert str(tmp_path / "data" / "errors.log") in ended.err
    assert "RuntimeError: so" in (tmp_path / "data" / "errors.log").read_text()


def test_an_unexpected_error_is_kept_elsewhere_when_the_data_folder_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    ended = _ended(RuntimeError("so"))
    (kept,) = tmp_path.glob("answerdesk-*.log")
    assert str(kept) in ended.err


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_is_whole_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    write_json({"text": "多久 🚲 \udcff"})
    assert raw.getvalue().decode(encoding).isascii() or encoding == "utf-8"


def test_text_cannot_steer_the_terminal() -> None:
    assert plain("a\x1b[2Jb\r\x07\x9bc\n\td\udcff") == "a[2Jbc\n\td"


def test_nothing_moves_without_a_terminal_or_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert moves(Console(file=io.StringIO(), force_terminal=True))
    assert not moves(Console(file=io.StringIO()))
    assert not moves(Console(file=io.StringIO(), force_terminal=True, no_color=True))


def test_without_a_terminal_each_step_is_one_line() -> None:
    out = io.StringIO()
    steps = Steps(Console(file=out))
    with steps.shown():
        for done in range(3):
            steps("Reading", done, 2)
    assert out.getvalue() == "Reading ...\n"


def test_on_a_terminal_a_step_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = io.StringIO()
    steps = Steps(Console(file=out, force_terminal=True, width=100))
    with steps.shown():
        steps("Reading", 3, 7)
    assert "3/7" in out.getvalue()
