"""The sections of the settings that are about conversations and channels; see `bot.settings`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

Name = Annotated[str, Field(max_length=80, description="As customers read it.")]
Voice = Annotated[
    str, Field(max_length=2000, description="How a model should sound, such as `warm and brief; say you, not sir`.")
]
Language = Annotated[str, Field(pattern="^[a-z]{2}$", description="Where a question's language can't be told.")]
CompanyId = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$", description="Lower-case letters, digits and hyphens.")
]


class CompanySettings(BaseModel):
    """Whose customers are answered."""

    model_config = ConfigDict(extra="forbid")

    id: CompanyId = "default"
    name: Name = "Answerdesk"
    voice: Voice = ""
    language: Language = "en"


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


class OtherCompanySettings(BaseModel):
    """Another company that the same service answers for, as `[companies.ITS-ID]`."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    voice: Voice = ""
    language: Language = "en"
    telegram: TelegramSettings = TelegramSettings()


class StorageSettings(BaseModel):
    """Where conversations and documents are kept."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[
        SecretStr | None,
        Field(description="postgresql://... for several machines; unset means SQLite in the data folder. A secret."),
    ] = None
