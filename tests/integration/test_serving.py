"""`serve` and `demo` as they run: in a process of their own, spoken to over HTTP."""

import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.bootstrap import Parts
from bot.settings import Settings
from connectors import sample as sample_company
from llm.errors import AnswerdeskError
from retrieval import store
from retrieval.passages import Audience
from tests.command_line import ROOT, answerdesk, server, start
from tests.fakes.vllm import FakeVLLM, Reply, says
from tests.visitor import Visitor

HOURS = "# Opening hours\n\n## When does the shop open?\n\nThe shop opens at nine, Monday to Saturday.\n"


@pytest.fixture
def data(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANSWERDESK_MODELS_DIR", str(models_dir))
    monkeypatch.setenv("ANSWERDESK_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def environment(data: Path, models_dir: Path) -> dict[str, str]:
    return {"ANSWERDESK_DATA_DIR": str(data), "ANSWERDESK_MODELS_DIR": str(models_dir)}


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
        return free


@pytest.fixture
def serving(port: int, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with server("serve", "--port", str(port), url=f"http://127.0.0.1:{port}", **environment) as process:
        yield process


def test_a_customer_is_answered_with_a_citation(data: Path, tmp_path: Path, port: int, request: Any) -> None:
    (tmp_path / "hours.md").write_text(HOURS)
    assert answerdesk("ingest", tmp_path / "hours.md").code == 0
    request.getfixturevalue("serving")
    visitor = Visitor(port)
    visitor.says("When does the shop open?")
    answer = visitor.hears("bot")
    assert "opens at nine" in answer["text"]
    assert answer["citations"][0]["title"] == "Opening hours"


def test_documents_taken_in_meanwhile_are_used_within_seconds(
    serving: subprocess.Popen[str], tmp_path: Path, port: int
) -> None:
    (tmp_path / "hours.md").write_text(HOURS)
    assert answerdesk("ingest", tmp_path / "hours.md").code == 0
    for _ in range(10):
        visitor = Visitor(port)
        visitor.says("When does the shop open?")
        if "opens at nine" in visitor.hears("bot")["text"]:
            return
    raise AssertionError("The server never noticed the new document")


def test_a_person_answers_from_the_terminal(serving: subprocess.Popen[str], port: int) -> None:
    visitor = Visitor(port)
    visitor.says("My parcel arrived broken, what now?")
    assert visitor.hears("bot")["outcome"] == "handoff"
    (waiting,) = answerdesk("handoffs", "--json").json["conversations"]
    assert waiting["question"] == "My parcel arrived broken, what now?"
    assert (waiting["owner"], waiting["reason"]) == ("waiting", "no_documents")
    assert answerdesk("reply", waiting["id"][:8], "We send you a new one.", "--name", "Mia").code == 0
    said = visitor.hears("person")
    assert (said["text"], said["sender"]) == ("We send you a new one.", "Mia")
    assert answerdesk("handoffs", "--json").json["conversations"][0]["owner"] == "human"
    assert answerdesk("reply", waiting["id"], "All the best!", "--close", "--json").json["owner"] == "closed"
    assert answerdesk("handoffs", "--json").json["conversations"] == []


@pytest.mark.usefixtures("data")
def test_an_unknown_conversation_is_one_clear_line() -> None:
    ended = answerdesk("reply", "0123", "Hello")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert "answerdesk handoffs" in ended.err


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_gracefully_with_open_pages(serving: subprocess.Popen[str], port: int, sent: signal.Signals) -> None:
    visitor = Visitor(port)
    visitor.says("Hello")
    visitor.hears("bot")
    with visitor.listens() as told:
        next(told)
        serving.send_signal(sent)
        out, err = serving.communicate(timeout=30)
    assert serving.returncode == 0
    assert f"http://127.0.0.1:{port}" in out
    assert "Traceback" not in err


@pytest.fixture
def generating(data: Path, tmp_path: Path, environment: dict[str, str]) -> Callable[[FakeVLLM], dict[str, str]]:
    """A company with a document, and the variables of a server that lets this model write the answers."""
    (tmp_path / "hours.md").write_text(HOURS)
    assert answerdesk("ingest", tmp_path / "hours.md").code == 0
    asked = {"ANSWERDESK_LLM_MODEL": "test-model", "ANSWERDESK_ANSWERING_VERBATIM_ABOVE": "1"}
    return lambda model: environment | asked | {"ANSWERDESK_LLM_BASE_URL": model.url}


def asked(model: FakeVLLM, visitor: Visitor) -> None:
    """Ask, and wait until the model is at work."""
    visitor.says("When does the shop open?")
    for _ in range(100):
        if model.requests:
            return
        time.sleep(0.1)
    raise AssertionError("The model was never asked")


def test_an_answer_under_way_is_finished_before_it_stops(
    generating: Callable[[FakeVLLM], dict[str, str]], port: int, data: Path
) -> None:
    slow = replace(says("The shop opens at nine, Monday to Saturday. [1]"), delay=2.0)
    with FakeVLLM(slow) as model:
        variables = generating(model)
        with server("serve", "--port", str(port), url=f"http://127.0.0.1:{port}", **variables) as process:
            asked(model, Visitor(port))
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert process.returncode == 0
    with closing(sqlite3.connect(data / "answerdesk.db")) as database:
        rows = database.execute("SELECT text, status FROM message WHERE author = 'bot'").fetchall()
    assert [status for _, status in rows] == ["sent"]
    assert "opens at nine" in rows[0][0]


def test_a_second_signal_breaks_off_what_is_under_way(
    generating: Callable[[FakeVLLM], dict[str, str]], port: int
) -> None:
    with FakeVLLM(Reply(stall=True)) as model:
        variables = generating(model)
        with server("serve", "--port", str(port), url=f"http://127.0.0.1:{port}", **variables) as process:
            asked(model, Visitor(port))
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_no_message_is_logged(serving: subprocess.Popen[str], port: int) -> None:
    visitor = Visitor(port)
    visitor.says("My secret word is rhubarb")
    visitor.hears("bot")
    serving.send_signal(signal.SIGTERM)
    assert "rhubarb" not in "".join(serving.communicate(timeout=30))


def test_without_documents_it_starts_and_says_how_to_add_some(serving: subprocess.Popen[str]) -> None:
    serving.send_signal(signal.SIGTERM)
    assert "answerdesk ingest" in serving.communicate(timeout=30)[1]


def test_beside_a_server_the_terminal_answers_too(serving: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / "hours.md").write_text(HOURS)
    answerdesk("ingest", tmp_path / "hours.md")
    assert answerdesk("ask", "When does the shop open?", "--json").json["outcome"] == "answered"


def test_doctor_is_content_beside_a_server(
    serving: subprocess.Popen[str], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERDESK_WEB_PORT", str(port))
    checks = {each["name"]: each for each in answerdesk("doctor", "--json").json["checks"]}
    assert checks["web address"] == {
        "name": "web address",
        "status": "ok",
        "message": f"A server answers at http://127.0.0.1:{port}",
        "next": "",
    }
    assert checks["vector index"]["status"] == "ok"


def test_a_port_that_is_taken_is_one_clear_line(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("serve", "--port", str(port), **environment)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count("\n")) == (1, "", 1)
    assert f"--port {port + 1}" in err


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Audience, Path]:
    """A sample company of two small documents."""
    folders = {audience: tmp_path / "examples" / audience for audience in Audience}
    for audience, folder in folders.items():
        folder.mkdir(parents=True)
        (folder / "hours.md").write_text(f"# {audience} hours\n\nThe shop opens at nine.\n")
    monkeypatch.setattr(sample_company, "EXAMPLES", tmp_path / "examples")
    monkeypatch.setattr(sample_company, "SAMPLE", folders)
    return folders


async def test_the_sample_of_another_checkout_makes_room_for_this_one(
    parts: Parts, tmp_path: Path, sample: dict[Audience, Path]
) -> None:
    elsewhere = tmp_path / "elsewhere" / "hours.md"
    elsewhere.parent.mkdir()
    elsewhere.write_text(HOURS)
    company = parts.settings.company.id
    assert [each async for each in parts.ingestion(company, Audience.PUBLIC).run([elsewhere])]
    steps: list[tuple[str, int, int]] = []
    assert await sample_company.load_sample(parts, lambda *step: steps.append(step)) == []
    held = await parts.database.read(store.list_documents, company)
    assert {Path(each.source) for each in held} == {folder / "hours.md" for folder in sample.values()}
    assert steps[-1][1:] == (1, 1)


def test_without_the_sample_the_next_step_is_told(settings: Settings, sample: dict[Audience, Path]) -> None:
    (sample[Audience.PUBLIC] / "hours.md").unlink()
    sample[Audience.PUBLIC].rmdir()
    with pytest.raises(AnswerdeskError, match="make run"):
        sample_company.demo_settings(settings)


@pytest.mark.skipif(not (ROOT / "examples" / "halden-bikes").is_dir(), reason="the sample company isn't there")
def test_the_demo_answers_from_the_sample_company_and_leaves_own_data_alone(
    data: Path, port: int, environment: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{port}"
    with server("demo", "--port", str(port), url=url, **environment) as process:
        visitor = Visitor(port)
        visitor.says("Which payment methods do you accept?")
        assert visitor.hears("bot")["outcome"] == "answered"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert url in out
    assert "Error" not in err
    assert answerdesk("documents", "--json").json["documents"] == []
    internal = answerdesk("documents", "--data-dir", data / "demo", "--json").json["documents"]
    assert {each["audience"] for each in internal} == {"public", "internal"}
