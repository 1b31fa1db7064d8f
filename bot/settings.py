"""All settings: from `answerdesk.toml`, `ANSWERDESK_*` variables, and the command line, the later ones winning.

A variable is named after its place: `llm.base_url` is `ANSWERDESK_LLM_BASE_URL`. Secrets come only by variable, or by a
file that the variable with `_FILE` behind its name points to; never from `answerdesk.toml`.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from llm.errors import SettingsError
from llm.settings import EmbeddingSettings, LLMSettings
from retrieval.settings import RetrievalSettings

PREFIX = "ANSWERDESK_"
CONFIG_FILE = "answerdesk.toml"
_NOT_SETTINGS = {"ANSWERDESK_CONFIG", "ANSWERDESK_EVAL_DATA"}
"""Variables of ours that name files: the settings' own, and the evaluation data of the tests."""


class CompanySettings(BaseModel):
    """Whose customers are answered."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$", description="Lower-case letters, digits and hyphens.")
    ] = "default"
    name: Annotated[str, Field(max_length=80, description="As customers read it.")] = "Answerdesk"
    voice: Annotated[
        str, Field(max_length=2000, description="How a model should sound, such as `warm and brief; say you, not sir`.")
    ] = ""
    language: Annotated[str, Field(pattern="^[a-z]{2}$", description="Where a question's language can't be told.")] = (
        "en"
    )


class AnsweringSettings(BaseModel):
    """When to answer, when to ask back, when to hand over; each a confidence from 0 to 1."""

    model_config = ConfigDict(extra="forbid")

    answer_above: Annotated[float, Field(ge=0, le=1, description="Answer from this confidence on.")] = 0.7
    clarify_above: Annotated[
        float, Field(ge=0, le=1, description="Ask `did you mean` from here on; hand over below.")
    ] = 0.25


class WebSettings(BaseModel):
    """The web chat."""

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(description="127.0.0.1 serves this machine only; 0.0.0.0 serves the network.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Field(ge=1, le=65535)] = 8080


class TelegramSettings(BaseModel):
    """The Telegram bot. Without a token there is none."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[
        SecretStr | None,
        Field(description="From @BotFather; only by ANSWERDESK_TELEGRAM_TOKEN or ANSWERDESK_TELEGRAM_TOKEN_FILE."),
    ] = None
    api_base: Annotated[HttpUrl, Field(description="Another Bot API server, such as one of your own.")] = HttpUrl(
        "https://api.telegram.org"
    )
    mode: Annotated[
        Literal["polling", "webhook"],
        Field(description="Whether updates are fetched, which works anywhere, or delivered to `webhook_url`."),
    ] = "polling"
    webhook_url: Annotated[
        HttpUrl | None, Field(description="Where Telegram reaches this service, such as https://help.example.com.")
    ] = None
    webhook_secret: Annotated[
        SecretStr | None,
        Field(
            description="What Telegram shows with each delivery; unset means one made from the token. "
            "Only by ANSWERDESK_TELEGRAM_WEBHOOK_SECRET or ANSWERDESK_TELEGRAM_WEBHOOK_SECRET_FILE."
        ),
    ] = None
    at_once: Annotated[
        int,
        Field(ge=1, le=30, description="Messages on their way at a time; after a crash, so many may come twice."),
    ] = 1


class StorageSettings(BaseModel):
    """Where conversations and documents are kept."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[
        SecretStr | None,
        Field(description="postgresql://... for several machines; unset means SQLite in the data folder. A secret."),
    ] = None


class Settings(BaseSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="_", env_nested_max_split=1, extra="forbid", env_ignore_empty=True
    )

    data_dir: Annotated[Path, Field(description="The one folder that holds all state.")] = Path(
        "~/.local/share/answerdesk"
    )
    company: CompanySettings = CompanySettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    llm: LLMSettings = LLMSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    answering: AnsweringSettings = AnsweringSettings()
    storage: StorageSettings = StorageSettings()
    telegram: TelegramSettings = TelegramSettings()
    web: WebSettings = WebSettings()

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
        secrets = InitSettingsSource(settings_cls, _secrets_in_files(os.environ))
        if isinstance(env_settings, EnvSettingsSource):  # it would take llm.api_key_file for a setting
            files = {f"{_variable(name)}_FILE".lower() for name in _secret_names()}
            env_settings.env_vars = {name: value for name, value in env_settings.env_vars.items() if name not in files}
        return init_settings, env_settings, secrets, TomlConfigSettingsSource(settings_cls)


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read all settings; `overrides` come from the command line.

    Raises `SettingsError` that names each wrong setting, where it stands, and what is allowed.
    """
    path = config or Path(os.environ.get("ANSWERDESK_CONFIG", CONFIG_FILE))
    if (config or "ANSWERDESK_CONFIG" in os.environ) and not path.is_file():
        raise SettingsError(f"There is no settings file {path}.")
    _refuse_secrets(path)
    _refuse_unknown(os.environ)

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        settings = Located(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(error, path))) from None
    data_dir = settings.data_dir.expanduser().absolute()
    return settings.model_copy(update={"data_dir": data_dir})


def setting_names() -> list[str]:
    """Every setting, as `answerdesk.toml` spells it: `data_dir`, `llm.base_url`, ..."""
    return [name for name, _ in _fields()]


def _fields() -> Iterator[tuple[str, FieldInfo]]:
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from ((f"{name}.{each}", field) for each, field in section.model_fields.items())
        else:
            yield name, info


def _variable(name: str) -> str:
    return PREFIX + name.replace(".", "_").upper()


def _secret_names() -> list[str]:
    return [name for name, info in _fields() if "SecretStr" in str(info.annotation)]


def _secrets_in_files(variables: Mapping[str, str]) -> dict[str, Any]:
    """What the files hold that `ANSWERDESK_..._FILE` variables name."""
    found: dict[str, Any] = {}
    for name in _secret_names():
        file = variables.get(f"{_variable(name)}_FILE")
        if file:
            section, _, key = name.partition(".")
            try:
                found.setdefault(section, {})[key] = Path(file).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{_variable(name)}_FILE: {file} can't be read ({error.strerror}).") from None
    return found


def _refuse_secrets(path: Path) -> None:
    """A secret in a settings file ends up in backups and repositories."""
    if not path.is_file():
        return
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    for name in _secret_names():
        section, _, key = name.partition(".")
        if isinstance(content.get(section), dict) and key in content[section]:
            raise SettingsError(
                f"{path}: {name} is a secret and has no place in a file that gets copied. "
                f"Give it by the variable {_variable(name)}, or name a file that holds it by {_variable(name)}_FILE."
            )


def _refuse_unknown(variables: Mapping[str, str]) -> None:
    known = {_variable(name): name for name in setting_names()}
    files = {f"{_variable(name)}_FILE" for name in _secret_names()}
    sections = {_variable(name) for name in Settings.model_fields}
    for variable in sorted(variables):
        if variable.startswith(PREFIX) and variable not in {*known, *files, *sections, *_NOT_SETTINGS}:
            raise SettingsError(f"{variable} is no setting.{_nearest(variable, known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else " `answerdesk doctor --settings` lists them all."


def _explain(error: ValidationError, path: Path) -> Iterator[str]:
    """One line a wrong setting: its name, where it was given, what is allowed, what was found."""
    descriptions = {name: info.description or "" for name, info in _fields()}
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        where = _variable(name) if _variable(name) in os.environ else f"{name} ({path})" if path.is_file() else name
        if problem["type"] == "extra_forbidden":
            yield f"{where} is no setting.{_nearest(name, setting_names())}"
            continue
        found = "" if name in _secret_names() else f" (found: {problem['input']!r})"
        hint = f" {descriptions[name]}" if descriptions.get(name) else ""
        yield f"{where}: {problem['msg']}{found}.{hint}"
