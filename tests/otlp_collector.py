"""A collector of traces: OTLP over HTTP, as OpenTelemetry's exporters speak it."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan


@dataclass(frozen=True)
class CollectedSpan:
    """What a collector knows of a span."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    ended_ns: int
    error: str
    attributes: dict[str, str]


@dataclass
class Collector:
    """What has come so far."""

    url: str = ""
    spans: list[CollectedSpan] = field(default_factory=list)
    n_requests: int = 0

    def take(self, body: bytes) -> None:
        self.n_requests += 1
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            self.spans += [_collected(service, span) for scope in resource.scope_spans for span in scope.spans]

    def trace(self, trace_id: str) -> dict[str, CollectedSpan]:
        """Its spans by service and name, which must be different."""
        found = [span for span in self.spans if span.trace_id == trace_id]
        by_name = {f"{span.service} {span.name}": span for span in found}
        assert len(by_name) == len(found), [(span.service, span.name) for span in found]
        return by_name


def _collected(service: str, span: SentSpan) -> CollectedSpan:
    return CollectedSpan(
        service=service,
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        began_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        error=span.status.message if span.status.code == span.status.STATUS_CODE_ERROR else "",
        attributes={one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes},
    )


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Collect while the block runs."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            is_ours = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
            if is_ours:
                collector.take(body)
            self.send_response(200 if is_ours else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in http.server
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
