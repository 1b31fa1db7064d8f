"""A service as Prometheus and an OpenTelemetry collector see it: real processes, real HTTP, one conversation."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_line import ROOT, answerdesk, server
from tests.fakes.collector import Span, collector
from tests.fakes.vllm import FakeVLLM, says
from tests.visitor import Visitor
from tests.watched import Samples, free_port, scrape_until, value

HOURS = (
    "# Opening hours\n\nThe shop in the old mill opens at nine, Monday to Saturday. It is closed on public holidays.\n"
)
WRITTEN = "The shop opens at nine [1]. It costs 17 euros [1]."
SECRETS = ("opens at nine", "17 euros", "Mathilde", "sesame-key")


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of a service that answered one question and called one person."""

    metrics: Samples
    spans: Sequence[Span]
    sent: bytes
    asked_for: str
    """What the model was told the request is a part of."""

    def span(self, name: str) -> Span:
        """The first of this name."""
        return next(each for each in self.spans if each.name == name)

    def path(self, name: str) -> list[str]:
        """The names of the spans from a trace's beginning to this one."""
        by_id = {each.id: each for each in self.spans}
        found, at = [name], self.span(name)
        while at.parent:
            at = by_id[at.parent]
            found.insert(0, at.name)
        return found


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Watched]:
    folder, port, metrics = tmp_path_factory.mktemp("watched"), free_port(), free_port()
    (folder / "hours.md").write_text(HOURS)
    with collector() as collected, FakeVLLM(says(WRITTEN)) as model:
        environment = {
            "ANSWERDESK_DATA_DIR": str(folder / "data"),
            "ANSWERDESK_MODELS_DIR": str(models_dir),
            "ANSWERDESK_LLM_BASE_URL": model.url,
            "ANSWERDESK_LLM_MODEL": "test-model",
            "ANSWERDESK_LLM_API_KEY": "sesame-key",
            "ANSWERDESK_LLM_PRICE_INPUT": "2",
            "ANSWERDESK_LLM_PRICE_CACHED": "1",
            "ANSWERDESK_LLM_PRICE_OUTPUT": "8",
            "ANSWERDESK_LLM_CURRENCY": "EUR",
            "ANSWERDESK_ANSWERING_CLARIFY_ABOVE": "0",  # the model is asked, however sure the search is
            "ANSWERDESK_TELEMETRY_METRICS_ADDRESS": f"127.0.0.1:{metrics}",
            "ANSWERDESK_TELEMETRY_TRACES_URL": collected.url,
        }
        with pytest.MonkeyPatch.context() as patch:
            for name in ("ANSWERDESK_DATA_DIR", "ANSWERDESK_MODELS_DIR"):
                patch.setenv(name, environment[name])
            assert answerdesk("ingest", folder / "hours.md").code == 0
        with server("serve", "--port", str(port), url=f"http://127.0.0.1:{port}", **environment):
            visitor = Visitor(port)
            visitor.says("I am Mathilde. When does the shop open?")
            visitor.hears("bot")
            visitor.acts("human")
            visitor.hears("notice")
            seen = scrape_until(metrics, 2, "answerdesk_receipts_total", receipt="sent")
        yield Watched(seen, collected.spans, b"".join(collected.raw), model.completions[0].headers["traceparent"])


def test_the_trace_goes_from_the_channels_event_to_its_receipt(watched: Watched) -> None:
    assert watched.path("send") == ["receive", "turn", "send"]
    assert watched.span("send").attributes["answerdesk.receipt"] == "sent"
    assert watched.span("send").events == ["acknowledged"]


@pytest.mark.parametrize(
    ("name", "above"),
    [
        ("queue", ["receive"]),
        ("understand the question", ["receive", "turn", "retrieve"]),
        ("search by keywords", ["receive", "turn", "retrieve"]),
        ("search by meaning", ["receive", "turn", "retrieve"]),
        ("chat test-model", ["receive", "turn"]),
        ("verify a sentence", ["receive", "turn"]),
        ("show the first text", ["receive", "turn"]),
        ("commit", ["receive", "turn"]),
    ],
)
def test_each_step_is_a_part_of_the_one_that_took_it(watched: Watched, name: str, above: list[str]) -> None:
    assert watched.path(name) == [*above, name]


def test_steps_are_in_the_order_in_which_they_happen(watched: Watched) -> None:
    names = ["receive", "queue", "turn", "retrieve", "chat test-model", "show the first text", "commit", "send"]
    begun = [watched.span(name).start for name in names]
    assert begun == sorted(begun)


def test_a_turn_is_one_trace_and_the_next_one_another(watched: Watched) -> None:
    turns = [each for each in watched.spans if each.name == "turn"]
    assert len({each.trace for each in turns}) == 2
    assert {each.attributes["answerdesk.outcome"] for each in turns} == {"answered", "handoff"}


def test_the_request_to_the_model_is_told_by_the_conventions(watched: Watched) -> None:
    about = watched.span("chat test-model").attributes
    assert about["gen_ai.operation.name"] == "chat"
    assert about["gen_ai.response.finish_reasons"] == ["stop"]
    assert about["gen_ai.usage.input_tokens"] > about["gen_ai.usage.cache_read.input_tokens"] > 0
    assert about["gen_ai.usage.output_tokens"] == len(says(WRITTEN).tokens)
    assert about["gen_ai.response.time_to_first_chunk"] > 0


def test_the_model_hears_which_trace_its_request_is_a_part_of(watched: Watched) -> None:
    call = watched.span("chat test-model")
    assert watched.asked_for.startswith(f"00-{call.trace}-{call.id}-")


def test_neither_words_nor_secrets_leave(watched: Watched) -> None:
    told = watched.sent + repr(watched.metrics).encode()
    assert [each for each in SECRETS if each.encode() in told] == []


def test_only_what_we_measure_is_told(watched: Watched) -> None:
    assert {each.split("_")[0] for each in watched.metrics} == {"answerdesk", "process", "python"}
    assert {each.attributes["otel.scope"] for each in watched.spans} == {"answerdesk"}


def test_messages_turns_and_receipts_are_counted(watched: Watched) -> None:
    line = {"company": "default", "channel": "web"}
    assert value(watched.metrics, "answerdesk_messages_total", **line) == 2
    assert value(watched.metrics, "answerdesk_turns_total", **line, outcome="answered", manner="written") == 1
    assert value(watched.metrics, "answerdesk_turns_total", **line, reason="asked_for_person") == 1
    assert value(watched.metrics, "answerdesk_receipts_total", **line, receipt="sent") == 2
    assert value(watched.metrics, "answerdesk_sentences_withheld_total", company="default") == 1


def test_tokens_cost_what_the_settings_say(watched: Watched) -> None:
    tokens = {
        kind: value(watched.metrics, "answerdesk_tokens_total", type=kind) for kind in ("input", "cached", "output")
    }
    due = 2 * (tokens["input"] - tokens["cached"]) + tokens["cached"] + 8 * tokens["output"]
    cost = value(watched.metrics, "answerdesk_cost_total", company="default", currency="EUR")
    assert cost == pytest.approx(due / 1_000_000)


def test_what_waits_is_told_from_the_database(watched: Watched) -> None:
    assert value(watched.metrics, "answerdesk_handoffs", state="waiting") == 1
    assert value(watched.metrics, "answerdesk_handoffs_oldest_waiting_seconds") > 0
    assert value(watched.metrics, "answerdesk_conversations", state="due") == 0


def test_no_label_names_a_conversation(watched: Watched) -> None:
    conversation = watched.span("turn").attributes["gen_ai.conversation.id"]
    assert conversation not in repr(watched.metrics)


@pytest.mark.parametrize(
    "file", ["deploy/grafana/dashboards/answerdesk.json", "deploy/prometheus/alerts.yaml", "docs/monitoring.md"]
)
def test_every_metric_that_is_spoken_of_is_exported(watched: Watched, file: str) -> None:
    spoken_of = set(re.findall(r"\b(?:answerdesk|process)_\w+", (ROOT / file).read_text(encoding="utf-8")))
    assert spoken_of - {*watched.metrics, *(name.removesuffix("_bucket") for name in watched.metrics)} == set()


def test_every_metric_is_explained(watched: Watched) -> None:
    page = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    names = {re.sub("_(bucket|count|sum)$", "", name) for name in watched.metrics if name.startswith("answerdesk_")}
    assert {name for name in names if f"`{name}`" not in page and not name.endswith("_created")} == set()
