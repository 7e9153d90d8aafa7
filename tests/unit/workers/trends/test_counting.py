import json

import pytest

from schemas.errors import FailureReason, InvalidEventError
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED, TRACKS_SUBMITTED
from workers.trends.counting import genres, moods, names_in, reasons


def a_label(**changes: object) -> bytes:
    return json.dumps(
        {
            "track_id": "t",
            "submission": {
                "submission_id": "s",
                "submitted_at": "2026-01-01T00:00:00Z",
                "uri": "file:///a.ogg",
                "coordinates": {"topic": "tracks.submitted.v1", "partition": 0, "offset": 0},
            },
            "labeled_at": "2026-01-01T00:00:01Z",
            "from_cache": False,
            "timings": {},
            "genres": [{"genre": "jazz", "probability": 0.7}, {"genre": "pop", "probability": 0.3}],
            "tags": {},
            "features": {},
            "audio": {
                "content_hash": "0" * 64,
                "size_bytes": 1,
                "container": "ogg",
                "sample_rate_hz": 44_100,
                "n_channels": 2,
                "duration_s": 30.0,
            },
            "analysed": {
                "policy": "standard",
                "decoded_s": 30.0,
                "cut": False,
                "excerpt_start_s": 0.0,
                "excerpt_duration_s": 30.0,
                "n_patches": 10,
            },
            "versions": {"ensemble": "1", "ensemble_digest": "0" * 64, "features": "1", "taxonomy": "1"},
            **changes,
        }
    ).encode()


def a_failure(reason: str) -> bytes:
    return json.dumps(
        {
            "track_id": "t",
            "reason": reason,
            "message": "",
            "stage": "extractor",
            "attempts": 1,
            "failed_at": "2026-01-01T00:00:01Z",
            "coordinates": {"topic": "tracks.submitted.v1", "partition": 0, "offset": 0},
            "record_sha256": "0" * 64,
            "record_size_bytes": 0,
        }
    ).encode()


def test_label_counts_as_its_best_genre_alone() -> None:
    assert names_in(TRACKS_LABELED.name, a_label()) == (("genre", "jazz"),)


def test_label_counts_as_its_most_likely_mood_and_as_unsure_when_it_has_these() -> None:
    tags = {"mood": [{"tag": "sad", "probability": 0.4}, {"tag": "happy", "probability": 0.2}]}

    names = names_in(TRACKS_LABELED.name, a_label(tags=tags, unsure=True))

    assert names == (("genre", "jazz"), ("mood", "sad"), ("unsure", "yes"))


@pytest.mark.parametrize("listed", [[], [{"genre": "a genre|of tomorrow", "probability": 1.0}]])
def test_label_counts_as_other_when_its_genre_is_unknown_or_missing(listed: list[object]) -> None:
    assert names_in(TRACKS_LABELED.name, a_label(genres=listed)) == (("genre", "other"),)


def test_label_counts_as_mood_other_when_its_mood_is_unknown() -> None:
    tags = {"mood": [{"tag": "of tomorrow", "probability": 0.4}]}

    assert ("mood", "other") in names_in(TRACKS_LABELED.name, a_label(tags=tags))


@pytest.mark.parametrize(("reason", "name"), [("not_found", "not_found"), ("of_tomorrow", "other")])
def test_failure_counts_as_its_reason(reason: str, name: str) -> None:
    assert names_in(TRACKS_FAILED.name, a_failure(reason)) == (("failure", name),)


@pytest.mark.parametrize("topic", [TRACKS_LABELED.name, TRACKS_FAILED.name])
@pytest.mark.parametrize("value", [b"", b"no json", b"[1, 2]", b"{}", b"null", b"\xff"])
def test_value_that_is_no_event_is_an_invalid_event(topic: str, value: bytes) -> None:
    with pytest.raises(InvalidEventError):
        names_in(topic, value)


def test_topic_that_is_not_followed_is_a_bug() -> None:
    with pytest.raises(ValueError, match=r"tracks\.submitted\.v1"):
        names_in(TRACKS_SUBMITTED.name, b"{}")


def test_names_are_closed_sets_with_a_place_for_what_is_new() -> None:
    assert {"jazz", "hip-hop", "other"} <= set(genres())
    assert {"happy", "party", "other"} <= set(moods())
    assert set(reasons()) == {*FailureReason, "other"}
    assert all("|" not in name for name in (*genres(), *moods(), *reasons()))
