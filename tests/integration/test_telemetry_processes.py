"""Traces and metrics of a service in several processes, which share nothing but a PostgreSQL database."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.command_line import answerdesk, running, server
from tests.fakes.collector import Span, collector
from tests.postgres import new_database, postgres_server
from tests.visitor import Visitor
from tests.watched import free_port, scrape, scrape_until, value

HOURS = "# Opening hours\n\n## When does the shop open?\n\nThe shop opens at nine, Monday to Saturday.\n"


def one(spans: Sequence[Span], name: str) -> Span:
    (found,) = [each for each in spans if each.name == name]
    return found


def test_a_burst_is_one_trace_over_two_processes(
    tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hours.md").write_text(HOURS)
    port, of_web, of_worker = free_port(), free_port(), free_port()
    with postgres_server() as address, collector() as collected:
        shared = {
            "ANSWERDESK_DATA_DIR": str(tmp_path / "data"),
            "ANSWERDESK_MODELS_DIR": str(models_dir),
            "ANSWERDESK_STORAGE_URL": asyncio.run(new_database(address)),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collected.url,
        }
        web = shared | {"ANSWERDESK_TELEMETRY_METRICS_ADDRESS": f"127.0.0.1:{of_web}"}
        worker = shared | {"ANSWERDESK_TELEMETRY_METRICS_ADDRESS": f"127.0.0.1:{of_worker}"}
        for name in shared:
            monkeypatch.setenv(name, shared[name])
        assert answerdesk("ingest", tmp_path / "hours.md").code == 0
        url = f"http://127.0.0.1:{port}"
        with server("serve", "--roles", "web", "--port", str(port), url=url, **web):
            visitor = Visitor(port)
            visitor.says("Hello!")
            visitor.says("When does the shop open?")
            with running("serve", "--roles", "worker", **worker):
                assert "opens at nine" in visitor.hears("bot")["text"]
                answered = scrape_until(of_worker, 1, "answerdesk_receipts_total", receipt="sent")
                taken_in = scrape(of_web)
    spans = collected.spans
    first, second = [each for each in spans if each.name == "receive"]
    turn, send = one(spans, "turn"), one(spans, "send")
    assert first.trace == turn.trace == send.trace != second.trace
    assert (turn.parent, send.parent, turn.links) == (first.id, turn.id, [second.trace])
    assert first.attributes["service.instance.id"] != turn.attributes["service.instance.id"]
    assert (value(taken_in, "answerdesk_messages_total"), value(taken_in, "answerdesk_info", roles="web")) == (2, 1)
    assert (value(answered, "answerdesk_turns_total"), value(answered, "answerdesk_info", roles="worker")) == (1, 1)


def test_an_address_that_is_taken_is_told(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ANSWERDESK_TELEMETRY_METRICS_ADDRESS", "nowhere")
    ended = answerdesk("serve", "--roles", "web", "--port", str(free_port()))
    assert ended.code == 1
    assert "ANSWERDESK_TELEMETRY_METRICS_ADDRESS" in ended.err
