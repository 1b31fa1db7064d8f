"""`answerdesk serve` with a Telegram bot: in a process of its own, and what it costs where there is none."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from tests.command_line import ROOT, start
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.telegram_people import Customer

PATIENCE = 120.0
"""Seconds: the embedding model is loaded before customers are."""


def test_without_a_token_aiogram_is_not_imported() -> None:
    program = "import sys, connectors.main, connectors.telegram; sys.exit('aiogram' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


async def test_a_customer_on_telegram_is_answered_by_the_service(
    tmp_path: Path, models_dir: Path, telegram: FakeTelegram, ada: Customer, port: int
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    variables = {
        "ANSWERDESK_DATA_DIR": str(tmp_path / "data"),
        "ANSWERDESK_MODELS_DIR": str(models_dir),
        "ANSWERDESK_TELEGRAM_TOKEN_FILE": str(tmp_path / "token"),
        "ANSWERDESK_TELEGRAM_API_BASE": telegram.url,
    }
    process = start("serve", "--port", str(port), **variables)
    try:
        await telegram.until(lambda: telegram.called("getUpdates"), PATIENCE)
        ada.says("Hello!")
        await ada.reads("Hello! How can I help you?")
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(process.communicate, timeout=30)
    assert (process.returncode, telegram.confirmed) == (0, telegram.deliveries[-1])
    assert "@HaldenBot listens" in log
    assert TOKEN not in log
