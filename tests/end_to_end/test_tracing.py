"""Traces of real tracks, from real workers, at a collector."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from schemas.events import TrackFailed, TrackSubmitted
from schemas.headers import cloud_event
from schemas.topics import TRACKS_SUBMITTED
from shared.kafka.clients import plain_producer
from shared.kafka.records import Record
from tests.otlp_collector import CollectedSpan, Collector, running_collector

WITHIN_S = 60.0
INGEST_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
INGEST_SPAN = "00f067aa0ba902b7"
# Each span and the one that it is below.
SPANS = {
    "needledrop-submit submit": None,
    "needledrop-extractor extract": "needledrop-submit submit",
    "needledrop-extractor fetch": "needledrop-extractor extract",
    "needledrop-extractor decode": "needledrop-extractor extract",
    "needledrop-extractor dsp": "needledrop-extractor extract",
    "needledrop-extractor commit": "needledrop-extractor extract",
    "needledrop-classifier classify": "needledrop-extractor extract",
    "needledrop-classifier inference": "needledrop-classifier classify",
    "needledrop-classifier commit": "needledrop-classifier classify",
    "needledrop-projector project": "needledrop-classifier classify",
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.fixture
def traced(own_pipeline: Callable[..., Any], collector: Collector) -> Iterator[Any]:
    with own_pipeline(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="200") as running:
        yield running


def submit(pipeline: Any, path: Path, track_id: str, headers: list[tuple[str, bytes]]) -> str:
    """As an ingest system does that has headers of its own; the submission's id."""
    event = TrackSubmitted.model_validate(
        {
            "track_id": track_id,
            "uri": path.as_uri(),
            "submission_id": f"s-{track_id}",
            "submitted_at": "2026-11-26T00:00:00Z",
        }
    )
    ours = cloud_event(event.ce_type, source="ingest", ce_id=event.submission_id, at=event.submitted_at)
    producer = plain_producer(pipeline.kafka)
    producer.produce(TRACKS_SUBMITTED.name, key=track_id, value=event.to_json(), headers=[*ours, *headers])
    assert producer.flush(20) == 0
    return event.submission_id


def label_record(pipeline: Any, track_id: str) -> Record:
    for record in pipeline._until(lambda: False, WITHIN_S):
        if record.key_text == track_id:
            return record  # type: ignore[no-any-return]
    raise AssertionError(f"no outcome for {track_id}")


def test_track_is_one_trace_from_submit_to_projector(
    traced: Any, write_tune: Any, collector: Collector, tmp_path: Path
) -> None:
    path = write_tune("traced.ogg", seed=70)
    environment = {**os.environ, **traced.stack.environment(), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    command = [sys.executable, "-m", "workers.cli.main", "submit", str(path), "--id", "traced/1"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=WITHIN_S)

    record = label_record(traced, "traced/1")
    trace_id = dict(record.headers)["traceparent"].decode().split("-")[1]
    traced.eventually(lambda: len(collector.trace(trace_id)) >= len(SPANS), within_s=WITHIN_S)

    found = collector.trace(trace_id)
    names = {span.span_id: name for name, span in found.items()}
    assert {name: names.get(span.parent_id) for name, span in found.items()} == SPANS
    assert found["needledrop-submit submit"].parent_id == ""
    assert dict(record.headers)["ce_traceparent"].decode().split("-")[2] == found["needledrop-submit submit"].span_id
    assert_in_order([found[f"needledrop-{name}"] for name in ("extractor fetch", "extractor decode", "extractor dsp")])
    assert_in_order([found[f"needledrop-{name}"] for name in ("extractor extract", "extractor commit")])
    assert found["needledrop-extractor decode"].ended_ns == found["needledrop-extractor dsp"].began_ns
    assert found["needledrop-classifier classify"].attributes["needledrop.track_id"] == "traced/1"
    assert all(span.ended_ns > span.began_ns for span in found.values())

    join_the_trace_of_an_ingest_system(traced, path, collector)
    say_why_it_failed(traced, path, collector)
    leave_alone_what_is_not_sampled(traced, path, collector)


def assert_in_order(spans: list[CollectedSpan]) -> None:
    assert all(one.ended_ns <= after.began_ns + 1_000_000 for one, after in pairwise(spans))


def join_the_trace_of_an_ingest_system(traced: Any, path: Path, collector: Collector) -> None:
    """By CloudEvents' extension, as it has no `traceparent` of Kafka's."""
    began = f"00-{INGEST_TRACE}-{INGEST_SPAN}-01".encode()
    submit(traced, path, "traced/2", [("ce_traceparent", began), ("ce_tracestate", b"theirs=1")])

    headers = dict(label_record(traced, "traced/2").headers)
    traced.eventually(lambda: "needledrop-projector project" in collector.trace(INGEST_TRACE), within_s=WITHIN_S)

    assert collector.trace(INGEST_TRACE)["needledrop-extractor extract"].parent_id == INGEST_SPAN
    assert headers["traceparent"].decode().split("-")[1] == INGEST_TRACE
    assert (headers["ce_traceparent"], headers["ce_tracestate"], headers["tracestate"]) == (
        began,
        b"theirs=1",
        b"theirs=1",
    )
    # The content is known by now: nothing was decoded, nothing heard.
    assert not {name for name in collector.trace(INGEST_TRACE) if name.endswith(("decode", "dsp", "inference"))}


def say_why_it_failed(traced: Any, path: Path, collector: Collector) -> None:
    trace_id = "a" * 32
    submitted = submit(
        traced, path.with_name("gone.ogg"), "traced/3", [("traceparent", f"00-{trace_id}-{INGEST_SPAN}-01".encode())]
    )
    outcome = traced.outcomes([submitted], within_s=WITHIN_S)[submitted]
    assert isinstance(outcome, TrackFailed)
    traced.eventually(lambda: "needledrop-extractor extract" in collector.trace(trace_id), within_s=WITHIN_S)

    assert collector.trace(trace_id)["needledrop-extractor extract"].error == "not_found"


def leave_alone_what_is_not_sampled(traced: Any, path: Path, collector: Collector) -> None:
    trace_id = "b" * 32
    submit(traced, path, "traced/4", [("traceparent", f"00-{trace_id}-{INGEST_SPAN}-00".encode())])

    assert dict(label_record(traced, "traced/4").headers)["traceparent"].decode().split("-")[1] == trace_id
    submit(traced, path, "traced/5", [("traceparent", f"00-{'c' * 32}-{INGEST_SPAN}-01".encode())])
    traced.eventually(lambda: "needledrop-projector project" in collector.trace("c" * 32), within_s=WITHIN_S)
    assert collector.trace(trace_id) == {}


def test_trace_of_others_travels_on_when_tracing_is_off(pipeline: Any, write_tune: Any) -> None:
    path = write_tune("untraced.ogg", seed=71)
    theirs = [("traceparent", f"00-{INGEST_TRACE}-{INGEST_SPAN}-01".encode()), ("ce_traceparent", b"00-theirs")]

    submit(pipeline, path, "untraced/1", theirs)

    assert [header for header in label_record(pipeline, "untraced/1").headers if header in theirs] == theirs
