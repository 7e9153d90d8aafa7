"""Labels, failures and deletions for tests of whoever reads them, as events and as records."""

from datetime import UTC, datetime
from typing import Any

from schemas.events import TrackFailed, TrackLabeled
from schemas.origin import Coordinates, Origin, Position
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.records import Record


def label(track_id: str = "track-1", n: int = 1, **changes: Any) -> TrackLabeled:
    """A label of the ``n``-th submission; ``changes`` replace fields, `submission_<field>` those of the submission."""
    submission = {
        "submission_id": f"submission-{n}",
        "submitted_at": "2026-01-02T03:04:05Z",
        "uri": f"file:///music/{track_id}.ogg",
        "coordinates": {"topic": "tracks.submitted.v1", "partition": 0, "offset": n},
    }
    for name in [name for name in changes if name.startswith("submission_")]:
        submission[name.removeprefix("submission_")] = changes.pop(name)
    fields = {
        "track_id": track_id,
        "submission": submission,
        "labeled_at": datetime.fromtimestamp(1_700_000_000 + n, UTC),
        "from_cache": False,
        "timings": {},
        "genres": [{"genre": "jazz", "probability": 0.75}, {"genre": "blues", "probability": 0.25}],
        "unsure": False,
        "tags": {"mood": [{"tag": "mellow", "probability": 0.5}]},
        "features": {"tempo": 120.0, "energy": 0.5, "valence": 0.25, "key": 9, "mode": 0, "duration_ms": 180_000},
        "audio": {
            "content_hash": f"{n:064x}",
            "size_bytes": 1,
            "container": "ogg/vorbis",
            "sample_rate_hz": 44_100,
            "n_channels": 2,
            "duration_s": 180.0,
        },
        "analysed": {
            "policy": "whole",
            "decoded_s": 180.0,
            "cut": False,
            "excerpt_start_s": 75.0,
            "excerpt_duration_s": 30.0,
            "n_patches": 10,
        },
        "versions": {"ensemble": "e", "ensemble_digest": "0" * 64, "features": "1", "taxonomy": "1"},
    }
    return TrackLabeled.model_validate(fields | changes)


def failure(track_id: str = "track-1", n: int = 1, reason: str = "not_found") -> TrackFailed:
    """The failure of the ``n``-th submission."""
    return TrackFailed(
        track_id=track_id,
        reason=reason,
        message=f"failure of {track_id}",
        stage="extractor",
        attempts=1,
        failed_at=datetime.fromtimestamp(1_700_000_000 + n, UTC),
        coordinates=Coordinates(topic="tracks.submitted.v1", partition=0, offset=n),
        record_sha256="0" * 64,
        record_size_bytes=1,
    )


def record(topic: str, track_id: str, n: int, value: bytes | None, *, offset: int = 0) -> Record:
    """A record about the ``n``-th submission."""
    coordinates = Coordinates(topic="tracks.submitted.v1", partition=0, offset=n)
    headers = Origin(f"submission-{n}", Position(n, 0), coordinates).headers()
    return Record(topic, 0, offset, n, track_id.encode(), value, tuple(headers))


def labeled(track_id: str, n: int, **changes: Any) -> Record:
    return record(TRACKS_LABELED.name, track_id, n, label(track_id, n, **changes).to_json())


def deleted(track_id: str, n: int) -> Record:
    return record(TRACKS_LABELED.name, track_id, n, None)


def failed(track_id: str, n: int, reason: str = "not_found") -> Record:
    return record(TRACKS_FAILED.name, track_id, n, failure(track_id, n, reason).to_json())
