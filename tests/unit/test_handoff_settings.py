"""The settings of handoffs, as people write them."""

from datetime import date
from pathlib import Path

import pytest

from bot.settings import load_settings
from llm.errors import SettingsError

FILE = """
[handoff]
topics = ["lawyer", "律师"]
[handoff.hours]
timezone = "Europe/Berlin"
monday = ["09:00-12:00", "13:00-17:30"]
holidays = ["2026-12-25"]
[companies.acme]
name = "Acme"
[companies.acme.handoff]
relay = "direct"
[companies.acme.handoff.hours]
tuesday = ["10:00-24:00"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "answerdesk.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_company_has_its_own(tmp_path: Path) -> None:
    first, acme = load_settings(written(tmp_path, FILE)).served
    assert first.handoff.topics == ("lawyer", "律师")
    assert first.handoff.hours.monday == ("09:00-12:00", "13:00-17:30")
    assert first.handoff.hours.holidays == (date(2026, 12, 25),)
    assert (acme.handoff.relay, acme.handoff.topics) == ("direct", ())
    assert acme.handoff.hours.tuesday == ("10:00-24:00",)


def test_a_variable_holds_them_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_HANDOFF_TOPICS", '["lawyer"]')
    monkeypatch.setenv("ANSWERDESK_HANDOFF_HOURS", '{"friday": ["09:00-17:00"]}')
    handoff = load_settings(written(tmp_path, "")).handoff
    assert (handoff.topics, handoff.hours.friday) == (("lawyer",), ("09:00-17:00",))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('monday = ["9-17"]', "handoff.hours.monday"),
        ('monday = ["17:00-09:00"]', "ends before it begins"),
        ('timezone = "Berlin"', "named like Europe/Berlin"),
        ('mondays = ["09:00-17:00"]', "handoff.hours.mondays"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_settings(written(tmp_path, f"[handoff.hours]\n{line}\n"))
