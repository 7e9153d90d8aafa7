import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.errors import InvalidEventError
from schemas.origin import (
    COORDINATES_HEADER,
    POSITION_HEADER,
    SUBMISSION_HEADER,
    Coordinates,
    Origin,
    Position,
)

MAX_INT64 = 2**63 - 1
int64s = st.integers(0, MAX_INT64)
positions = st.builds(Position, int64s, int64s)
ORIGIN = Origin(
    "Größe\u2603", Position(1_767_323_045_000, 15), Coordinates(topic="tracks.submitted.v1", partition=3, offset=15)
)


@given(positions, positions)
@example(Position(9_999_999_999_999_999, 0), Position(10_000_000_000_000_000, 0))
@example(Position(1, 9), Position(1, 10))
@example(Position(0, MAX_INT64), Position(1, 0))
def test_the_text_of_a_position_sorts_as_the_position_does(one: Position, other: Position) -> None:
    assert (str(one) < str(other)) == (one < other)
    assert (str(one).encode() < str(other).encode()) == (one < other)
    assert len(str(one)) == len(str(other))


@given(positions)
def test_a_position_is_itself_after_a_trip_through_text(position: Position) -> None:
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize(
    "text",
    ["", "-", "1", "1-", "-1", "a-1", "1-1-1", "-1-1", "1--1", "1 - 1", "\u0661-\u0662", "1" * 5000 + "-1", "1-1\n"],
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(InvalidEventError, match=f"^{POSITION_HEADER}: "):
        Position.parse(text)


@given(
    st.builds(
        Coordinates,
        topic=st.from_regex(r"\A[a-zA-Z0-9._-]{1,249}\Z"),
        partition=st.integers(0, 2**31 - 1),
        offset=int64s,
    )
)
def test_coordinates_are_themselves_after_a_trip_through_text(coordinates: Coordinates) -> None:
    assert Coordinates.parse(str(coordinates)) == coordinates


@pytest.mark.parametrize(
    "text", ["", "t", "t:1", "t:1:", ":1:2", "t:-1:2", "t:1:2:3", "t:1:x", "t:1:2\n", "t:1:" + "9" * 5000, "ü:1:2"]
)
def test_what_are_no_coordinates_is_refused(text: str) -> None:
    with pytest.raises(InvalidEventError, match=f"^{COORDINATES_HEADER}: "):
        Coordinates.parse(text)


def test_an_origin_is_itself_after_a_trip_through_headers_among_others() -> None:
    headers = [("traceparent", b"00-1"), *ORIGIN.headers(), ("ce_id", b"\xff")]

    assert Origin.from_headers(headers) == ORIGIN


@pytest.mark.parametrize("name", [SUBMISSION_HEADER, POSITION_HEADER, COORDINATES_HEADER])
@pytest.mark.parametrize(("value", "fault"), [(None, "is missing"), (b"\xff\xfe", "is not UTF-8")])
def test_a_header_that_is_missing_or_no_text_is_named(name: str, value: bytes | None, fault: str) -> None:
    headers = [(other, text) for other, text in ORIGIN.headers() if other != name]
    if value is not None:
        headers.append((name, value))

    with pytest.raises(InvalidEventError, match=f"^header {name} {fault}$"):
        Origin.from_headers(headers)
