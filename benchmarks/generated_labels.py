"""Labels of tracks that do not exist, of the size and spread of real ones: for loads, not for looking at."""

import json

import numpy as np

from schemas.origin import Coordinates, Origin, Position
from schemas.topics import TRACKS_LABELED
from shared.kafka.records import Record

GENRES = (
    *("rock", "pop", "electronic", "hip-hop", "jazz", "classical", "metal", "country", "blues", "folk"),
    *("soul-rnb", "funk", "punk", "indie", "ambient", "world"),
)
TAGS = {"mood": 17, "instrument": 14, "voice": 6, "era": 6, "genre": 32}
N_GENERATED_TAGS = sum(TAGS.values())
WORDS = ("love", "blue", "night", "river", "stone", "dance", "rain", "gold", "heart", "train", "moon", "summer")
_UNIT_FEATURES = (
    *("danceability", "energy", "speechiness", "acousticness", "instrumentalness", "liveness", "valence"),
)


def record_of_label(rng: np.random.Generator, number: int, submission: int) -> Record:
    """The label of track ``number`` as a record; ``submission`` orders it among others."""
    track_id = f"track-{number}"
    coordinates = {"topic": "tracks.submitted.v1", "partition": 0, "offset": submission}
    label = {
        "track_id": track_id,
        "submission": {
            "submission_id": f"submission-{submission}",
            "submitted_at": "2026-01-02T03:04:05Z",
            "uri": f"file:///music/{number:06}.mp3",
            "coordinates": coordinates,
            "title": " ".join(rng.choice(WORDS, 3)) + f" {number}",
            "artist": f"Artist {int(rng.pareto(1.2) * 50)}",
            "album": f"Album {number // 10}",
            "year": int(rng.integers(1955, 2025)),
        },
        "labeled_at": "2026-01-02T03:05:05Z",
        "from_cache": False,
        "timings": {},
        **_result(rng, number),
    }
    origin = Origin(f"submission-{submission}", Position(submission, 0), Coordinates(**coordinates))
    value = json.dumps(label).encode()
    return Record(TRACKS_LABELED.name, 0, submission, submission, track_id.encode(), value, tuple(origin.headers()))


def _result(rng: np.random.Generator, number: int) -> dict[str, object]:
    probabilities = np.sort(rng.dirichlet(np.full(len(GENRES), 0.15)))[::-1]
    genres = zip(rng.permutation(GENRES).tolist(), probabilities.round(6).tolist(), strict=True)
    features: dict[str, float | int] = dict(zip(_UNIT_FEATURES, rng.beta(2, 2, 7).round(4).tolist(), strict=True))
    features |= {
        "key": int(rng.integers(12)),
        "mode": int(rng.integers(2)),
        "loudness": round(float(rng.normal(-12, 5)), 3),
        "tempo": round(min(max(rng.normal(120, 25), 40.0), 240.0), 3),
        "time_signature": 4,
        "duration_ms": int(rng.integers(60_000, 400_000)),
    }
    return {
        "genres": [{"genre": genre, "probability": value} for genre, value in genres],
        "unsure": bool(probabilities[0] < 0.4),
        "tags": {kind: _tags(rng, kind, n) for kind, n in TAGS.items()},
        "features": features,
        "audio": {
            "content_hash": f"{number:064x}",
            "size_bytes": 1_000_000,
            "container": "mp3/mp3",
            "sample_rate_hz": 44_100,
            "n_channels": 2,
            "duration_s": 30.0,
        },
        "analysed": {
            "policy": "default",
            "decoded_s": 30.0,
            "cut": False,
            "excerpt_start_s": 0.0,
            "excerpt_duration_s": 30.0,
            "n_patches": 10,
        },
        "versions": {"ensemble": "e", "ensemble_digest": "0" * 64, "features": "1", "taxonomy": "1"},
    }


def _tags(rng: np.random.Generator, kind: str, n: int) -> list[dict[str, object]]:
    values = np.sort(rng.beta(0.3, 4, n))[::-1].round(6)
    names = rng.permutation(n)
    return [{"tag": f"{kind}{name}", "probability": float(value)} for name, value in zip(names, values, strict=True)]
