"""An OpenTelemetry collector: takes traces in by OTLP over real HTTP on loopback, and decodes them."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a trace as it was sent."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, Any]
    events: Sequence[str]
    links: Sequence[str]
    """Traces that it has links to."""
    start: int
    end: int
    failed: bool


@dataclass(slots=True)
class Collector:
    """What has been sent to an address."""

    url: str
    raw: list[bytes] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)

    @property
    def spans(self) -> list[Span]:
        """All spans, in the order they began."""
        return sorted((span for body in self.raw for span in _spans(body)), key=lambda span: span.start)


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector that runs."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collected.paths.add(self.path)
            collected.raw.append(self.rfile.read(int(self.headers["Content-Length"])))
            said = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Not on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        collected = Collector(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collected
        finally:
            server.shutdown()
            thread.join()


def _spans(body: bytes) -> Iterator[Span]:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            about = _attributes(resource.resource.attributes) | {"otel.scope": scope.scope.name}
            yield from (_span(span, about) for span in scope.spans)


def _span(span: trace_pb2.Span, resource: Mapping[str, Any]) -> Span:
    return Span(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        {**resource, **_attributes(span.attributes)},
        [event.name for event in span.events],
        [link.trace_id.hex() for link in span.links],
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
    )


def _attributes(given: Sequence[KeyValue]) -> dict[str, Any]:
    return {each.key: _plain(each.value) for each in given}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return [_plain(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, str(kind))
