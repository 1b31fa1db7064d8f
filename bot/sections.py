"""The sections of the settings that are about conversations and channels; see `bot.settings`."""

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, PrivateAttr, SecretStr

Name = Annotated[str, Field(max_length=80, description="As customers read it.")]
Voice = Annotated[
    str, Field(max_length=2000, description="How a model should sound, such as `warm and brief; say you, not sir`.")
]
Language = Annotated[str, Field(pattern="^[a-z]{2}$", description="Where a question's language can't be told.")]
Site = Annotated[str, Field(pattern=r"^https?://[\w.-]+(:\d+)?$")]
Sites = Annotated[
    tuple[Site, ...],
    Field(description="Sites that may show the chat in their pages, such as `https://www.example.com`."),
]
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
    sites: Sites = ()


class AnsweringSettings(BaseModel):
    """When to answer, when to ask back, when to hand over; each a confidence from 0 to 1."""

    model_config = ConfigDict(extra="forbid")

    wrong_answer_costs: Annotated[
        float, Field(gt=0, description="A wrong answer is as bad as so many needless handoffs: 2 answers from 0.67 on.")
    ] = 2.0
    answer_above: Annotated[
        float | None, Field(ge=0, le=1, description="Answer from this confidence on, whatever a wrong answer costs.")
    ] = None
    clarify_above: Annotated[
        float, Field(ge=0, le=1, description="Ask `did you mean` from here on; hand over below.")
    ] = 0.25
    verbatim_above: Annotated[
        float, Field(ge=0, le=1, description="Answer with a FAQ entry word for word, without the model, from here on.")
    ] = 0.95

    @property
    def answers_from(self) -> float:
        """The confidence from which on an answer is expected to cost less than a handoff."""
        if self.answer_above is not None:
            return self.answer_above
        return self.wrong_answer_costs / (self.wrong_answer_costs + 1)


class WebSettings(BaseModel):
    """The web chat."""

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(description="127.0.0.1 serves this machine only; 0.0.0.0 serves the network.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    messages_a_minute: Annotated[
        int, Field(ge=1, description="Messages, files and presses of one visitor; what is more waits in the page.")
    ] = 20
    address_messages_a_minute: Annotated[
        int, Field(ge=1, description="The same of all visitors at one network address together.")
    ] = 300
    open_pages: Annotated[
        int, Field(ge=1, description="Browsers of one visitor that hear the chat at a time; the tabs of one share.")
    ] = 16
    address_open_pages: Annotated[
        int, Field(ge=1, description="The same of all visitors at one network address together.")
    ] = 400
    max_file_mb: Annotated[float, Field(gt=0, le=1024, description="The largest file that a visitor can send.")] = 10.0
    visitor_files_mb: Annotated[float, Field(gt=0, description="All files of one visitor together.")] = 100.0


class DeskSettings(BaseModel):
    """The desk, where staff answer in a browser."""

    model_config = ConfigDict(extra="forbid")

    session_hours: Annotated[
        float, Field(gt=0, le=720, description="Whoever does nothing for so long has to sign in again.")
    ] = 12.0
    url: Annotated[
        HttpUrl | None,
        Field(
            description="Where staff reach this service, such as https://help.example.com, as sign-in links "
            "say it; unset means `web.host` and `web.port`."
        ),
    ] = None


class TelegramSettings(BaseModel):
    """The Telegram bot. Without a token there is none."""

    model_config = ConfigDict(extra="forbid")
    _section: str = PrivateAttr(default="telegram")

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

    @property
    def section(self) -> str:
        """Where these settings stand: `telegram`, or `companies.ID.telegram`."""
        return self._section

    def within(self, section: str) -> "TelegramSettings":
        """The same settings of another section."""
        moved = self.model_copy()
        moved._section = section  # noqa: SLF001 - its own kind
        return moved


class SlackSettings(BaseModel):
    """Where the company's people work in Slack. Without a token they don't."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[
        SecretStr | None,
        Field(description="The bot's, xoxb-...; only by ANSWERDESK_SLACK_TOKEN or ANSWERDESK_SLACK_TOKEN_FILE."),
    ] = None
    app_token: Annotated[
        SecretStr | None,
        Field(
            description="The app's, xapp-..., for Socket Mode. "
            "Only by ANSWERDESK_SLACK_APP_TOKEN or ANSWERDESK_SLACK_APP_TOKEN_FILE."
        ),
    ] = None
    signing_secret: Annotated[
        SecretStr | None,
        Field(
            description="What Slack signs its requests with, for mode http. "
            "Only by ANSWERDESK_SLACK_SIGNING_SECRET or ANSWERDESK_SLACK_SIGNING_SECRET_FILE."
        ),
    ] = None
    channel: Annotated[
        str,
        Field(
            pattern=r"^([CG][A-Z0-9]{2,})?$",
            description="The id of the channel for handoffs, such as C0123456789: the last line of its details.",
        ),
    ] = ""
    mode: Annotated[
        Literal["socket", "http"],
        Field(description="Whether events are fetched over a socket, which works anywhere, or delivered to `url`."),
    ] = "socket"
    url: Annotated[
        HttpUrl | None, Field(description="Where Slack reaches this service, such as https://help.example.com.")
    ] = None
    api_base: Annotated[HttpUrl, Field(description="Another server that speaks Slack's Web API.")] = HttpUrl(
        "https://slack.com/api/"
    )


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ValueError(f"there is no time zone {name}; they are named like Europe/Berlin") from None
    return name


def _in_order(times: str) -> str:
    start, _, end = times.partition("-")
    if start >= end:
        raise ValueError(f"{times} ends before it begins: end it at 24:00, and go on at 00:00 the next day")
    return times


_TIME = r"([01]\d|2[0-3]):[0-5]\d"
Times = tuple[Annotated[str, Field(pattern=rf"^{_TIME}-({_TIME}|24:00)$"), AfterValidator(_in_order)], ...]
"""Such as `("09:00-12:00", "13:00-17:30")`."""


class HoursSettings(BaseModel):
    """When people are there. Without any times they always are."""

    model_config = ConfigDict(extra="forbid")

    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    monday: Times = ()
    tuesday: Times = ()
    wednesday: Times = ()
    thursday: Times = ()
    friday: Times = ()
    saturday: Times = ()
    sunday: Times = ()
    holidays: tuple[date, ...] = ()


class HandoffSettings(BaseModel):
    """When and how people take over."""

    model_config = ConfigDict(extra="forbid")

    topics: Annotated[
        tuple[Annotated[str, Field(min_length=2, max_length=80)], ...],
        Field(description="Words or phrases that always go to a person, such as `lawyer`, in any of the languages."),
    ] = ()
    relay: Annotated[
        Literal["send", "direct"],
        Field(description="Whether what staff write in a Slack thread is a note until they press Send, or goes out."),
    ] = "send"
    idle_hours: Annotated[
        float,
        Field(gt=0, description="Staff are asked about a conversation that they have when nobody wrote for so long."),
    ] = 8.0
    idle_answer_hours: Annotated[
        float, Field(gt=0, description="It goes back to the bot when they don't answer for so long.")
    ] = 2.0
    max_file_mb: Annotated[float, Field(gt=0, le=50, description="The largest file that staff can send.")] = 10.0
    hours: Annotated[
        HoursSettings,
        Field(description="When people are there: a section of its own, see docs/handoff.md. Unset means always."),
    ] = HoursSettings()


class OtherCompanySettings(BaseModel):
    """Another company that the same service answers for, as `[companies.ITS-ID]`."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    voice: Voice = ""
    language: Language = "en"
    sites: Sites = ()
    telegram: TelegramSettings = TelegramSettings()
    slack: SlackSettings = SlackSettings()
    handoff: HandoffSettings = HandoffSettings()


class TelemetrySettings(BaseModel):
    """Who may watch the service work; nobody, unless it is set."""

    model_config = ConfigDict(extra="forbid")

    metrics_address: Annotated[
        str | None,
        Field(
            pattern=r"^\S+:\d{1,5}$",
            description="Where Prometheus finds `/metrics`, such as 127.0.0.1:9464; each process needs one of its own.",
        ),
    ] = None
    traces_url: Annotated[
        HttpUrl | None,
        Field(
            description="Where traces go, by OTLP over HTTP, such as http://127.0.0.1:4318; unset means what "
            "OTEL_EXPORTER_OTLP_ENDPOINT says, or nowhere."
        ),
    ] = None


class StorageSettings(BaseModel):
    """Where conversations and documents are kept."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[
        SecretStr | None,
        Field(description="postgresql://... for several machines; unset means SQLite in the data folder. A secret."),
    ] = None
