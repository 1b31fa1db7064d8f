"""`answerdesk calibrate`: a company's confidence, fitted to its own questions."""

import json
from pathlib import Path

import pytest

from tests.command_line import answerdesk

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTIONS = EXAMPLES / "questions.jsonl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that holds the sample company's documents."""
    made = tmp_path_factory.mktemp("company")
    assert answerdesk("ingest", EXAMPLES / "halden-bikes", "--data-dir", made).code == 0
    return made


def confidence(folder: Path) -> float:
    found = answerdesk("search", "how much u charge for changing brake pads", "--data-dir", folder, "--json").json
    return float(found["confidence"])


def test_a_calibration_is_kept_and_can_be_forgotten(folder: Path) -> None:
    before = confidence(folder)
    came = answerdesk("calibrate", QUESTIONS, "--data-dir", folder, "--json").json
    assert came["questions"] == 60
    assert came["kept"] is (came["after"]["loss"] < came["before"]["loss"])
    assert (confidence(folder) != before) is came["kept"]
    assert answerdesk("calibrate", "--reset", "--data-dir", folder, "--json").json == {"forgotten": came["kept"]}
    assert confidence(folder) == before


def test_it_shows_how_far_the_numbers_can_be_trusted(folder: Path) -> None:
    shown = answerdesk("calibrate", QUESTIONS, "--data-dir", folder).out
    assert "60 questions" in shown
    assert "before: error" in shown
    assert "after: error" in shown
    answerdesk("calibrate", "--reset", "--data-dir", folder)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['{"question": "Why?"}'] * 3, "at least 40"),
        (['{"question": "Who won the chess championship?"}'] * 40, "right and 10 wrong"),
        (["{}"] * 40, "line 1"),
        (["nonsense"], "line 1"),
        ([json.dumps({"question": "Why?", "relevant": "faq"})], "are lists"),
    ],
)
def test_what_it_cannot_learn_from_is_refused(lines: list[str], said: str, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    ended = answerdesk("calibrate", file, "--data-dir", folder)
    assert ended.code != 0
    assert said in " ".join(ended.err.split())


def test_a_file_that_is_not_there_is_told(folder: Path, tmp_path: Path) -> None:
    assert "There is no" in answerdesk("calibrate", tmp_path / "none.jsonl", "--data-dir", folder).err


def test_it_wants_questions_or_a_reset_not_both(folder: Path) -> None:
    assert answerdesk("calibrate", "--data-dir", folder).code != 0
    assert answerdesk("calibrate", QUESTIONS, "--reset", "--data-dir", folder).code != 0
