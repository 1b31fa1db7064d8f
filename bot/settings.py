"""All settings: from `answerdesk.toml`, `ANSWERDESK_*` variables, and the command line, the later ones winning.

A variable is named after its place: `llm.base_url` is `ANSWERDESK_LLM_BASE_URL`. Secrets come only by variable, or by a
file that the variable with `_FILE` behind its name points to; never from `answerdesk.toml`.
"""

import difflib
import os
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.naming import PREFIX, fields, holds, of_companies, secret_names, secrets_in_files, variable_of
from bot.sections import (
    AnsweringSettings,
    CompanyId,
    CompanySettings,
    DeskSettings,
    HandoffSettings,
    HoursSettings,
    OtherCompanySettings,
    SlackSettings,
    StorageSettings,
    TelegramSettings,
    TelemetrySettings,
    WebSettings,
)
from llm.errors import SettingsError
from llm.settings import EmbeddingSettings, LLMSettings, RerankingSettings
from retrieval.settings import RetrievalSettings

__all__ = [
    "CONFIG_FILE",
    "PREFIX",
    "AnsweringSettings",
    "Company",
    "CompanySettings",
    "DeskSettings",
    "HandoffSettings",
    "HoursSettings",
    "Settings",
    "SlackSettings",
    "StorageSettings",
    "TelegramSettings",
    "TelemetrySettings",
    "WebSettings",
    "holds",
    "load_settings",
    "setting_names",
    "variable_of",
]

CONFIG_FILE = "answerdesk.toml"
_NOT_SETTINGS = {"ANSWERDESK_CONFIG", "ANSWERDESK_EVAL_DATA"}
"""Variables of ours that name files: the settings' own, and the evaluation data of the tests."""


RESERVED = ("chat", "desk", "healthz", "slack", "static", "telegram")  # addresses of the service itself


@dataclass(frozen=True, slots=True)
class Company:
    """A company that is answered for, and its bot."""

    id: str
    name: str
    voice: str
    language: str
    sites: Sequence[str]
    telegram: TelegramSettings
    handoff: HandoffSettings
    slack: SlackSettings


class Settings(BaseSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="_", env_nested_max_split=1, extra="forbid", env_ignore_empty=True
    )

    data_dir: Annotated[Path, Field(description="The one folder that holds all state.")] = Path(
        "~/.local/share/answerdesk"
    )
    company: CompanySettings = CompanySettings()
    companies: dict[CompanyId, OtherCompanySettings] = {}
    embedding: EmbeddingSettings = EmbeddingSettings()
    reranking: RerankingSettings = RerankingSettings()
    llm: LLMSettings = LLMSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    answering: AnsweringSettings = AnsweringSettings()
    handoff: HandoffSettings = HandoffSettings()
    storage: StorageSettings = StorageSettings()
    telegram: TelegramSettings = TelegramSettings()
    slack: SlackSettings = SlackSettings()
    web: WebSettings = WebSettings()
    desk: DeskSettings = DeskSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    models_dir: Annotated[
        Path | None, Field(description="Where prepared models lie; unset means `models` in the data folder.")
    ] = None

    @property
    def models(self) -> Path:
        """Where prepared models lie."""
        return self.models_dir.expanduser().absolute() if self.models_dir else self.data_dir / "models"

    @property
    def database_url(self) -> str:
        """The database's address, its password included."""
        return (
            self.storage.url.get_secret_value() if self.storage.url else f"sqlite:///{self.data_dir / 'answerdesk.db'}"
        )

    @property
    def served(self) -> Sequence[Company]:
        """All companies, that of `[company]` first."""
        own = Company(**self.company.model_dump(), telegram=self.telegram, slack=self.slack, handoff=self.handoff)
        return own, *(self._other(each, other) for each, other in self.companies.items())

    @staticmethod
    def _other(company: str, given: OtherCompanySettings) -> Company:
        telegram = given.telegram.within(f"companies.{company}.telegram")
        return Company(**{**dict(given), "id": company, "telegram": telegram})

    def only(self, company: str) -> "Settings":
        """The settings for one company alone. Raises `SettingsError` if there are several, and it is none of them."""
        chosen = next((each for each in self.served if each.id == company), None)
        if chosen is None and self.companies:
            names = ", ".join(each.id for each in self.served)
            raise SettingsError(f"There is no company {company!r} in the settings. They have {names}.")
        section = self.company.model_copy(update={"id": company})
        telegram, slack, handoff = self.telegram, self.slack, self.handoff
        if chosen:
            own = {name: getattr(chosen, name) for name in CompanySettings.model_fields}
            section = CompanySettings(**own)
            telegram, slack, handoff = chosen.telegram, chosen.slack, chosen.handoff
        update = {"company": section, "telegram": telegram, "slack": slack, "handoff": handoff, "companies": {}}
        return self.model_copy(update=update)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - a .env file is the shell's business
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the *_FILE variables stand in
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line wins over variables, they over the files they name, and all over `answerdesk.toml`."""
        toml = TomlConfigSettingsSource(settings_cls)
        companies = list(toml.toml_data.get("companies", {}))
        others = InitSettingsSource(settings_cls, of_companies(Settings, os.environ, companies))
        secrets = InitSettingsSource(settings_cls, secrets_in_files(Settings, os.environ, companies))
        if isinstance(env_settings, EnvSettingsSource):  # it would take llm.api_key_file for a setting
            files = {f"{variable_of(name)}_FILE".lower() for name in secret_names(Settings)}
            env_settings.env_vars = {
                name: value
                for name, value in env_settings.env_vars.items()
                if name not in files and not name.startswith(f"{PREFIX}COMPANIES_".lower())
            }
        return init_settings, env_settings, others, secrets, toml


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read all settings; `overrides` come from the command line, where `company` has an `id` that chooses one.

    Raises `SettingsError` that names each wrong setting, where it stands, and what is allowed.
    """
    path = config or Path(os.environ.get("ANSWERDESK_CONFIG", CONFIG_FILE))
    if (config or "ANSWERDESK_CONFIG" in os.environ) and not path.is_file():
        raise SettingsError(f"There is no settings file {path}.")
    companies = _refuse_secrets(path)
    _refuse_unknown(os.environ, companies)
    chosen = overrides.pop("company", {}).get("id")

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        settings = Located(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(error, path))) from None
    _refuse_clashes(settings)
    data_dir = settings.data_dir.expanduser().absolute()
    settings = settings.model_copy(update={"data_dir": data_dir})
    return settings.only(chosen) if chosen else settings


def setting_names() -> list[str]:
    """Every setting, as `answerdesk.toml` spells it: `data_dir`, `llm.base_url`, ..."""
    return [name for name, _ in fields(Settings)]


def _refuse_secrets(path: Path) -> Collection[str]:
    """A secret in a settings file ends up in backups and repositories. Returns the companies in `[companies]`."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    companies = content.get("companies", {})
    for name in secret_names(Settings, companies):
        if holds(content, name):
            variable = variable_of(name)
            raise SettingsError(
                f"{path}: {name} is a secret and has no place in a file that gets copied. "
                f"Give it by the variable {variable}, or name a file that holds it by {variable}_FILE."
            )
    return list(companies)


def _refuse_unknown(variables: Mapping[str, str], companies: Collection[str]) -> None:
    known = {variable_of(name): name for name, _ in fields(Settings, companies)}
    files = {f"{variable_of(name)}_FILE" for name in secret_names(Settings, companies)}
    sections = {variable_of(name) for name in Settings.model_fields}
    for variable in sorted(variables):
        if variable.startswith(PREFIX) and variable not in {*known, *files, *sections, *_NOT_SETTINGS}:
            raise SettingsError(f"{variable} is no setting.{_nearest(variable, known)}")


def _refuse_clashes(settings: Settings) -> None:
    """Each company has an address of its own, and a bot of its own."""
    bots: dict[str, str] = {}
    for company in settings.served:
        if company.id in settings.companies and company.id in (settings.company.id, *RESERVED):
            raise SettingsError(f"companies.{company.id}: this name is taken. Give the company another one.")
        token = company.telegram.token.get_secret_value() if company.telegram.token else ""
        if token and bots.setdefault(token, company.id) != company.id:
            raise SettingsError(f"{bots[token]} and {company.id} have the same Telegram token: each needs its own bot.")
        slack = company.slack.token.get_secret_value() if company.slack.token else ""
        if slack and bots.setdefault(slack, company.id) != company.id:
            raise SettingsError(f"{bots[slack]} and {company.id} have the same Slack token: each needs its own app.")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else " `answerdesk doctor --settings` lists them all."


def _explain(error: ValidationError, path: Path) -> Iterator[str]:
    """One line a wrong setting: its name, where it was given, what is allowed, what was found."""
    descriptions = {name: info.description or "" for name, info in fields(Settings)}
    secrets = {name.rpartition(".")[2] for name in secret_names(Settings)}
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        where = variable_of(name) if variable_of(name) in os.environ else f"{name} ({path})" if path.is_file() else name
        if problem["type"] == "extra_forbidden":
            yield f"{where} is no setting.{_nearest(name, setting_names())}"
            continue
        found = "" if name.rpartition(".")[2] in secrets else f" (found: {problem['input']!r})"
        hint = f" {descriptions[name]}" if descriptions.get(name) else ""
        yield f"{where}: {problem['msg']}{found}.{hint}"
