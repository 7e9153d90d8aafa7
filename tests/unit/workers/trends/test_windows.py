from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from workers.trends.windows import (
    HOUR_S,
    MINUTE_S,
    Count,
    Sighting,
    WindowKey,
    changelog_sources,
    count,
    is_kept,
    kept_s,
    merged,
    outdated,
    partition_of,
    sums,
    window_at,
)

NOON = 1_767_268_800  # 2026-01-01T12:00:00Z
JAZZ = (("genre", "jazz"),)


@pytest.mark.parametrize(
    ("timestamp_s", "window_s", "expected"),
    [
        (NOON, MINUTE_S, (NOON, NOON + 60)),
        (NOON + 59.999, MINUTE_S, (NOON, NOON + 60)),
        (NOON + 60, MINUTE_S, (NOON + 60, NOON + 120)),
        (NOON + 3599.9, HOUR_S, (NOON, NOON + 3600)),
    ],
)
def test_window_holds_its_start_and_not_its_end(timestamp_s: float, window_s: int, expected: tuple[int, int]) -> None:
    assert window_at(timestamp_s, window_s) == expected


def test_count_adds_one_under_each_name_of_a_record() -> None:
    table: dict[WindowKey, Count] = {}

    assert count(table, MINUTE_S, Sighting(3, 17, NOON + 1.5), (*JAZZ, ("unsure", "yes")))

    window = (NOON, NOON + 60)
    assert table == {("3|genre|jazz", window): [1, 17], ("3|unsure|yes", window): [1, 17]}


def test_count_does_nothing_when_the_record_was_counted_before() -> None:
    table: dict[WindowKey, Count] = {}
    count(table, MINUTE_S, Sighting(0, 5, NOON), JAZZ)
    before = dict(table)

    assert not count(table, MINUTE_S, Sighting(0, 5, NOON), JAZZ)
    assert not count(table, MINUTE_S, Sighting(0, 4, NOON), JAZZ)
    assert table == before


def test_count_leaves_earlier_values_as_they_are() -> None:
    table: dict[WindowKey, Count] = {}
    count(table, MINUTE_S, Sighting(0, 5, NOON), JAZZ)
    [earlier] = table.values()

    count(table, MINUTE_S, Sighting(0, 6, NOON), JAZZ)

    assert earlier == [1, 5]


@given(
    records=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(("jazz", "rock", "pop"))), max_size=40),
    kills=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6),
)
def test_counts_are_exact_when_processes_die_between_writing_and_committing(
    records: list[tuple[int, str]], kills: list[tuple[int, int]]
) -> None:
    """A process counts from the committed offset, writes, and dies before or after it commits; the next one follows."""
    written: dict[WindowKey, Count] = {}
    committed = 0
    for n_handled, n_committed in kills:
        table = dict(written)
        handled = min(committed + n_handled, len(records))
        for offset in range(committed, handled):
            partition, genre = records[offset]
            count(table, HOUR_S, Sighting(partition, offset, NOON), (("genre", genre),))
        written = table
        committed = min(committed + n_committed, handled)
    for offset in range(committed, len(records)):
        partition, genre = records[offset]
        count(written, HOUR_S, Sighting(partition, offset, NOON), (("genre", genre),))

    found = sums(written.items(), since_s=NOON, until_s=NOON + HOUR_S, partitions=frozenset(range(3)))

    assert found.of("genre") == Counter(genre for _, genre in records)


def test_sums_add_up_the_windows_inside_and_the_partitions_that_are_ours() -> None:
    table: dict[WindowKey, Count] = {
        ("0|genre|jazz", (NOON, NOON + 60)): [2, 9],
        ("1|genre|jazz", (NOON + 60, NOON + 120)): [3, 9],
        ("1|failure|a|b", (NOON + 60, NOON + 120)): [7, 9],
        ("2|genre|jazz", (NOON, NOON + 60)): [100, 9],
        ("0|genre|rock", (NOON - 60, NOON)): [100, 9],
        ("0|genre|pop", (NOON + 120, NOON + 180)): [100, 9],
    }

    found = sums(table.items(), since_s=NOON, until_s=NOON + 120, partitions=frozenset((0, 1)))

    assert found == {"genre": {"jazz": 5}, "failure": {"a|b": 7}}


def test_merged_adds_names_of_the_same_kind() -> None:
    both = merged(({"genre": Counter(jazz=1)}, {"genre": Counter(jazz=2, rock=1), "failure": Counter(not_found=4)}))

    assert both == {"genre": {"jazz": 3, "rock": 1}, "failure": {"not_found": 4}}
    assert both.of("mood") == {}


def test_partition_of_a_key_is_its_first_part() -> None:
    assert partition_of(("11|genre|jazz", (0, 60))) == 11


@pytest.mark.parametrize(
    ("age_s", "expected"), [(0, True), (3720, True), (3721, False), (-HOUR_S, True), (-HOUR_S - 1, False)]
)
def test_record_is_kept_while_its_windows_are_and_its_clock_is_believable(age_s: int, *, expected: bool) -> None:
    assert is_kept(NOON - age_s, kept_s=3720, now_s=NOON) is expected


@given(st.floats(0, 2 * HOUR_S), st.sampled_from((MINUTE_S, HOUR_S)))
def test_record_that_is_kept_never_falls_into_an_outdated_window(age_s: float, window_s: int) -> None:
    kept = kept_s(window_s, 2)
    timestamp_s = NOON - age_s

    if is_kept(timestamp_s, kept_s=kept, now_s=NOON):
        assert outdated([("0|genre|jazz", window_at(timestamp_s, window_s))], kept_s=kept, now_s=NOON) == []


def test_outdated_windows_are_those_that_ended_long_ago() -> None:
    old, new = ("0|genre|jazz", (NOON - 120, NOON - 60)), ("0|genre|jazz", (NOON - 60, NOON))

    assert outdated([old, new], kept_s=60, now_s=NOON) == [old]


def test_every_changelog_names_the_topic_whose_partitions_it_needs() -> None:
    assert changelog_sources("needledrop-trends") == {
        "needledrop-trends-tracks.labeled.v1-by-minute-changelog": TRACKS_LABELED.name,
        "needledrop-trends-tracks.labeled.v1-by-hour-changelog": TRACKS_LABELED.name,
        "needledrop-trends-tracks.failed.v1-by-minute-changelog": TRACKS_FAILED.name,
        "needledrop-trends-tracks.failed.v1-by-hour-changelog": TRACKS_FAILED.name,
    }
