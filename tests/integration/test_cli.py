"""The command line on real documents: what it prints is a contract."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import answerdesk, start

FAQ = """# Returns

## How long can I return an order?

You can return any order within 60 days of delivery.

## Who pays for the return?

Returns within the country are free. Print the label from your account.
"""
RULES = "question,answer\nHow much may I refund?,Up to 300 euros without asking the team lead.\n"
CODES = (
    '{"id": "E-21", "title": "Error E-21", "text": "The battery is too cold. Warm it up indoors.", "lang": "en"}\n'
    '{"id": "E-22", "title": "Fehler E-22", "text": "Der Motor ist zu heiß. Lassen Sie ihn abkühlen.", "lang": "de"}\n'
)


@pytest.fixture(scope="module")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handbook")
    (folder / "returns.md").write_text(FAQ)
    (folder / "codes.jsonl").write_text(CODES)
    return folder


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("rules") / "refunds.csv"
    file.write_text(RULES)
    return file


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, models_dir: Path, handbook: Path, rules: Path) -> Iterator[Path]:
    """A data folder with public and internal documents, for tests that only read."""
    data = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANSWERDESK_MODELS_DIR", str(models_dir))
        assert answerdesk("--data-dir", data, "ingest", handbook).code == 0
        assert answerdesk("--data-dir", data, "ingest", rules, "--audience", "internal").code == 0
    return data


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_MODELS_DIR", str(models_dir))
    monkeypatch.setenv("ANSWERDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


def ingested(*arguments: str | Path) -> dict[str, Any]:
    """What `ingest --json` reports, by file name."""
    report = answerdesk("ingest", *arguments, "--json").json
    return {Path(each["source"]).name: each for each in report["documents"]}


def test_ingest_reports_each_document_in_the_shape_of_the_contract(handbook: Path) -> None:
    ended = answerdesk("ingest", handbook, "--json")
    assert ended.code == 0
    assert set(ended.json) == {"documents", "seconds"}
    assert ended.json["documents"][0] == {
        "id": "E-21",
        "source": str(handbook / "codes.jsonl"),
        "title": "Error E-21",
        "status": "added",
        "passages": 1,
        "error": None,
    }


def test_what_has_not_changed_is_unchanged_and_what_has_is_updated_and_what_is_gone_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("kept.txt", "changed.txt", "gone.txt"):
        (folder / name).write_text(f"The {name} says that the shop opens at nine.")
    assert {each["status"] for each in ingested(folder).values()} == {"added"}
    (folder / "changed.txt").write_text("The shop opens at ten.")
    (folder / "gone.txt").unlink()
    after = ingested(folder)
    assert {name: each["status"] for name, each in after.items()} == {
        "kept.txt": "unchanged",
        "changed.txt": "updated",
        "gone.txt": "removed",
    }


def test_a_file_that_cannot_be_read_is_reported_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 not really")
    (tmp_path / "good.txt").write_text("The shop opens at nine.")
    ended = answerdesk("ingest", tmp_path / "broken.pdf", tmp_path / "good.txt", "--json")
    found = {Path(each["source"]).name: each for each in ended.json["documents"]}
    assert ended.code == 0
    assert found["broken.pdf"]["status"] == "failed"
    assert found["broken.pdf"]["error"]
    assert found["good.txt"]["status"] == "added"


def test_ingest_fails_when_everything_does(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    ended = answerdesk("ingest", tmp_path / "empty.txt")
    assert ended.code == 1
    assert "empty.txt" in ended.out


def test_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    ended = answerdesk("ingest", tmp_path / "nowhere", "--json")
    assert (ended.code, ended.out) == (2, "")
    assert "nowhere" in ended.err.splitlines()[-1]


def test_ingest_shows_what_changed(handbook: Path) -> None:
    ended = answerdesk("ingest", handbook)
    assert "Error E-21" in ended.out
    assert "3 added" in ended.out


def test_documents_lists_both_audiences(filled: Path) -> None:
    ended = answerdesk("documents", "--data-dir", filled, "--json")
    assert [(each["title"], each["audience"]) for each in ended.json["documents"]] == [
        ("Error E-21", "public"),
        ("Fehler E-22", "public"),
        ("Returns", "public"),
        ("refunds", "internal"),
    ]
    assert set(ended.json["documents"][0]) == {
        "id", "title", "source", "audience", "language", "passages", "updated_at"
    }  # fmt: skip


def test_documents_shows_their_ids(filled: Path) -> None:
    assert "E-21" in answerdesk("documents", "--data-dir", filled).out


def test_without_documents_the_next_step_is_told() -> None:
    ended = answerdesk("documents")
    assert (ended.code, ended.out) == (0, "")
    assert "answerdesk ingest" in ended.err


def test_remove_takes_a_document_out(handbook: Path) -> None:
    ingested(handbook)
    assert answerdesk("remove", "E-21", "--json").json["documents"][0]["status"] == "removed"
    assert "E-21" not in answerdesk("documents").out


def test_an_unknown_document_is_answered_with_its_neighbours(filled: Path) -> None:
    ended = answerdesk("remove", "E-2", "--data-dir", filled)
    assert (ended.code, ended.out) == (1, "")
    assert "E-21" in ended.err


def test_remove_is_all_or_nothing(handbook: Path) -> None:
    ingested(handbook)
    assert answerdesk("remove", "E-21", "E-99").code == 1
    assert "E-21" in answerdesk("documents").out


def test_search_has_the_shape_of_the_contract(filled: Path) -> None:
    ended = answerdesk("search", "How long may I take to send it back?", "--k", "2", "--data-dir", filled, "--json")
    found = ended.json
    assert set(found) == {"passages", "confidence"}
    assert len(found["passages"]) == 2
    first = found["passages"][0]
    assert set(first) == {"document", "passage", "title", "text", "location", "score"}
    assert first["title"] == "Returns"
    assert "60 days" in first["text"]


def test_search_shows_passages_with_their_ids(filled: Path) -> None:
    ended = answerdesk("search", "battery too cold", "--data-dir", filled)
    assert "Warm it up indoors." in ended.out
    assert "E-21#0" in ended.out


def test_a_customer_never_finds_internal_documents(filled: Path) -> None:
    question = "How much may I refund?"
    public = answerdesk("search", question, "--data-dir", filled, "--json").json
    internal = answerdesk("search", question, "--audience", "internal", "--data-dir", filled, "--json").json
    assert "refunds" not in {each["title"] for each in public["passages"]}
    assert internal["passages"][0]["title"] == "refunds"


def test_ask_has_the_shape_of_the_contract(filled: Path) -> None:
    answer = answerdesk("ask", "How long can I return an order?", "--data-dir", filled, "--json").json
    assert set(answer) == {
        "outcome", "text", "citations", "confidence", "language", "reason", "timings_ms"
    }  # fmt: skip
    assert (answer["outcome"], answer["language"], answer["reason"]) == ("answered", "en", None)
    assert "60 days" in answer["text"]
    assert set(answer["citations"][0]) == {"number", "document", "passage", "title", "location", "url"}
    assert set(answer["timings_ms"]) == {"retrieval", "first_text", "total"}


def test_ask_shows_the_answer_and_then_its_source(filled: Path) -> None:
    lines = answerdesk("ask", "How long can I return an order?", "--data-dir", filled).out.splitlines()
    assert "60 days" in lines[0]
    assert lines[-1].startswith("[1] Returns")


def test_what_no_document_covers_goes_to_a_person_and_is_no_failure(filled: Path) -> None:
    ended = answerdesk("ask", "What is the capital of Mongolia?", "--data-dir", filled, "--json")
    assert ended.code == 0
    assert (ended.json["outcome"], ended.json["citations"]) == ("handoff", [])
    assert ended.json["reason"] in {"not_covered", "unsure"}


def test_a_company_knows_nothing_of_another(filled: Path) -> None:
    answer = answerdesk("--company", "other", "ask", "How long can I return an order?", "--data-dir", filled, "--json")
    assert answer.json["reason"] == "no_documents"


def test_who_asks_before_there_are_documents_is_told_how_to_add_some() -> None:
    ended = answerdesk("ask", "How long can I return an order?")
    assert ended.code == 0
    assert "answerdesk ingest" in ended.err


def test_migrate_says_what_it_applied(tmp_path: Path) -> None:
    first, second = answerdesk("migrate", "--json").json, answerdesk("migrate", "--json").json
    assert first["applied"]
    assert second["applied"] == []


def test_doctor_finds_a_working_installation_well(filled: Path) -> None:
    ended = answerdesk("doctor", "--data-dir", filled, "--json")
    assert (ended.code, ended.json["ok"]) == (0, True)
    assert [each["name"] for each in ended.json["checks"]] == [
        "settings",
        "data folder",
        "database",
        "embedding model",
        "vector index",
        "parsers",
        "language model",
        "web address",
    ]


def test_doctor_says_what_to_do_about_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_WEB_PORT", "0")
    ended = answerdesk("doctor", "--json")
    assert ended.code == 1
    assert [(each["name"], each["status"]) for each in ended.json["checks"]] == [("settings", "failed")]
    assert "ANSWERDESK_WEB_PORT" in ended.json["checks"][0]["message"]


def test_doctor_says_what_to_do_about_a_model_endpoint_that_is_down(
    monkeypatch: pytest.MonkeyPatch, filled: Path
) -> None:
    monkeypatch.setenv("ANSWERDESK_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("ANSWERDESK_LLM_MODEL", "some-model")
    ended = answerdesk("doctor", "--data-dir", filled)
    assert ended.code == 1
    assert "✗ language model" in ended.out


def test_doctor_says_what_to_do_about_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = answerdesk("doctor", "--data-dir", tmp_path / "file", "--json")
    assert ended.code == 1
    assert "--data-dir" in ended.json["checks"][-1]["next"]


def test_doctor_lists_settings_with_their_origin_and_hides_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSWERDESK_LLM_API_KEY", "not-to-be-seen")
    (tmp_path / "answerdesk.toml").write_text("[web]\nport = 9000\n")
    ended = answerdesk("doctor", "--settings", "--company", "acme", "--json")
    found = {each["name"]: each for each in ended.json["settings"]}
    assert "not-to-be-seen" not in ended.out
    assert {name: (found[name]["value"], found[name]["source"]) for name in _SHOWN} == {
        "llm.api_key": ("********", "ANSWERDESK_LLM_API_KEY"),
        "web.port": (9000, "answerdesk.toml"),
        "web.host": ("127.0.0.1", "default"),
        "company.id": ("acme", "the command line"),
    }


_SHOWN = ("llm.api_key", "web.port", "web.host", "company.id")


def test_evaluate_measures_a_folder_and_writes_each_question(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(CODES)
    rows = [
        {"id": "q1", "question": "What does E-21 mean?", "lang": "en", "relevant": ["E-21"]},
        {"id": "q2", "question": "Was heißt E-22?", "lang": "de", "relevant": ["E-22"]},
    ]
    (tmp_path / "queries.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    ended = answerdesk("evaluate", tmp_path, "--answers", "--out", tmp_path / "out.jsonl", "--json")
    assert ended.code == 0
    assert ended.json["retrieval"]["all"]["hit@1"]["value"] == 1.0
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [each["id"] for each in written] == ["q1", "q2"]
    assert set(written[0]) == {"id", "ranking", "scores", "confidence", "outcome", "text", "citations"}


def test_evaluate_shows_a_table(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(CODES)
    (tmp_path / "queries.jsonl").write_text('{"id": "q1", "question": "What does E-21 mean?", "relevant": ["E-21"]}\n')
    shown = answerdesk("evaluate", tmp_path).out
    assert "nDCG@10" in shown
    assert "1.000 [1.000, 1.000]" in shown


def test_evaluate_compares_reports_and_gates(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(CODES)
    (tmp_path / "queries.jsonl").write_text('{"id": "q1", "question": "What does E-21 mean?", "relevant": ["E-22"]}\n')
    assert answerdesk("evaluate", tmp_path, "--out", tmp_path / "out.jsonl").code == 0
    gates = ("--fail-below", "hit@1=0.5", "--fail-below", "hit@5=0.5")
    plots = ("--compare", tmp_path / "out.jsonl", "--report", tmp_path / "report.html")
    ended = answerdesk("evaluate", tmp_path, *plots, *gates)
    assert ended.code == 1
    assert "hit@1 is 0.000, below 0.5." in ended.err
    assert "hit@5" not in ended.err
    assert "+0.000 [+0.000, +0.000]" in ended.out
    assert "<svg" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("hit@1", "name a measure and a value"),
        ("hit@3=0.5", "Measures: hit@1"),
        ("hit@1=90", "no number from 0 to 1"),
        ("coverage=0.5", "with --answers only"),
    ],
)
def test_a_gate_that_can_not_be_measured_is_told_before_the_work(tmp_path: Path, gate: str, said: str) -> None:
    ended = answerdesk("evaluate", tmp_path, "--fail-below", gate)
    assert (ended.code, said in ended.err) == (2, True)


def test_a_folder_without_questions_is_wrong_usage(tmp_path: Path) -> None:
    ended = answerdesk("evaluate", tmp_path)
    assert ended.code == 2
    assert "corpus.jsonl" in ended.err


def test_a_broken_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "answerdesk.db").write_bytes(b"this is no database at all" * 100)
    ended = answerdesk("documents", "--json")
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)


def test_a_reader_who_leaves_is_no_error(filled: Path, models_dir: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = {"ANSWERDESK_MODELS_DIR": str(models_dir)}
    for arguments in (["documents"], ["documents", "--json"]):
        process = start(*arguments, "--data-dir", filled, stdout=writing, **environment)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, "")
    os.close(writing)


def test_an_interrupted_ingest_ends_quietly_and_can_be_run_again(tmp_path: Path, models_dir: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number}.txt").write_text(f"Rule {number} says that the shop number {number} opens at nine. " * 20)
    process = start("ingest", folder, "--data-dir", tmp_path / "data", ANSWERDESK_MODELS_DIR=str(models_dir))
    assert process.stderr is not None
    assert process.stderr.readline().startswith("Reading documents")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
    assert sqlite3.connect(tmp_path / "data" / "answerdesk.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_nothing_is_coloured_in_a_pipe(filled: Path, models_dir: Path) -> None:
    process: subprocess.Popen[str] = start("documents", "--data-dir", filled, ANSWERDESK_MODELS_DIR=str(models_dir))
    out, _ = process.communicate(timeout=60)
    assert "\x1b" not in out
