"""Labels of an ensemble that is about to be replaced, as the JSON of the event."""

from typing import Any

from schemas.origin import Coordinates
from schemas.topics import TRACKS_SUBMITTED


def label_fields(track_id: str, *, offset: int, **changes: Any) -> dict[str, Any]:
    """A label of version 1.9; ``changes`` name fields, with __ between the steps: ``versions__ensemble="2"``."""
    fields: dict[str, Any] = {
        "track_id": track_id,
        "submission": {
            "submission_id": f"s-{track_id}",
            "submitted_at": "2026-11-01T12:00:00Z",
            "uri": "https://example.org/a.ogg",
            "title": "So What",
            "year": 1959,
            "attributes": {"library": "vinyl"},
            "coordinates": Coordinates(topic=TRACKS_SUBMITTED.name, partition=0, offset=offset).model_dump(),
        },
        "labeled_at": "2026-11-01T12:00:01Z",
        "from_cache": False,
        "timings": {},
        "genres": [{"genre": "jazz", "probability": 0.9}],
        "unsure": False,
        "tags": {"genre": [], "mood": [], "instrument": [], "voice": [], "era": []},
        "features": {},
        "audio": {
            "content_hash": "c" * 64,
            "size_bytes": 1,
            "container": "ogg",
            "sample_rate_hz": 44100,
            "n_channels": 2,
            "duration_s": 30.0,
        },
        "analysed": {
            "policy": "p",
            "decoded_s": 30.0,
            "cut": False,
            "excerpt_start_s": 0.0,
            "excerpt_duration_s": 30.0,
            "n_patches": 10,
        },
        "versions": {"ensemble": "1.9", "ensemble_digest": "a" * 64, "features": "3", "taxonomy": "1"},
    }
    for path, value in changes.items():
        *steps, last = path.split("__")
        place = fields
        for step in steps:
            place = place[step]
        place[last] = value
    return fields
