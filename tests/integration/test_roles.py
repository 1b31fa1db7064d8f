"""`serve --roles`: one service over several processes that share a database."""

import asyncio
import contextlib
import subprocess
from pathlib import Path

import pytest

from tests.command_line import answerdesk, running, server
from tests.postgres import new_database, postgres_server
from tests.visitor import Visitor

HOURS = "# Opening hours\n\n## When does the shop open?\n\nThe shop opens at nine, Monday to Saturday.\n"


@pytest.fixture
def environment(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    variables = {"ANSWERDESK_DATA_DIR": str(tmp_path / "data"), "ANSWERDESK_MODELS_DIR": str(models_dir)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def web(port: int, environment: dict[str, str]) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    return server("serve", "--roles", "web", "--port", str(port), url=f"http://127.0.0.1:{port}", **environment)


def test_what_a_worker_of_another_process_answers_reaches_the_open_page(
    environment: dict[str, str], tmp_path: Path, port: int
) -> None:
    (tmp_path / "hours.md").write_text(HOURS)
    assert answerdesk("ingest", tmp_path / "hours.md").code == 0
    with web(port, environment), running("serve", "--roles", "worker", **environment):
        visitor = Visitor(port)
        with visitor.listens() as told:
            visitor.says("When does the shop open?")
            answer = next(each for each in told if each.get("author") == "bot" and "seq" in each)
    assert "opens at nine" in answer["text"]


def test_two_workers_and_a_web_process_share_a_postgresql(
    environment: dict[str, str], tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hours.md").write_text(HOURS)
    with postgres_server() as address, contextlib.ExitStack() as processes:
        url = asyncio.run(new_database(address))
        monkeypatch.setenv("ANSWERDESK_STORAGE_URL", url)
        assert answerdesk("ingest", tmp_path / "hours.md").code == 0
        shared = environment | {"ANSWERDESK_STORAGE_URL": url}
        processes.enter_context(web(port, shared))
        for folder in ("one", "two"):
            own = shared | {"ANSWERDESK_DATA_DIR": str(tmp_path / folder)}
            processes.enter_context(running("serve", "--roles", "worker", **own))
        visitors = [Visitor(port) for _ in range(8)]
        for visitor in visitors:
            visitor.says("When does the shop open?")
        assert all("opens at nine" in visitor.hears("bot")["text"] for visitor in visitors)


def test_a_web_process_alone_keeps_what_is_asked_for_a_worker_to_come(environment: dict[str, str], port: int) -> None:
    with web(port, environment):
        visitor = Visitor(port)
        visitor.says("Hello")
        with running("serve", "--roles", "worker", **environment):
            assert visitor.hears("bot")["text"]


@pytest.mark.usefixtures("environment")
def test_an_unknown_role_is_told_which_there_are() -> None:
    ended = answerdesk("serve", "--roles", "web,wroker")
    assert ended.code == 2
    assert "'wroker'. Any of web, worker, telegram" in ended.err


@pytest.mark.usefixtures("environment")
def test_the_role_of_telegram_needs_a_token() -> None:
    ended = answerdesk("serve", "--roles", "telegram")
    assert ended.code == 1
    assert "ANSWERDESK_TELEGRAM_TOKEN" in ended.err
