import pytest

from workers.trends.offsets import Fetched, committable, lag


@pytest.mark.parametrize(
    ("handled", "fetched", "expected"),
    [
        pytest.param(None, None, None, id="nothing is known"),
        pytest.param(4, None, 5, id="no position yet"),
        pytest.param(None, Fetched(7, None, 7), 7, id="only markers and aborted records so far"),
        pytest.param(None, Fetched(7, 5, 7), None, id="nothing that was returned is handled"),
        pytest.param(4, Fetched(7, 5, 7), 5, id="the last returned is not handled"),
        pytest.param(5, Fetched(7, 5, 7), 7, id="all is handled and a marker follows"),
        pytest.param(6, Fetched(6, 5, 7), 7, id="handled more than this note knows of"),
        pytest.param(5, Fetched(9, 8, 9), 6, id="fetched on while the rest waits"),
    ],
)
def test_committable_is_the_position_only_when_all_that_was_returned_is_handled(
    handled: int | None, fetched: Fetched | None, expected: int | None
) -> None:
    assert committable(handled, fetched) == expected


@pytest.mark.parametrize(
    ("committed", "fetched", "expected"),
    [
        (5, Fetched(7, 5, 9), 4),
        (9, Fetched(9, 8, 9), 0),
        (9, Fetched(9, 8, 7), 0),
        (None, Fetched(7, 5, 9), None),
        (5, Fetched(7, 5, None), None),
        (5, None, None),
    ],
)
def test_lag_is_known_when_both_ends_are(committed: int | None, fetched: Fetched | None, expected: int | None) -> None:
    assert lag(committed, fetched) == expected
