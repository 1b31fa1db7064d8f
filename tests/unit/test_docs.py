"""The documentation: its links lead somewhere, and it names every setting as it is."""

import os
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.settings import load_settings, setting_names

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
REMEDY = "A setting has changed: run `python docs/settings.py`."

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def writer() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "settings.py"))


def links() -> Iterator[Any]:
    for page in PAGES:
        for target in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
            if not target.startswith(("http://", "https://")):
                yield pytest.param(page, target, id=f"{page.name}-{target}")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "target"), list(links()))
def test_a_relative_link_leads_to_a_file_and_a_heading(page: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    assert file.is_relative_to(ROOT)
    assert file.exists()
    assert not anchor or anchor in anchors(file)


@pytest.mark.parametrize("name", setting_names())
def test_the_settings_page_names_every_setting(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_settings_page_has_the_values_of_the_code(writer: dict[str, Any]) -> None:
    assert writer["tables"]() in writer["PAGE"].read_text(encoding="utf-8"), REMEDY


def test_the_example_file_has_the_values_of_the_code(writer: dict[str, Any]) -> None:
    assert writer["example"]() == writer["EXAMPLE"].read_text(encoding="utf-8"), REMEDY


def test_the_example_file_may_be_used_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ANSWERDESK_")]:
        monkeypatch.delenv(name)
    lines = (ROOT / "answerdesk.example.toml").read_text(encoding="utf-8")
    file = tmp_path / "answerdesk.toml"
    file.write_text(re.sub(r"^# (?=\w+ = )", "", lines, flags=re.MULTILINE), encoding="utf-8")
    assert str(load_settings(file).llm.base_url) == "http://127.0.0.1:8000/v1"
