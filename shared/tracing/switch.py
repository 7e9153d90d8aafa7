"""The switch between tracing and nothing at all: off, no call here does more than look whether it is on.

OpenTelemetry is loaded by ``start`` only, and only when its variables ask for it. See docs/adr/0021-tracing.md.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from schemas.errors import InvalidSettingError
from shared.kafka.records import Outgoing, Record

if TYPE_CHECKING:
    from shared.tracing.spans import Sent, Spans

Handle = Callable[[Record], Sequence[Outgoing]]
HandleBatch = Callable[[Sequence[Record]], Sequence[Outgoing]]

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
_NOTHING: Final = nullcontext()


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether OTEL_* ask for traces: an exporter is named, or an endpoint.

    Raises: InvalidSettingError for an exporter or a protocol that is not ours.
    """
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip()
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    if not exporter and not any(environment.get(name) for name in _ENDPOINTS):
        return False
    if exporter not in ("", "otlp"):
        raise InvalidSettingError(f"OTEL_TRACES_EXPORTER: {exporter!r} is not known here; otlp or none")
    for name in _PROTOCOLS:
        if environment.get(name, _PROTOCOL) not in ("", _PROTOCOL):
            raise InvalidSettingError(f"{name}: only {_PROTOCOL} is spoken here, not {environment[name]!r}")
    return True


class Tracing:
    """Off until it is started. Any number of threads may call it."""

    def __init__(self) -> None:
        self._spans: Spans | None = None

    def start(self, service: str) -> None:
        """Switch on for this process, if the environment wants it; ``service`` is the worker's or command's name.

        Once on, it stays as it is.

        Raises: InvalidSettingError as `is_wanted`, and when OpenTelemetry is not installed.
        """
        if self._spans is None and is_wanted(os.environ):
            try:
                from shared.tracing.spans import Spans
            except ImportError as error:
                raise InvalidSettingError(
                    f"OTEL_* ask for traces, and this installation has no {error.name}: install "
                    "requirements-tracing.txt (the extra `tracing`), or set OTEL_SDK_DISABLED=true"
                ) from None
            self._spans = Spans.exporting(service)

    @property
    def is_on(self) -> bool:
        """Whether it was started."""
        return self._spans is not None

    def step(self, name: str) -> AbstractContextManager[object]:
        """A span below the one of the record that this thread works on."""
        return _NOTHING if self._spans is None else self._spans.step(name)

    def took(self, name: str, began_ns: int, ended_ns: int) -> None:
        """The same, of a step that another process has taken; in nanoseconds since 1970."""
        if self._spans is not None:
            self._spans.took(name, began_ns, ended_ns)

    def handling(self, name: str, handle: Handle) -> Handle:
        """``handle`` with a span for each record, which goes on in what it writes."""
        return handle if self._spans is None else self._spans.handling(name, handle)

    def handling_batches(self, name: str, handle: HandleBatch) -> HandleBatch:
        """``handle`` with a span for each record of a batch."""
        return handle if self._spans is None else self._spans.handling_batches(name, handle)

    def committed(self, outputs: Sequence[Outgoing], began_ns: int) -> None:
        """A transaction with these outputs, begun then, is committed now."""
        if self._spans is not None:
            self._spans.committed(outputs, began_ns, time.time_ns())

    def submitting(self, headers: Sequence[tuple[str, bytes]]) -> "Sent | None":
        """The first span of a track. None when off."""
        return None if self._spans is None else self._spans.submitting(headers)


tracing: Final = Tracing()
"""Of this process."""
