"""Events for tests: one written out, and as many as hypothesis likes."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import strategies as st

from schemas.event_model import Event
from schemas.events import TrackFailed, TrackFeatures, TrackLabeled, TrackSubmitted

MAX_INT64 = 2**63 - 1

probabilities = st.floats(0, 1)
not_negative = st.floats(0, 1e12)
counts = st.integers(0, MAX_INT64)
texts = st.text(max_size=40)  # hypothesis leaves out surrogates, which are no text
sha256s = st.text("0123456789abcdef", min_size=64, max_size=64)
ids = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=256)
moments = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.timezones() | st.just(UTC))  # noqa: DTZ001 - bounds have none


def _sometimes(**fields: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """Fields that may be absent."""
    return {name: st.none() | values for name, values in fields.items()}


def _mapping(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


_described = _sometimes(
    title=texts,
    artist=texts,
    album=texts,
    year=st.integers(0, 9999),
    isrc=st.text(max_size=32),
    spotify_id=st.text(max_size=64),
    attributes=st.dictionaries(st.text(min_size=1, max_size=20), texts, max_size=6),
    replay_of=ids,
    relabel_of=ids,
)
_coordinates = _mapping(topic=st.just("tracks.submitted.v1"), partition=st.integers(0, 2**31 - 1), offset=counts)
_submission = _mapping(submission_id=ids, submitted_at=moments, uri=texts, coordinates=_coordinates, **_described)
_genres = st.lists(_mapping(genre=texts, probability=probabilities), max_size=4)
_tags = st.lists(_mapping(tag=texts, probability=probabilities), max_size=3)
_features = _mapping(
    **_sometimes(
        danceability=probabilities,
        energy=probabilities,
        key=st.integers(-1, 11),
        loudness=st.floats(-200, 200),
        mode=st.integers(0, 1),
        valence=probabilities,
        tempo=not_negative,
        time_signature=st.integers(3, 7),
        duration_ms=counts,
        confidence=st.dictionaries(texts, probabilities, max_size=3),
        tempo_alternative=_mapping(bpm=not_negative, weight=probabilities),
    )
)
_audio = _mapping(
    content_hash=sha256s,
    size_bytes=counts,
    container=texts,
    sample_rate_hz=st.integers(1, MAX_INT64),
    n_channels=st.integers(1, 64),
    duration_s=not_negative,
)
_analysed = _mapping(
    policy=texts,
    decoded_s=not_negative,
    cut=st.booleans(),
    excerpt_start_s=not_negative,
    excerpt_duration_s=not_negative,
    n_patches=counts,
)
_result: dict[str, st.SearchStrategy[Any]] = {
    "genres": _genres,
    "tags": _mapping(genre=_tags, mood=_tags, instrument=_tags, voice=_tags, era=_tags),
    "features": _features,
    "audio": _audio,
    "analysed": _analysed,
    "versions": _mapping(ensemble=texts, ensemble_digest=sha256s, features=texts, taxonomy=texts),
    **_sometimes(
        unsure=st.booleans(),
        disagreement=not_negative,
        segments=st.lists(_mapping(start_s=not_negative, duration_s=not_negative, genres=_genres), max_size=2),
        embedding=st.text("ABCDabcd+/", max_size=16),
    ),
}
_timings = _mapping(**_sometimes(fetch_s=not_negative, analyse_s=not_negative, inference_s=not_negative))
_FIELDS: dict[type[Event], st.SearchStrategy[dict[str, Any]]] = {
    TrackSubmitted: _mapping(
        track_id=ids, uri=st.text(min_size=1), submission_id=ids, submitted_at=moments, **_described
    ),
    TrackFeatures: _mapping(
        track_id=ids,
        submission=_submission,
        policy=texts,
        timings=_timings,
        **_sometimes(
            audio=_audio,
            analysed=_analysed,
            features=_features,
            signal=st.dictionaries(texts, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
            features_version=texts,
            earlier_result=_mapping(**_result),
        ),
    ),
    TrackLabeled: _mapping(
        track_id=ids, submission=_submission, labeled_at=moments, from_cache=st.booleans(), timings=_timings, **_result
    ),
    TrackFailed: _mapping(
        track_id=st.text(max_size=256),
        reason=texts,
        message=texts,
        stage=texts,
        attempts=st.integers(1, 99),
        failed_at=moments,
        submission=st.none() | _submission,
        coordinates=_coordinates,
        record_sha256=sha256s,
        record_size_bytes=counts,
    ),
}


@pytest.fixture(scope="session")
def any_event() -> Callable[[type[Event]], st.SearchStrategy[Event]]:
    """All valid events of a kind."""
    return lambda kind: _FIELDS[kind].map(kind.model_validate)


@pytest.fixture
def submitted_fields() -> dict[str, Any]:
    """The least that a TrackSubmitted holds, as JSON has it."""
    return {
        "track_id": "track-1",
        "uri": "https://me:secret@example.org/a.mp3?X-Amz-Signature=secret",
        "submission_id": "submission-1",
        "submitted_at": "2026-01-02T03:04:05+02:00",
    }
