"""What an error of Telegram means for a message, and what is said about it."""

import logging

import pytest
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    RestartingTelegram,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import SendMessage

from bot.ports import Gone, Rejected, Retry, Sent, Unknown
from connectors.notices import Notices
from connectors.telegram.troubles import explain, receipt, rejects_entities, safe

METHOD = SendMessage(chat_id=42, text="secret words")
TOKEN = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"


def bad(words: str) -> TelegramBadRequest:
    return TelegramBadRequest(METHOD, f"Bad Request: {words}")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TelegramRetryAfter(METHOD, "Too Many Requests", 7), Retry),
        (TelegramAPIError(METHOD, "Too Many Requests"), Retry),
        (TelegramForbiddenError(METHOD, "Forbidden: bot was blocked by the user"), Gone),
        (TelegramMigrateToChat(METHOD, "upgraded", -1007), Gone),
        (TelegramUnauthorizedError(METHOD, "Unauthorized"), Retry),
        (TelegramNotFound(METHOD, "Not Found"), Retry),
        (TelegramServerError(METHOD, "Internal Server Error"), Retry),
        (RestartingTelegram(METHOD, "Bad Gateway: restart"), Retry),
        (TelegramNetworkError(METHOD, "Request timeout error"), Unknown),
        (ClientDecodeError("Failed", ValueError(), "<html>502</html>"), Retry),
        (ClientDecodeError("Failed", ValueError(), {"ok": True, "result": {"message_id": 5}}), Sent),
        (ClientDecodeError("Failed", ValueError(), {"ok": True, "result": []}), Sent),
        (bad("chat not found"), Gone),
        (bad("message thread not found"), Gone),
        (bad("TOPIC_CLOSED"), Gone),
        (bad("message is too long"), Rejected),
        (bad("BUTTON_DATA_INVALID"), Rejected),
    ],
)
def test_what_an_error_means_for_the_message(error: AiogramError, kind: type) -> None:
    assert isinstance(receipt(error, "telegram"), kind)


def test_telegram_says_how_long_to_wait() -> None:
    assert receipt(TelegramRetryAfter(METHOD, "Too Many Requests", 7), "telegram") == Retry(
        7.0, safe(TelegramRetryAfter(METHOD, "Too Many Requests", 7))
    )


def test_telegram_says_where_a_group_went() -> None:
    moved = receipt(TelegramMigrateToChat(METHOD, "upgraded", -1007), "telegram")
    assert isinstance(moved, Gone)
    assert moved.moved_to == "-1007"


def test_a_message_whose_answer_was_odd_is_there() -> None:
    error = ClientDecodeError("Failed", ValueError(), {"ok": True, "result": {"message_id": 5}})
    assert receipt(error, "telegram") == Sent(["5"])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TelegramUnauthorizedError(METHOD, "Unauthorized"), "@BotFather"),
        (TelegramNotFound(METHOD, "Not Found"), "@BotFather"),
        (TelegramConflictError(METHOD, "terminated by other getUpdates request"), "another program"),
        (TelegramConflictError(METHOD, "can't use getUpdates while webhook is active"), "telegram.mode = webhook"),
        (TelegramNetworkError(METHOD, "Cannot connect to host"), "telegram.api_base"),
        (ClientDecodeError("Failed", ValueError(), "<html>"), "proxy"),
        (TelegramRetryAfter(METHOD, "Too Many", 3), "wait for 3 s"),
    ],
)
def test_trouble_is_explained_with_what_to_do(error: AiogramError, words: str) -> None:
    assert words in explain(error, 1, "telegram").why


@pytest.mark.parametrize(
    ("error", "setting"),
    [
        (TelegramUnauthorizedError(METHOD, "Unauthorized"), "ANSWERDESK_COMPANIES_ACME_TELEGRAM_TOKEN"),
        (TelegramConflictError(METHOD, "webhook is active"), "companies.acme.telegram.mode"),
        (TelegramNetworkError(METHOD, "Cannot connect to host"), "companies.acme.telegram.api_base"),
    ],
)
def test_the_settings_of_the_right_company_are_named(error: AiogramError, setting: str) -> None:
    assert setting in explain(error, 1, "companies.acme.telegram").why


def test_waits_grow_up_to_a_limit() -> None:
    error = TelegramNetworkError(METHOD, "down")
    assert [explain(error, attempts, "telegram").wait for attempts in (1, 2, 3, 20)] == [1, 2, 4, 30]


def test_a_token_is_never_said() -> None:
    error = TelegramNetworkError(METHOD, f"Cannot connect to https://api.telegram.org/bot{TOKEN}/sendMessage")
    assert TOKEN not in explain(error, 1, "telegram").why
    assert "<token>" in safe(error)


def test_what_was_received_is_not_said() -> None:
    error = ClientDecodeError("Failed", ValueError("secret words"), {"text": "secret words"})
    assert "secret" not in explain(error, 1, "telegram").why + str(receipt(error, "telegram"))


@pytest.mark.parametrize("words", ["can't parse entities: byte offset 5", "ENTITY_BOUNDS_INVALID"])
def test_rejected_formatting_is_told_from_a_rejected_text(words: str) -> None:
    assert rejects_entities(bad(words))
    assert not rejects_entities(bad("message is too long"))


def test_trouble_is_logged_once_until_it_changes_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    notices = Notices("Telegram")
    for why in ("down", "down", "still down", "still down"):
        notices.trouble(why)
    notices.fine()
    notices.fine()
    assert [record.getMessage() for record in caplog.records] == [
        "Telegram: down",
        "Telegram: still down",
        "Telegram: works again",
    ]
