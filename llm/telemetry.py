"""What every room measures by: OpenTelemetry's API, for traces and metrics alike.

Until a process sets OpenTelemetry's SDK up (`connectors.telemetry` does, where the settings ask for it), all of this
does nothing and costs next to nothing. What is recorded are ids, names from the settings, numbers and the types of
errors: never what somebody wrote, nor the words of an error, which may repeat it.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["Attributes", "Span", "SpanKind", "duration", "meter", "parent_of", "past_span", "span", "traceparent"]

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
"""Where the buckets of durations end: from a keyword search to the time within which a person is called."""

Attributes = Mapping[str, str | int | float | bool | Sequence[str]]

meter = metrics.get_meter("answerdesk")
_tracer = trace.get_tracer("answerdesk")
_propagator = TraceContextTextMapPropagator()


def duration(name: str, description: str) -> Histogram:
    """A histogram of seconds."""
    return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=SECONDS)


@contextmanager
def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: str = "",
    links: Sequence[str] = (),
    current: bool = True,
) -> Iterator[Span]:
    """A part of a trace: below `parent`, a `traceparent`, or else below what the caller is a part of.

    With `current`, what is done meanwhile is a part of this; an async generator that yields meanwhile must not have it.
    """
    begun = _tracer.start_span(
        name,
        parent_of(parent),
        kind,
        attributes,
        links=[Link(trace.get_current_span(parent_of(each)).get_span_context()) for each in links if each],
        record_exception=False,
        set_status_on_exception=False,
    )
    if not begun.get_span_context().is_valid:  # nobody traces
        yield begun
        return
    try:
        if current:
            with trace.use_span(begun, record_exception=False, set_status_on_exception=False):
                yield begun
        else:
            yield begun
    except (asyncio.CancelledError, GeneratorExit):
        begun.set_attribute("answerdesk.broken_off", True)
        raise
    except Exception as error:
        begun.set_attribute("error.type", type(error).__name__)
        begun.set_status(StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        begun.end()


def past_span(name: str, began: float, parent: str, attributes: Attributes) -> None:
    """A part that lies behind us: from `began`, in seconds since the epoch, until now."""
    _tracer.start_span(name, parent_of(parent), attributes=attributes, start_time=int(began * 1e9)).end()


def traceparent(of: Span | None = None) -> str:
    """What names a span (the current one) to other processes, as W3C's Trace Context has it; empty without one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(of) if of else None)
    return carrier.get("traceparent", "")


def parent_of(named: str) -> Context | None:
    """The context below the span that a `traceparent` names."""
    return _propagator.extract({"traceparent": named}, Context()) if named else None
