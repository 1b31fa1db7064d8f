"""Reads the metrics of a process as Prometheus does, and the spans of this one."""

import socket
import time
import urllib.request
from collections.abc import Mapping, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from llm import telemetry

Samples = Mapping[str, list[tuple[Mapping[str, str], float]]]
"""By the name of a metric as PromQL has it, its labels and value."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
        return free


def scrape(port: int) -> Samples:
    """What Prometheus would read."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(samples: Samples, name: str, **labels: str) -> float:
    """The sum of a metric's values with these labels."""
    return sum(each for has, each in samples[name] if labels.items() <= has.items())


def scrape_until(port: int, reached: float, name: str, **labels: str) -> Samples:
    """The metrics, once one of them has come to this: it is counted a moment after what it counts."""
    for _ in range(600):
        seen = scrape(port)
        if value(seen, name, **labels) >= reached:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"{name} never came to {reached:g}.")


class Ended:
    """The spans that have ended."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    @property
    def all(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        (found,) = [each for each in self.all if each.name == name]
        return found


def traced(monkeypatch: pytest.MonkeyPatch) -> Ended:
    """Trace what this test does, and nothing else: OpenTelemetry itself would be set up for the whole process."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("answerdesk"))
    return Ended(exporter)
