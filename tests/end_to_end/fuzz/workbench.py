"""The real handlers, without Kafka between them: the extractor over its doors and decoding processes, the classifier
with its networks, the projector; and one spoiled input after another for them."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.errors import FailureReason, InvalidEventError, PermanentError
from schemas.events import TrackFailed, TrackLabeled
from schemas.tensors import decode_features
from schemas.topics import TRACKS_FAILED, TRACKS_FEATURES, TRACKS_LABELED, TRACKS_SUBMITTED
from shared.kafka.records import Outgoing, Record
from shared.metrics.classifier import ClassifierMetrics
from shared.metrics.exposition import Registry
from shared.metrics.extractor import ExtractorMetrics
from shared.metrics.stream import StreamMetrics
from shared.models.sessions import load_running_ensemble
from shared.redis.newest import NewestSubmissions
from shared.redis.results import RedisResultCache
from shared.settings.media import MediaSettings
from shared.settings.redis import RedisSettings
from tests.end_to_end.fuzz.mutations import (
    spoiled,
    spoiled_event,
    spoiled_headers,
    spoiled_uri,
    with_ogg_sums,
)
from tests.end_to_end.fuzz.seeds import long_seeds, seeds
from tests.end_to_end.fuzz.spoiling_server import SpoilingServer
from workers.classifier.handler import Classifier
from workers.classifier.labeler import Labeler
from workers.extractor.conditions import Conditions
from workers.extractor.extraction import Extraction
from workers.extractor.handler import Extractor
from workers.extractor.sources.audio_source import AudioSource
from workers.projector.handler import view_of

# A reason of the closed list; `internal_error` is on it, and says that we have a bug.
EXPECTED_REASONS = frozenset(FailureReason) - {FailureReason.INTERNAL_ERROR}
_HEADERS = [("ce_id", b"1"), ("ce_type", b"needledrop.track.submitted.v1"), ("traceparent", b"00-0af7-b7ad-01")]
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
_OTHER_RESPONSES = [
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"HTTP/9.9 999 \xff\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
]


@dataclass
class Workbench:
    """Feeds spoiled inputs of a kind to a handler; says what came of one, and raises AssertionError for a breach."""

    root: Path
    extract: Callable[[Record], Sequence[Outgoing]]
    classify: Callable[[Record], Sequence[Outgoing]]
    whole: Mapping[str, bytes]
    server: SpoilingServer
    source: AudioSource
    excerpts: Extraction
    features: bytes = b""
    label: bytes = b""
    failure: bytes = b""
    kinds: dict[str, Callable[[random.Random, int], str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kinds = {
            "audio": self._audio,
            "event": self._event,
            "uri": self._uri,
            "headers": self._headers,
            "http": self._http,
            "features": self._features,
            "outcome": self._outcome,
            "excerpt": self._excerpt,
        }
        good = self.root / "good.flac"
        good.write_bytes(self.whole["flac-pcm16"])
        record = self.submission(good.as_uri(), 0)
        [features] = self.extract(record)
        [label] = self.classify(_following(features, TRACKS_FEATURES.name))
        assert (features.topic, label.topic) == (TRACKS_FEATURES.name, TRACKS_LABELED.name)
        [failure] = self.extract(self.submission("file:///nowhere", 0))
        self.features, self.label, self.failure = features.value or b"", label.value or b"", failure.value or b""

    def _audio(self, chance: random.Random, number: int) -> str:
        name = chance.choice(sorted(self.whole))
        content = spoiled(chance, self.whole[name], list(self.whole.values()))
        if name.startswith("ogg") and chance.random() < 0.7:
            content = with_ogg_sums(content)
        path = self.root / f"{number}-{name}"
        path.write_bytes(content)
        try:
            return f"{name}: {self._extracted(self.submission(path.as_uri(), number))}"
        finally:
            path.unlink()

    def _excerpt(self, chance: random.Random, number: int) -> str:
        """Under the policy that decodes the middle alone, so that what a header claims decides where to seek."""
        name = chance.choice(sorted(long_seeds()))
        path = self.root / f"{number}-{name}"
        path.write_bytes(with_ogg_sums(spoiled(chance, long_seeds()[name], list(self.whole.values()))))
        try:
            with self.source.fetch(path.as_uri()) as fetched:
                self.excerpts(fetched)
        except PermanentError as error:
            return f"{name}: {error.reason.value}"
        finally:
            path.unlink()
        return f"{name}: features"

    def _event(self, chance: random.Random, number: int) -> str:
        record = self.submission((self.root / "good.flac").as_uri(), number)
        key = chance.choice((record.key, None, b"", b"\xff\xfe", b"k" * 5000, record.key))
        return self._extracted(replace(record, key=key, value=spoiled_event(chance, _fields(number))))

    def _uri(self, chance: random.Random, number: int) -> str:
        good = [(self.root / "good.flac").as_uri(), self.server.uri, "s3://bucket/key", "https://example.org/a.mp3"]
        uri = spoiled_uri(chance, good)
        try:
            record = self.submission(uri, number)
        except UnicodeEncodeError:
            return "no event"  # half of a surrogate pair, which no JSON has
        [outcome] = self.extract(record)
        if "?" in uri.partition("hunter3")[0]:
            assert b"hunter3" not in (outcome.value or b""), outcome
        return self._extracted(record)

    def _headers(self, chance: random.Random, number: int) -> str:
        record = self.submission("file:///nowhere", number)
        record = replace(record, headers=tuple(spoiled_headers(chance, _HEADERS)), timestamp_ms=chance.choice((-1, 5)))
        if chance.random() < 0.5:
            return self._extracted(record)
        [failure] = self.extract(self.submission("file:///nowhere", number))
        headers = tuple(spoiled_headers(chance, failure.headers))
        return self._projected(replace(_following(failure, TRACKS_FAILED.name), headers=headers))

    def _http(self, chance: random.Random, number: int) -> str:
        audio = self.whole["mp3"]
        answer = spoiled(chance, _RESPONSE % len(audio) + audio, _OTHER_RESPONSES)
        return self._extracted(self.submission(self.server.serving(number, answer), number))

    def _features(self, chance: random.Random, number: int) -> str:
        headers = spoiled_headers(chance, _HEADERS)
        value = spoiled(chance, self.features, [self.label, self.failure])
        record = Record(TRACKS_FEATURES.name, 0, number, 5, f"track-{number}".encode(), value, tuple(headers))
        [outcome] = self.classify(record)
        if outcome.topic == TRACKS_FAILED.name:
            return _reason(outcome)
        assert outcome.topic == TRACKS_LABELED.name
        TrackLabeled.from_json(outcome.value or b"")
        return "label"

    def _outcome(self, chance: random.Random, number: int) -> str:
        topic, value = chance.choice(((TRACKS_LABELED.name, self.label), (TRACKS_FAILED.name, self.failure)))
        headers = [*_HEADERS, ("needledrop_submission", b"s"), ("needledrop_position", b"5-7")]
        headers += [("needledrop_coordinates", b"tracks.submitted.v1:0:7")]
        if chance.random() < 0.5:
            headers = spoiled_headers(chance, headers)
        record = Record(topic, 0, number, 5, b"track", spoiled(chance, value, [self.features]), tuple(headers))
        return self._projected(record)

    def _extracted(self, record: Record) -> str:
        [outcome] = self.extract(record)
        assert outcome.key == (record.key or b"")[: len(outcome.key)]
        if outcome.topic == TRACKS_FAILED.name:
            return _reason(outcome)
        assert outcome.topic == TRACKS_FEATURES.name
        if outcome.value is None:
            return "tombstone"
        decode_features(outcome.value)
        return "features"

    def _projected(self, record: Record) -> str:
        try:
            view = view_of(record)
        except InvalidEventError:
            return "no event of ours"
        return "view" if view else "no view"

    def submission(self, uri: str, number: int) -> Record:
        """A record as whoever submits writes it."""
        fields = _fields(number) | {"uri": uri}
        value = json.dumps(fields, ensure_ascii=False).encode()
        return Record(TRACKS_SUBMITTED.name, 0, number, 5, fields["track_id"].encode(), value, tuple(_HEADERS))


def _fields(number: int) -> dict[str, Any]:
    return {
        "track_id": f"track-{number}",
        "uri": "file:///nowhere",
        "submission_id": f"submission-{number}",
        "submitted_at": "2026-01-01T00:00:00Z",
        "title": "A title",
        "year": 1999,
        "attributes": {"shelf": "7"},
    }


def _following(outcome: Outgoing, topic: str) -> Record:
    return Record(topic, 0, 0, 5, outcome.key, outcome.value, tuple(outcome.headers))


def _reason(outcome: Outgoing) -> str:
    failure = TrackFailed.from_json(outcome.value or b"")
    assert failure.reason in EXPECTED_REASONS, failure
    return failure.reason


@contextmanager
def workbench(
    root: Path,
    ensemble_folder: Path,
    redis_url: str,
    on_restart: Callable[[str], object],
    *,
    decode_timeout_s: float,
) -> Iterator[Workbench]:
    """The handlers, wired as their workers wire them, with limits for small inputs."""
    media = MediaSettings(
        roots=(root,),
        allow_private_addresses=True,  # or no spoiled answer would be read
        max_bytes=4_000_000,
        read_timeout_s=0.5,
        total_timeout_s=2.0,
        max_redirects=2,
        decode_timeout_s=decode_timeout_s,
    )
    redis = RedisSettings(url=redis_url)
    running = load_running_ensemble(ensemble_folder)
    registry, stop = Registry(), threading.Event()
    with ExitStack() as parts:
        extraction = parts.enter_context(Extraction(running.ensemble, media, n_processes=2, on_restart=on_restart))
        middle = media.model_copy(update={"excerpt_only": True})
        excerpts = parts.enter_context(Extraction(running.ensemble, middle, n_processes=1, on_restart=on_restart))
        source = AudioSource(media)
        parts.callback(source.close)
        conditions = Conditions(NewestSubmissions(redis, TRACKS_SUBMITTED.name), lambda *_: [], stop)
        parts.callback(conditions.close)
        parts.callback(stop.set)
        server = parts.enter_context(SpoilingServer())
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        parts.callback(serving.join)
        parts.callback(server.shutdown)
        extract = Extractor(
            source,
            extraction,
            RedisResultCache(redis),
            conditions,
            ExtractorMetrics(registry),
            StreamMetrics(registry, "extractor"),
            ensemble_digest=running.ensemble.digest,
            result_version=extraction.features_version,
            retry_budget_s=0.0,
            now=_now,
            stop=stop,
        )
        classify = Classifier(
            Labeler(running, calibration=None),
            {front_end.name: front_end for front_end in running.ensemble.front_ends},
            RedisResultCache(redis),
            ClassifierMetrics(registry),
            StreamMetrics(Registry(), "classifier"),
            now=_now,
        )
        while not (extraction.ready() and excerpts.ready()):  # all of them: some tests count processes
            time.sleep(0.01)
        yield Workbench(root, extract, classify, seeds(), server, source, excerpts)


def _now() -> datetime:
    return datetime.now(UTC)
