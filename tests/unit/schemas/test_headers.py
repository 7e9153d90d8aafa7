from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from schemas.headers import MAX_TRAVELLING_BYTES, cloud_event, derived_id, travelling
from schemas.origin import Coordinates, Origin, Position

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))


def test_a_cloud_event_has_the_headers_of_the_kafka_binding() -> None:
    headers = cloud_event("needledrop.track.labeled.v1", source="needledrop/classifier", ce_id="s/classifier", at=AT)

    assert headers == [
        ("ce_specversion", b"1.0"),
        ("ce_type", b"needledrop.track.labeled.v1"),
        ("ce_source", b"needledrop/classifier"),
        ("ce_id", b"s/classifier"),
        ("ce_time", b"2026-01-02T01:04:05+00:00"),
        ("content-type", b"application/json"),
    ]


def test_an_id_is_the_same_for_the_same_submission_and_stage_wherever_its_record_lies() -> None:
    first = Origin("s", Position(1, 2), Coordinates(topic="t", partition=0, offset=2))
    again = Origin("s", Position(9, 9), Coordinates(topic="t", partition=1, offset=9))

    assert derived_id(first, "extractor") == derived_id(again, "extractor")
    assert derived_id(first, "extractor") != derived_id(first, "classifier")


def test_headers_of_others_travel_in_order_and_twice_when_they_come_twice() -> None:
    ours = [*cloud_event("a", source="b", ce_id="c", at=AT.astimezone(UTC)), ("needledrop_position", b"1-1")]
    theirs = [("traceparent", b"00-1"), ("tenant", b"\xff"), ("traceparent", b"00-2")]

    assert travelling([*ours[:3], theirs[0], *ours[3:], *theirs[1:]]) == theirs


@given(st.lists(st.tuples(st.text(max_size=20), st.integers(0, 5000).map(bytes)), max_size=12))
def test_what_travels_is_the_beginning_of_it_and_fits_in_bytes(headers: list[tuple[str, bytes]]) -> None:
    headers = [(f"x{name}", value) for name, value in headers]

    kept = travelling(headers)

    assert kept == headers[: len(kept)]
    assert sum(len(name.encode()) + len(value) for name, value in kept) <= MAX_TRAVELLING_BYTES
    if len(kept) < len(headers):
        one_more = headers[: len(kept) + 1]
        assert sum(len(name.encode()) + len(value) for name, value in one_more) > MAX_TRAVELLING_BYTES
