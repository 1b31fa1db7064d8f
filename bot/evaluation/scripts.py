"""Scripted conversations: what a customer says, and what must be true of what is said to them."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.domain import Outcome
from bot.evaluation.questions import rows
from llm.errors import UsageError

SUFFIXES = (".toml", ".json", ".jsonl")


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of the customer, and what is expected of the reply. What is left empty isn't checked."""

    customer: str
    outcome: str = ""
    contains: Sequence[Sequence[str]] = ()
    """Groups of strings: the reply holds one of each."""
    lacks: Sequence[str] = ()
    """Strings that the customer never gets to see."""
    cites: Sequence[str] = ()
    """Documents that are all cited."""
    language: str = ""
    handed_over: bool | None = None
    """Whether the conversation is with a person then, or waits for one."""


@dataclass(frozen=True, slots=True)
class Script:
    """One conversation."""

    id: str
    turns: Sequence[Turn]
    kind: str = ""
    """What is measured apart from other kinds."""
    language: str = ""
    """What the channel takes the customer's language for."""
    company: str = ""


@dataclass(frozen=True, slots=True)
class Conversations:
    """What a file of scripts holds."""

    scripts: Sequence[Script]
    documents: Sequence[Path] = ()
    internal: Sequence[Path] = ()


def read_conversations(path: Path) -> Conversations:
    """The scripts of a file, and the documents that it names, beside it. Raises `UsageError`."""
    content = _content(path)
    given = content.get("conversation")
    if not isinstance(given, list) or not given:
        raise UsageError(f"{path} holds no conversation. docs/evaluation.md shows one.")
    scripts = [_script(path, number, each) for number, each in enumerate(given, start=1)]
    if len({script.id for script in scripts}) < len(scripts):
        raise UsageError(f"{path}: two conversations have the same id.")
    return Conversations(scripts, _paths(path, content, "documents"), _paths(path, content, "internal"))


def _content(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".jsonl":
        return {"conversation": list(rows(path, ()))}
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"{path} can't be read: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f'{path}: not an object with "conversation".')
    return content


def _paths(file: Path, content: Mapping[str, Any], name: str) -> Sequence[Path]:
    given = content.get(name, [])
    return [file.parent / each for each in _list(file, name, [given] if isinstance(given, str) else given)]


def _script(path: Path, number: int, row: object) -> Script:
    where = f"{path}, conversation {number}"
    if not isinstance(row, dict):
        raise UsageError(f"{where}: not an object.")
    where = f"{path}, conversation {row.get('id', number)}"
    _refuse_unknown(where, row, ("id", "kind", "language", "turns", "turn"))
    turns = row.get("turns") or row.get("turn")
    if not isinstance(turns, list) or not turns:
        raise UsageError(f"{where}: `turns` must be a list of what the customer says.")
    read = [_turn(f"{where}, turn {place}", each) for place, each in enumerate(turns, start=1)]
    return Script(str(row.get("id", number)), read, str(row.get("kind", "")), str(row.get("language", "")))


def _turn(where: str, row: object) -> Turn:
    if not isinstance(row, dict) or not str(row.get("customer") or "").strip():
        raise UsageError(f"{where}: `customer` is missing, which is what the customer says.")
    _refuse_unknown(where, row, tuple(Turn.__dataclass_fields__))
    if (outcome := row.get("outcome", "")) not in ("", *Outcome):
        raise UsageError(f"{where}: `outcome` is one of {', '.join(Outcome)}.")
    if not isinstance(handed_over := row.get("handed_over"), bool | None):
        raise UsageError(f"{where}: `handed_over` is true or false.")
    return Turn(
        customer=str(row["customer"]),
        outcome=str(outcome),
        contains=[[each] if isinstance(each, str) else each for each in _groups(where, row)],
        lacks=_list(where, "lacks", row.get("lacks", [])),
        cites=_list(where, "cites", row.get("cites", [])),
        language=str(row.get("language", "")),
        handed_over=handed_over,
    )


def _groups(where: str, row: Mapping[str, Any]) -> Iterator[str | list[str]]:
    given = row.get("contains", [])
    for each in [given] if isinstance(given, str) else given if isinstance(given, list) else [None]:
        yield each if isinstance(each, str) else _list(where, "contains", each)


def _list(where: object, name: str, given: object) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise UsageError(f"{where}: `{name}` must be a list of strings.")
    return given


def _refuse_unknown(where: str, row: Mapping[str, Any], known: Sequence[str]) -> None:
    if unknown := [name for name in row if name not in known]:
        raise UsageError(f"{where}: there is no `{unknown[0]}`. Known: {', '.join(known)}.")
