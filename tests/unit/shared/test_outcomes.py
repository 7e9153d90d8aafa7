import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import NotFoundError, UnreachableError
from schemas.events import Submission, TrackFailed, TrackLabeled, TrackSubmitted
from schemas.headers import MAX_TRAVELLING_BYTES
from schemas.origin import Coordinates, Origin, Position
from schemas.topics import TRACKS_FAILED, TRACKS_FEATURES, TRACKS_LABELED, TRACKS_SUBMITTED
from shared.kafka.records import Outgoing, Record
from shared.outcomes import failed, origin_of, outgoing

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
COORDINATES = Coordinates(topic="tracks.submitted.v1", partition=3, offset=15)
ORIGIN = Origin("submission-1", Position(1_767_323_045_000, 15), COORDINATES)


def a_record(topic: str = TRACKS_SUBMITTED.name, **fields: Any) -> Record:
    given: dict[str, Any] = {
        "partition": 3,
        "offset": 15,
        "timestamp_ms": 1_767_323_045_000,
        "key": b"track-1",
        "value": b"abc",
    }
    return Record(topic=topic, **given | fields)


def a_failure(record: Record, error: Exception, submission: Submission | None = None) -> TrackFailed:
    return failed(record, error, stage="extractor", at=AT, coordinates=COORDINATES, submission=submission, attempts=2)


def the_largest_submission(character: str) -> Submission:
    """Every field as long as a submission may have it, all in one character."""
    event = TrackSubmitted(
        track_id="\U0001f3b5" * 256,
        uri="file:///" + character * 4000,
        submission_id="\U0001f3b5" * 256,
        submitted_at=AT,
        replay_of="\U0001f3b5" * 256,
        relabel_of="\U0001f3b5" * 256,
        title=character * 1024,
        artist=character * 1024,
        album=character * 1024,
        year=9999,
        isrc=character * 32,
        spotify_id=character * 64,
        attributes={f"{number:02d}": character * 126 for number in range(32)},
    )
    return Submission.of(event, COORDINATES)


def size_of(out: Outgoing) -> int:
    """Bytes of a record, framing left out."""
    headers = sum(len(name.encode()) + len(value) for name, value in out.headers)
    return len(out.key) + len(out.value or b"") + headers


# JSON writes a control character as six bytes, a quotation mark as two, a note as four.
@pytest.mark.parametrize("character", ["\x01", '"', "\U0001f3b5"])
def test_the_largest_failure_fits_its_topic(character: str) -> None:
    travelling = [("x" * 96, bytes(MAX_TRAVELLING_BYTES - 96)), ("one", b"too many")]
    record = a_record(key=b"\xff" * 10_000_000, value=bytes(10), headers=travelling)
    submission = the_largest_submission(character)
    origin = Origin(submission.submission_id, Position(2**63 - 1, 2**63 - 1), COORDINATES)
    failure = a_failure(record, NotFoundError(character * 1_000_000), submission)

    out = outgoing(TRACKS_FAILED, record, failure.to_json(), origin=origin, stage="extractor", at=AT)

    assert TRACKS_FAILED.max_message_bytes is not None
    assert 30_000 < size_of(out) < TRACKS_FAILED.max_message_bytes / 2  # the rest is for fields to come
    assert TrackFailed.from_json(out.value or b"") == failure


@pytest.mark.parametrize("character", ["\x01", '"', "\U0001f3b5"])
def test_the_largest_label_fits_its_topic(character: str) -> None:
    probability = 0.12345678901234567
    one = [{"genre": "x" * 40, "probability": probability}] * 20
    tags = [{"tag": "x" * 40, "probability": probability}] * 200
    label = TrackLabeled.model_validate(
        {
            "track_id": "\U0001f3b5" * 256,
            "submission": the_largest_submission(character),
            "labeled_at": AT,
            "from_cache": False,
            "timings": {},
            "genres": one * 5,
            "tags": dict.fromkeys(("genre", "mood", "instrument", "voice", "era"), tags),
            "features": {},
            "segments": [{"start_s": probability, "duration_s": 3.0, "genres": one[:3]}] * 2400,  # 2 hours of 3 s each
            "embedding": "A" * 16_000,  # 6,000 numbers of two bytes
            "audio": {"content_hash": "0" * 64, "size_bytes": 1, "container": "x" * 100, "sample_rate_hz": 1}
            | {"n_channels": 1, "duration_s": 1.0},
            "analysed": {"policy": "full", "decoded_s": 1.0, "cut": True, "excerpt_start_s": 1.0}
            | {"excerpt_duration_s": 1.0, "n_patches": 10},
            "versions": {"ensemble": "x" * 100, "ensemble_digest": "0" * 64, "features": "x", "taxonomy": "x"},
        }
    )

    out = outgoing(TRACKS_LABELED, a_record(), label.to_json(), origin=ORIGIN, stage="classifier", at=AT)

    assert TRACKS_LABELED.max_message_bytes is not None
    assert 500_000 < size_of(out) < TRACKS_LABELED.max_message_bytes


def test_a_submission_stands_for_itself_until_its_event_says_its_id() -> None:
    record = a_record(headers=ORIGIN.headers())  # whoever submits may send what they like

    assert origin_of(record) == Origin("tracks.submitted.v1:3:15", Position(1_767_323_045_000, 15), COORDINATES)


def test_a_later_record_descends_from_what_its_headers_say() -> None:
    assert origin_of(a_record(TRACKS_FEATURES.name, headers=ORIGIN.headers(), offset=99)) == ORIGIN


@pytest.mark.parametrize(
    "headers", [(), ORIGIN.headers()[:2], [("needledrop_position", b"\xff"), *ORIGIN.headers()[:1]]]
)
def test_a_later_record_without_whole_headers_stands_for_itself(headers: list[tuple[str, bytes]]) -> None:
    origin = origin_of(a_record(TRACKS_FEATURES.name, headers=headers, timestamp_ms=-1))

    assert origin.submission_id == "tracks.features.v1:3:15"
    assert origin.position == Position(0, 15)


def test_an_outcome_has_key_headers_and_the_headers_of_others() -> None:
    record = a_record(headers=[("traceparent", b"00-1"), ("ce_id", b"theirs"), ("needledrop_position", b"theirs")])

    out = outgoing(TRACKS_FEATURES, record, b"value", origin=ORIGIN, stage="extractor", at=AT)

    assert (out.topic, out.key, out.value) == ("tracks.features.v1", b"track-1", b"value")
    headers = dict(out.headers)
    assert len(headers) == len(out.headers)
    assert headers["ce_type"] == b"needledrop.track.features.v1"
    assert headers["ce_source"] == b"needledrop/extractor"
    assert headers["ce_id"] == b"submission-1/extractor"
    assert headers["content-type"] == b"application/vnd.needledrop.features+safetensors"
    assert headers["traceparent"] == b"00-1"
    assert Origin.from_headers(out.headers) == ORIGIN


def test_a_tombstone_says_where_it_comes_from() -> None:
    record = a_record(value=None)

    out = outgoing(TRACKS_LABELED, record, None, origin=origin_of(record), stage="classifier", at=AT)

    assert out.value is None
    assert Origin.from_headers(out.headers).position == record.position
    assert dict(out.headers)["content-type"] == b"application/json"


def test_a_key_that_can_be_no_track_id_is_cut_to_one_that_can_be_none_either() -> None:
    out = outgoing(TRACKS_FAILED, a_record(key=b"x" * 5000), b"", origin=ORIGIN, stage="extractor", at=AT)

    longest_track_id = "\U0001f3b5" * 256
    assert len(out.key) == len(longest_track_id.encode()) + 1


def test_a_record_without_a_key_has_an_outcome_with_an_empty_one() -> None:
    record = a_record(key=None)

    assert outgoing(TRACKS_FAILED, record, b"", origin=ORIGIN, stage="extractor", at=AT).key == b""
    assert a_failure(record, NotFoundError("gone")).track_id == ""


@pytest.mark.parametrize(
    ("error", "reason"),
    [(NotFoundError("there is no /a.ogg"), "not_found"), (UnreachableError("no answer"), "unreachable")],
)
def test_an_error_of_ours_becomes_its_reason_and_its_words(error: Exception, reason: str) -> None:
    failure = a_failure(a_record(), error)

    assert (failure.reason, failure.message) == (reason, str(error))
    assert (failure.track_id, failure.stage, failure.attempts, failure.failed_at) == ("track-1", "extractor", 2, AT)
    assert failure.coordinates == COORDINATES
    # SHA-256 of "abc": FIPS 180-2, appendix B.1
    assert failure.record_sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert failure.record_size_bytes == 3


def test_a_bug_of_ours_says_no_more_than_its_kind() -> None:
    failure = a_failure(a_record(), ValueError("https://me:secret@example.org"))

    assert failure.reason == "internal_error"
    assert "ValueError in the extractor" in failure.message
    assert "secret" not in failure.to_json().decode()


@given(
    message=st.text(st.characters()), key=st.binary() | st.none()
)  # st.characters() has surrogates, unlike st.text()
def test_any_message_and_key_make_a_failure_that_forges_no_line(message: str, key: bytes | None) -> None:
    failure = a_failure(a_record(key=key), NotFoundError(message))

    written = json.loads(failure.to_json())
    for text in (written["message"], written["track_id"]):
        assert not any(ord(character) < 32 and character not in "\t\n" for character in text)
        assert not any(0x7F <= ord(character) < 0xA0 for character in text)
    assert len(written["message"]) == min(len(message), 2048)


def test_half_a_surrogate_pair_of_a_file_name_is_replaced() -> None:
    assert a_failure(a_record(), NotFoundError("there is no /\udcff.ogg")).message == "there is no / .ogg"
