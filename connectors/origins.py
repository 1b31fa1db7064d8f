"""Every setting, and where its value comes from."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from bot.naming import PREFIX, holds
from bot.settings import CONFIG_FILE, Settings


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting, and where its value comes from."""

    name: str
    value: str | int | float | None
    source: str
    description: str


def origins(settings: Settings, config: Path | None, overrides: Mapping[str, Any]) -> list[Origin]:
    """Every setting with its value, secrets masked."""
    path = config or Path(os.environ.get("ANSWERDESK_CONFIG", CONFIG_FILE))
    written = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return [
        Origin(name, _shown(value), _source(name, path, written, overrides), description)
        for name, value, description in _values(settings)
    ]


def _values(settings: BaseModel, section: str = "") -> Iterator[tuple[str, Any, str]]:
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _values(value, f"{section}{name}.")
        elif isinstance(value, Mapping):
            for key, each in value.items():
                yield from _values(each, f"{section}{name}.{key}.")
        else:
            yield f"{section}{name}", value, info.description or ""


def _shown(value: Any) -> str | int | float | None:
    if isinstance(value, SecretStr):
        return "********"
    return value if isinstance(value, int | float | None) else str(value)


def _source(name: str, path: Path, written: Mapping[str, Any], overrides: Mapping[str, Any]) -> str:
    variable = PREFIX + name.replace(".", "_").replace("-", "_").upper()
    if holds(overrides, name):
        return "the command line"
    if os.environ.get(variable):
        return variable
    if os.environ.get(f"{variable}_FILE"):
        return f"{variable}_FILE"
    return str(path) if holds(written, name) else "default"
