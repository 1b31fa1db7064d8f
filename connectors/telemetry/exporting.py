"""OpenTelemetry's SDK, set up where the settings ask for it. Everywhere else its API is used, and does nothing."""

import logging
import os
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.metadata import version

from bot.sections import TelemetrySettings

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""OpenTelemetry's own variables; the SDK reads them, and all others of its kind."""
MOST_SERIES = 20_000
"""Of one metric, rather than the SDK's 2,000: enough for hundreds of companies."""


@contextmanager
def exporting(settings: TelemetrySettings, roles: Collection[str]) -> Iterator[None]:
    """Record metrics, and send traces, if that is set; to be entered before what is measured is built.

    What is left to send is sent in the end.
    """
    if settings.metrics_address:
        _record_metrics(roles)
    if settings.traces_url or any(map(os.environ.get, ENDPOINTS)):
        with _sending_traces(settings, roles):
            yield
    else:
        yield


def _record_metrics(roles: Collection[str]) -> None:
    from opentelemetry import metrics
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
    from opentelemetry.sdk.metrics.export import CardinalityLimits

    limits: CardinalityLimits = {Counter: MOST_SERIES, Histogram: MOST_SERIES}
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, cardinality_limits=limits)
    metrics.set_meter_provider(MeterProvider([reader]))
    info = metrics.get_meter("answerdesk").create_gauge("answerdesk.info", description="1: this process runs.")
    info.set(1, {"version": version("answerdesk"), "roles": ",".join(sorted(roles))})


@contextmanager
def _sending_traces(settings: TelemetrySettings, roles: Collection[str]) -> Iterator[None]:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = Resource.create(
        {
            "service.name": "answerdesk",
            "service.version": version("answerdesk"),
            "service.instance.id": str(uuid.uuid4()),
            "answerdesk.roles": sorted(roles),
        }
    )
    provider = TracerProvider(resource=named.merge(OTELResourceDetector().detect()))  # what the variables say wins
    endpoint = f"{str(settings.traces_url).rstrip('/')}/v1/traces" if settings.traces_url else None
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)  # each attempt that failed is a warning
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
