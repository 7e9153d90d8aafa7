"""Spans by OpenTelemetry: the only module that knows it. Loaded when tracing is switched on."""

import atexit
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from schemas.headers import CLOUD_EVENT_TRACE, TRACE
from shared.kafka.records import Outgoing, Record
from shared.metrics.build import DISTRIBUTION

if TYPE_CHECKING:
    from shared.tracing.switch import Handle, HandleBatch

Headers = Sequence[tuple[str, bytes]]

_W3C: Final = TraceContextTextMapPropagator()
_SENT_WITHIN_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A submission on its way."""

    headers: Headers
    """With its trace."""
    span: Span

    def end(self, error: str | None) -> None:
        """The brokers have it, or say why not."""
        if error:
            self.span.set_status(Status(StatusCode.ERROR, error))
        self.span.end()


class Spans:
    """Makes spans and carries their context through headers."""

    def __init__(self, provider: TracerProvider) -> None:
        """``provider`` samples and exports."""
        self._tracer = provider.get_tracer(DISTRIBUTION, version(DISTRIBUTION))

    @classmethod
    def exporting(cls, service: str) -> Self:
        """To the collector that OTEL_* name, sampled as they say; what is waiting at the end is sent then."""
        named = "OTEL_SERVICE_NAME" in os.environ or "service.name" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        ours = {"service.version": version(DISTRIBUTION)} | ({} if named else {"service.name": f"needledrop-{service}"})
        provider = TracerProvider(resource=Resource.create(ours), shutdown_on_exit=False)
        exporter = OTLPSpanExporter()
        provider.add_span_processor(BatchSpanProcessor(exporter))
        _send_the_rest_at_exit(provider, exporter)
        return cls(provider)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A span below the current one, where that is recorded."""
        if not trace.get_current_span().is_recording():
            yield
            return
        with self._tracer.start_as_current_span(name):
            yield

    def took(self, name: str, began_ns: int, ended_ns: int) -> None:
        """A span below the current one, of the past."""
        if trace.get_current_span().is_recording():
            self._tracer.start_span(name, start_time=began_ns).end(ended_ns)

    def handling(self, name: str, handle: "Handle") -> "Handle":
        """See `Tracing.handling`."""

        def traced(record: Record) -> Sequence[Outgoing]:
            context = context_of(record.headers)
            with self._tracer.start_as_current_span(name, context, SpanKind.CONSUMER) as span:
                outputs = handle(record)
                if span.is_recording():
                    _describe(span, record, outputs)
                here = _carried(trace.set_span_in_context(span))
            return [replace(output, headers=_with(output.headers, here)) for output in outputs]

        return traced

    def handling_batches(self, name: str, handle: "HandleBatch") -> "HandleBatch":
        """See `Tracing.handling_batches`."""

        def traced(records: Sequence[Record]) -> Sequence[Outgoing]:
            began_ns = time.time_ns()
            outputs = handle(records)
            ended_ns = time.time_ns()
            for record in records:
                context = context_of(record.headers)
                span = self._tracer.start_span(name, context, SpanKind.CONSUMER, start_time=began_ns)
                if span.is_recording():
                    _describe(span, record, ())
                    span.set_attribute("messaging.batch.message_count", len(records))
                span.end(ended_ns)
            return outputs

        return traced

    def committed(self, outputs: Sequence[Outgoing], began_ns: int, ended_ns: int) -> None:
        """A span for each output, below that of the work on it."""
        for output in outputs:
            context = context_of(output.headers)
            if trace.get_current_span(context).get_span_context().trace_flags.sampled:
                span = self._tracer.start_span("commit", context, SpanKind.PRODUCER, start_time=began_ns)
                span.set_attribute("messaging.destination.name", output.topic)
                span.set_attribute("messaging.batch.message_count", len(outputs))
                span.end(ended_ns)

    def submitting(self, headers: Headers) -> Sent:
        """See `Tracing.submitting`. The trace goes on from here, and CloudEvents' extension says where it began."""
        span = self._tracer.start_span("submit", context_of(headers), SpanKind.PRODUCER)
        here = _carried(trace.set_span_in_context(span))
        began = [(f"ce_{name}", value) for name, value in here]
        return Sent([*_with(headers, here), *began], span)


def _send_the_rest_at_exit(provider: TracerProvider, exporter: OTLPSpanExporter) -> None:
    """As far as that takes no more than two seconds: nobody waits for a collector that is away."""
    leaving = threading.Event()

    def give_up() -> None:
        leaving.wait()
        time.sleep(_SENT_WITHIN_S)
        exporter.shutdown()  # type: ignore[no-untyped-call]  # it has no annotations

    def leave() -> None:
        leaving.set()
        provider.shutdown()

    # Begun now: at exit, Python begins no thread any more.
    threading.Thread(target=give_up, name="tracing-exit", daemon=True).start()
    atexit.register(leave)


def context_of(headers: Headers) -> Context:
    """The trace that a record is part of: where its last step was, or where CloudEvents' extension says it began.

    Empty, not that of the thread, when there is none: then a trace begins.
    """
    found = {name: value.decode(errors="replace") for name, value in headers if name in TRACE + CLOUD_EVENT_TRACE}
    if "traceparent" not in found:
        found = {name.removeprefix("ce_"): value for name, value in found.items()}
    return _W3C.extract(found, Context())


def _carried(context: Context) -> list[tuple[str, bytes]]:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, context)
    return [(name, value.encode()) for name, value in carrier.items()]


def _with(headers: Headers, here: Headers) -> Headers:
    return [*(header for header in headers if header[0] not in TRACE), *here]


def _describe(span: Span, record: Record, outputs: Sequence[Outgoing]) -> None:
    span.set_attributes(
        {
            "messaging.system": "kafka",
            "messaging.destination.name": record.topic,
            "messaging.destination.partition.id": str(record.partition),
            "messaging.kafka.offset": record.offset,
            "needledrop.track_id": record.key_text,
        }
    )
    for output in outputs:
        if output.end and output.end.reason:
            span.set_status(Status(StatusCode.ERROR, output.end.reason))
