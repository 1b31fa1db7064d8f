"""What settings are called: by their place in `answerdesk.toml`, and by the variables that give them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bot.sections import OtherCompanySettings
from llm.errors import SettingsError

PREFIX = "ANSWERDESK_"


def fields(settings: type[BaseModel], companies: Iterable[str] = ()) -> Iterator[tuple[str, FieldInfo]]:
    """Every setting by its dotted name, those of `[companies]` too."""
    for name, info in settings.model_fields.items():
        if name != "companies":
            yield from _below(name, info)
    for company in companies:
        for name, info in OtherCompanySettings.model_fields.items():
            yield from _below(f"companies.{company}.{name}", info)


def _below(name: str, info: FieldInfo) -> Iterator[tuple[str, FieldInfo]]:
    section = info.annotation
    if isinstance(section, type) and issubclass(section, BaseModel):
        yield from ((f"{name}.{each}", field) for each, field in section.model_fields.items())
    else:
        yield name, info


def variable_of(name: str) -> str:
    """The variable that gives a setting: `llm.base_url` is ANSWERDESK_LLM_BASE_URL."""
    return PREFIX + name.replace(".", "_").replace("-", "_").upper()


def secret_names(settings: type[BaseModel], companies: Iterable[str] = ()) -> list[str]:
    """Those that no file may hold which gets copied."""
    return [name for name, info in fields(settings, companies) if "SecretStr" in str(info.annotation)]


def of_companies(settings: type[BaseModel], variables: Mapping[str, str], companies: Collection[str]) -> dict[str, Any]:
    """What variables such as `ANSWERDESK_COMPANIES_ACME_NAME` say."""
    found: dict[str, Any] = {}
    for name, _ in fields(settings, companies):
        if name.startswith("companies.") and (value := variables.get(variable_of(name))):
            _put(found, name, value)
    return found


def _put(values: dict[str, Any], name: str, value: str) -> None:
    *sections, key = name.split(".")
    for section in sections:
        values = values.setdefault(section, {})
    values[key] = value


def secrets_in_files(
    settings: type[BaseModel], variables: Mapping[str, str], companies: Collection[str]
) -> dict[str, Any]:
    """What the files hold that `ANSWERDESK_..._FILE` variables name. Raises `SettingsError`."""
    found: dict[str, Any] = {}
    for name in secret_names(settings, companies):
        file = variables.get(f"{variable_of(name)}_FILE")
        if file:
            try:
                _put(found, name, Path(file).read_text(encoding="utf-8").strip())
            except OSError as error:
                raise SettingsError(f"{variable_of(name)}_FILE: {file} can't be read ({error.strerror}).") from None
    return found


def holds(values: Any, name: str) -> bool:
    """Whether nested sections hold a value of this dotted name."""
    for part in name.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True
