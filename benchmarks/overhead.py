"""What it costs to be observed: `python -m benchmarks.overhead --music FOLDER`.

Cost of a call times calls a track over the processor time of a track (clips of 30 s, nothing from the cache). Calls are
counted where they arrive, in ``prometheus_client`` and ``logging``, while extractor, classifier and projector work in
this process; a call is timed on objects like those of the workers. Scrapes come every 15 s, while each worker is as
busy as it can be. Tracing is what the calls of a track take, with the export to a collector in another process.
Writes ``benchmarks/results/overhead.json``; exit code 1 when a promise does not hold.
"""

import argparse
import io
import logging
import os
import sys
import tempfile
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from benchmarks.apart import apart
from benchmarks.music import clips_of, distinct_copies
from benchmarks.report import heading, write
from benchmarks.whole_in_one import whole_in_one
from schemas.headers import cloud_event
from schemas.topics import TRACKS_LABELED, TRACKS_SUBMITTED
from shared.kafka.records import Outgoing, Record
from shared.logs import start_logging
from shared.metrics.exposition import exposition, process_registry
from shared.metrics.extractor import ExtractorMetrics
from shared.metrics.stream import StreamMetrics
from shared.settings.workers import LogSettings
from shared.tracing.switch import Tracing
from tests.otlp_collector import running_collector

PROMISES: Final = {"metrics_and_logs": 1.0, "tracing_at_10_percent": 2.0, "tracing_off": 0.01}
"""Percent of the processor time of a track; what is off is promised to be 0, and 0.01 is what can be measured."""
_N_WARM_UP: Final = 12
_N_CALLS: Final = 100_000
_N_TRACED: Final = 2_000
_SCRAPE_EVERY_S: Final = 15.0
_N_WORKERS: Final = 3
_EXPORTED_WITHIN_S: Final = 3.0
_STAGES: Final = ("extract", "classify")
_HEADERS: Final = cloud_event("t", source="s", ce_id="i", at=datetime(2026, 1, 1, tzinfo=UTC))
_CALLS: Final = {
    "inc": (Counter, "inc"),
    "set": (Gauge, "set"),
    "observe": (Histogram, "observe"),
    "labels": (MetricWrapperBase, "labels"),
}


@contextmanager
def counted() -> Iterator[Counts[str]]:
    """Count the calls of this process by kind."""
    counts: Counts[str] = Counts()

    def counting(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def count(*arguments: object, **options: object) -> object:
            counts[name] += 1
            return call(*arguments, **options)

        return count

    originals: dict[str, tuple[Any, str, Any]] = {
        name: (owner, method, getattr(owner, method)) for name, (owner, method) in _CALLS.items()
    }
    originals["log line"] = (logging.Logger, "handle", logging.Logger.handle)
    for name, (owner, method, call) in originals.items():
        setattr(owner, method, counting(name, call))
    try:
        yield counts
    finally:
        for owner, method, call in originals.values():
            setattr(owner, method, call)


def call_us() -> dict[str, float]:
    """Microseconds of a call, by kind; of a whole scrape under ``scrape``."""
    registry = process_registry()
    stream, extractor = StreamMetrics(registry, "extractor", ends_submissions=True), ExtractorMetrics(registry)
    logger = logging.getLogger("needledrop.benchmark")
    start_logging(LogSettings(), worker="extractor")
    [handler] = logging.getLogger().handlers
    handler.setStream(io.StringIO())  # type: ignore[attr-defined]
    return {
        "inc": _each_us(lambda: stream.taken.inc(3)),
        "set": _each_us(lambda: stream.in_flight.set(3)),
        "observe": _each_us(lambda: stream.handle_seconds.observe(0.07)),
        "labels": _each_us(lambda: extractor._lookups.labels("miss")),  # noqa: SLF001 - a labelled one
        "log line": _each_us(lambda: logger.info("partitions gained", extra={"partitions": ["a/1"]})),
        "scrape": _each_us(lambda: exposition(registry), 200),
    }


def _each_us(call: Callable[[], object], n: int = _N_CALLS) -> float:
    began = time.process_time()
    for _ in range(n):
        call()
    return 1e6 * (time.process_time() - began) / n


def tracing_us() -> dict[str, float]:
    """Microseconds of processor time a track, of all workers together: off, and exporting 10 % or all of them."""
    off = Tracing()
    found = {"off": _each_us(lambda: _calls_of_a_track(off))}
    with apart(_collector) as url:
        os.environ |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            # No span is dropped because they come faster than any pipeline makes them.
            "OTEL_BSP_MAX_QUEUE_SIZE": str(20 * _N_TRACED),
        }
        for name, share in (("at_10_percent", "0.1"), ("of_all", "1.0")):
            os.environ["OTEL_TRACES_SAMPLER_ARG"] = share
            tracing = Tracing()
            tracing.start("benchmark")
            found[name] = _exported_us(tracing)
    return found


def _exported_us(tracing: Tracing) -> float:
    began = time.process_time()
    handled = [tracing.handling(name, lambda record: _calls_while_handling(tracing, record)) for name in _STAGES]
    project = tracing.handling_batches("project", lambda _records: ())
    for _ in range(_N_TRACED):
        sent = tracing.submitting(_HEADERS)
        assert sent
        sent.end(None)
        record = Record(TRACKS_SUBMITTED.name, 1, 1, 1, b"track", b"{}", sent.headers)
        for handle in handled:
            outputs = handle(record)
            tracing.committed(outputs, time.time_ns())
            record = Record(outputs[0].topic, 1, 1, 1, b"track", b"{}", outputs[0].headers)
        project([record])
    time.sleep(_EXPORTED_WITHIN_S)
    return 1e6 * (time.process_time() - began) / _N_TRACED


def _calls_while_handling(tracing: Tracing, record: Record) -> tuple[Outgoing, ...]:
    with tracing.step("fetch"):
        now = time.time_ns()
    tracing.took("decode", now, now)
    return (Outgoing(TRACKS_LABELED.name, b"track", b"", record.headers),)


def _calls_of_a_track(off: Tracing) -> None:
    off.submitting(_HEADERS)
    for _ in _STAGES:
        with off.step("fetch"):
            pass
        off.took("decode", 0, 0)
        off.committed((), 0)


@contextmanager
def _collector() -> Iterator[str]:
    with running_collector() as collector:
        yield collector.url


def measure(music: Path, n_tracks: int) -> dict[str, Any]:
    """All numbers."""
    with tempfile.TemporaryDirectory(prefix="needledrop-overhead-") as name:
        folder = Path(name)
        clips = clips_of(music, folder / "clips")
        copies = distinct_copies(clips, folder / "music", _N_WARM_UP + 2 * n_tracks)
        with whole_in_one(folder / "music") as whole:
            whole.pipeline.label_all(copies[:_N_WARM_UP])
            track_ms = sum(whole.processor_ms_a_track(copies[_N_WARM_UP : _N_WARM_UP + n_tracks]).values())
            with counted() as counts:
                began = time.monotonic()
                whole.pipeline.label_all(copies[_N_WARM_UP + n_tracks :])
                tracks_per_s = n_tracks / (time.monotonic() - began)
    calls = {name: counts[name] / n_tracks for name in (*_CALLS, "log line")}
    each_us = call_us()
    spent_us = {name: calls[name] * each_us[name] for name in calls}
    spent_us["scrape"] = _N_WORKERS * each_us["scrape"] / (_SCRAPE_EVERY_S * tracks_per_s)
    traced_us = tracing_us()
    percent = {
        "metrics_and_logs": sum(spent_us.values()) / track_ms / 10.0,
        **{f"tracing_{name}": microseconds / track_ms / 10.0 for name, microseconds in traced_us.items()},
    }
    return {
        **heading(),
        "n_tracks": n_tracks,
        "track_ms": track_ms,
        "calls_a_track": calls,
        "call_us": each_us,
        "spent_us_a_track": spent_us,
        "tracing_us_a_track": traced_us,
        "percent": percent,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, required=True, help="folder of audio of 30 s and more")
    parser.add_argument("--tracks", type=int, default=60)
    arguments = parser.parse_args()
    found = measure(arguments.music, arguments.tracks)
    print(f"{found['machine']}; {found['date']}; a track of 30 s takes {found['track_ms']:.0f} ms of processor time\n")
    print(f"{'':12}{'calls a track':>14}{'us a call':>12}{'us a track':>12}")
    for name, spent in found["spent_us_a_track"].items():
        calls = found["calls_a_track"].get(name)
        print(f"{name:12}{'' if calls is None else f'{calls:.1f}':>14}{found['call_us'][name]:12.2f}{spent:12.1f}")
    for name, microseconds in found["tracing_us_a_track"].items():
        print(f"tracing {name.replace('_', ' '):30}{microseconds:12.1f}")
    print()
    for name, percent in found["percent"].items():
        promise = f"   promised under {PROMISES[name]:g} %" if name in PROMISES else ""
        print(f"{name.replace('_', ' '):24}{percent:9.4f} %{promise}")
    write("overhead", found)
    if any(found["percent"][name] >= promise for name, promise in PROMISES.items()):
        sys.exit("a promise does not hold")


if __name__ == "__main__":
    main()
