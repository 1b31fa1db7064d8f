# ruff: noqa: INP001 - a script of the documentation, no part of the program
"""Write docs/settings.md and answerdesk.example.toml anew from the code.

Run it from anywhere after a setting was added or changed; tests/unit/test_docs.py says when that was forgotten:

    python docs/settings.py
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.naming import PREFIX
from bot.sections import OtherCompanySettings
from bot.settings import Settings, setting_names

HERE = Path(__file__).parent
PAGE = HERE / "settings.md"
EXAMPLE = HERE.parent / "answerdesk.example.toml"
BEGIN, END = "<!-- settings: written by docs/settings.py -->\n", "<!-- end of settings -->\n"
TOP = "At the top"
SAMPLES = {
    "models_dir": "/srv/answerdesk-models",
    "embedding.query_prefix": "query: ",
    "embedding.passage_prefix": "passage: ",
    "embedding.base_url": "http://127.0.0.1:8002/v1",
    "retrieval.chroma_url": "http://127.0.0.1:8001",
    "llm.base_url": "http://127.0.0.1:8000/v1",
    "llm.model": "the-name-it-serves",
    "answering.answer_above": 0.7,
    "reranking.model": "BAAI/bge-reranker-v2-m3",
    "reranking.base_url": "http://127.0.0.1:8001/v1",
    "slack.url": "https://help.example.com",
    "desk.url": "https://help.example.com",
    "telegram.webhook_url": "https://help.example.com",
    "telemetry.metrics_address": "127.0.0.1:9464",
    "telemetry.traces_url": "http://127.0.0.1:4318",
    "llm.price_cached": 0.05,
}
"""What the example file shows where the default is nothing."""
EXAMPLE_HEAD = """\
# Settings of Answerdesk. Copy this file to answerdesk.toml in the folder you start Answerdesk from, or name a file
# elsewhere by --config or ANSWERDESK_CONFIG. Every line shows the default; take the `#` away to change it.
# Secrets don't belong here: give them by variable, or by a file that the variable with _FILE behind its name points to.
"""
EXAMPLE_TAIL = """\
## Another company that the same service answers for, at /acme/chat; only its name is needed. {others}
## may have sections of its own, such as [companies.acme.telegram]. Take the `##` away:
##
## [companies.acme]
## name = "Acme Tools"
## voice = "dry and precise"
## language = "de"
"""


def main() -> None:
    """Write both files."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}{tables()}{END}{after}", encoding="utf-8")
    EXAMPLE.write_text(example(), encoding="utf-8")


def tables() -> str:
    """A table for each section."""
    lines: list[str] = []
    for section, fields in sections().items():
        lines += ["", f"## {section or TOP}", ""]
        lines += [f"{_about(section)}", ""] if section else []
        lines += ["| setting | variable | default | meaning |", "|---|---|---|---|"]
        for name, info in fields.items():
            meaning = " ".join(part for part in (info.description, _limits(info)) if part).replace("|", r"\|")
            lines.append(f"| `{name}` | `{_variable(name)}` | {_default(info)} | {meaning} |")
    return "\n".join([*lines, "", ""])


def example() -> str:
    """The settings file with every line commented out."""
    lines = [EXAMPLE_HEAD]
    for section, fields in sections().items():
        shown = [line for name, info in fields.items() if not _is_secret(info) for line in _shown(name, info)]
        if shown:
            lines += [f"[{section}]", *shown, ""] if section else [*shown, ""]
    others = [name for name, info in OtherCompanySettings.model_fields.items() if _is_section(info)]
    return "\n".join([*lines, EXAMPLE_TAIL.format(others=f"{', '.join(others[:-1])} and {others[-1]}".capitalize())])


def _is_section(info: FieldInfo) -> bool:
    return isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)


def sections() -> Mapping[str, Mapping[str, FieldInfo]]:
    """Every setting by its full name, by section; those at the top of the file come first."""
    found: dict[str, dict[str, FieldInfo]] = {"": {}}
    for name in setting_names():
        section, _, key = name.rpartition(".")
        found.setdefault(section, {})[name] = (_model(section) if section else Settings).model_fields[key]
    return found


def _model(section: str) -> type[BaseModel]:
    model = Settings.model_fields[section].annotation
    assert isinstance(model, type)  # noqa: S101
    assert issubclass(model, BaseModel)  # noqa: S101
    return model


def _about(section: str) -> str:
    return (_model(section).__doc__ or "").strip().splitlines()[0]


def _variable(name: str) -> str:
    return PREFIX + name.replace(".", "_").upper()


def _is_secret(info: FieldInfo) -> bool:
    return SecretStr in (info.annotation, *get_args(info.annotation))


def _default(info: FieldInfo) -> str:
    if info.default in (None, "", PydanticUndefined):
        return "unset"
    return f"`{info.default}`" if not isinstance(info.default, BaseModel | tuple) else "none"


def _limits(info: FieldInfo) -> str:
    if get_origin(info.annotation) is Literal:
        return f"({' or '.join(f'`{value}`' for value in get_args(info.annotation))})"
    least = next((each.ge for each in info.metadata if isinstance(each, Ge)), None)
    most = next((each.le for each in info.metadata if isinstance(each, Le)), None)
    above = next((each.gt for each in info.metadata if isinstance(each, Gt)), None)
    if least is not None and most is not None:
        return f"({least} to {most})"
    return f"(at least {least})" if least is not None else f"(above {above})" if above is not None else ""


def _shown(name: str, info: FieldInfo) -> Iterator[str]:
    """A setting as the example file has it: its description, then its default or a sample."""
    if isinstance(info.default, BaseModel):
        return  # a section of its own, which its description tells where to find
    about = " ".join(part for part in (info.description, _limits(info)) if part)
    if about:
        yield f"## {about}"
    unset = info.default in (None, PydanticUndefined)
    value = SAMPLES[name] if unset else info.default
    note = "  # an example: unset by default" if unset else ""
    shown = value if isinstance(value, int | float | tuple) else str(value)
    yield f"# {name.rpartition('.')[2]} = {json.dumps(shown)}{note}"


if __name__ == "__main__":
    main()
