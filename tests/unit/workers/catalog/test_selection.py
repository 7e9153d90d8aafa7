"""Selections against the same question asked of plain Python objects."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog_events import label
from workers.catalog.columns import Columns
from workers.catalog.rows import Vocabulary, row_of
from workers.catalog.selection import Mark, Order, Selection, facets, mark_of, page, selected


def columns_of(**tracks: dict[str, Any]) -> Columns:
    """Columns with these tracks, by id."""
    columns = Columns(Vocabulary())
    for n, (track_id, changes) in enumerate(tracks.items(), start=1):
        columns.put(row_of(track_id, label(track_id, n, **changes), columns.vocabulary))
    return columns


def chosen(columns: Columns, **wanted: Any) -> set[str]:
    return {columns.row(int(slot)).track_id for slot in np.flatnonzero(selected(columns, Selection(**wanted)))}


def genres(**probabilities: float) -> list[dict[str, Any]]:
    return [{"genre": genre, "probability": value} for genre, value in probabilities.items()]


@pytest.fixture
def columns() -> Columns:
    return columns_of(
        a={"genres": genres(jazz=0.9), "features": {"tempo": 90.0, "energy": 0.2}, "submission_title": "Água"},
        b={"genres": genres(jazz=0.5, rock=0.4), "features": {"tempo": 120.0}, "submission_artist": "The Agua"},
        c={"genres": genres(rock=0.8), "features": {"tempo": 150.0, "energy": 0.9}, "unsure": True},
        d={"genres": [], "features": {}, "tags": {"mood": [{"tag": "happy", "probability": 0.3}]}},
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "abcd"),
        ({"genres": ("jazz",)}, "ab"),
        ({"genres": ("jazz", "rock")}, "abc"),
        ({"not_genres": ("jazz",)}, "cd"),
        ({"genres": ("never heard of",)}, ""),
        ({"ranges": {"tempo": (90.0, 120.0)}}, "ab"),
        ({"ranges": {"energy": (None, 0.5)}}, "a"),
        ({"ranges": {"confidence": (0.6, None)}}, "ac"),
        ({"unsure": False}, "abd"),
        ({"tags": ("happy",)}, "d"),
        ({"tags": ("mood:happy",)}, "d"),
        ({"tags": ("mellow",), "min_tag": 0.5}, "abc"),
        ({"tags": ("mellow",), "min_tag": 0.6}, ""),
        ({"not_tags": ("mellow",)}, "d"),
        ({"tags": ("genre:jazz",)}, ""),
        ({"text": "AGUA"}, "ab"),
        ({"text": "agua the"}, "b"),
    ],
)
def test_a_selection_takes_what_it_says(columns: Columns, wanted: dict[str, Any], expected: str) -> None:
    assert chosen(columns, **wanted) == set(expected)


def test_a_removed_track_is_in_no_selection_and_its_slot_serves_the_next(columns: Columns) -> None:
    columns.remove("d")
    assert chosen(columns) == set("abc")

    columns.put(row_of("e", label("e"), columns.vocabulary))
    assert columns.n_slots == 4
    assert chosen(columns, tags=("happy",)) == set()
    assert chosen(columns) == set("abce")


def test_columns_keep_what_they_hold_when_they_grow() -> None:
    columns = Columns(Vocabulary())
    for n in range(3000):
        columns.put(row_of(f"t{n}", label(f"t{n}", n, features={"tempo": float(n)}), columns.vocabulary))

    assert len(columns) == columns.alive.sum() == 3000
    assert chosen(columns, ranges={"tempo": (2.0, 3.0)}) == {"t2", "t3"}


def test_facets_count_the_selection(columns: Columns) -> None:
    found = facets(columns, selected(columns, Selection()))

    assert found.genres == {"jazz": 2, "rock": 1}
    assert found.tags["mood"] == {"mellow": 3, "happy": 1}
    assert sum(found.histograms["tempo"]) == 3
    assert found.histograms["energy"][4] == found.histograms["energy"][18] == 1
    assert found.histograms["tempo"][(120 - 40) // 10] == 1
    assert facets(columns, selected(columns, Selection(genres=("rock",)))).genres == {"rock": 1}


def test_what_lies_outside_a_histogram_counts_in_its_outermost_bins() -> None:
    columns = columns_of(a={"features": {"loudness": -90.0}}, b={"features": {"loudness": 3.0}})

    histogram = facets(columns, columns.alive).histograms["loudness"]
    assert (histogram[0], histogram[-1], sum(histogram)) == (1, 1, 2)


titles = st.text("aäbz ", max_size=9)
tempos = st.none() | st.sampled_from([90.0, 100.0, 100.5])


@given(
    tracks=st.lists(st.tuples(titles, tempos), max_size=20),
    by=st.sampled_from(["title", "tempo"]),
    descending=st.booleans(),
    limit=st.integers(1, 7),
)
def test_pages_by_cursor_give_every_track_once_in_order(
    tracks: list[tuple[str, float | None]], by: str, descending: bool, limit: int
) -> None:
    columns = columns_of(
        **{
            f"t{n}": {"submission_title": title, "features": {"tempo": tempo}}
            for n, (title, tempo) in enumerate(tracks)
        }
    )
    order, mark, found = Order(by, descending), None, []
    while (slots := page(columns, columns.alive, order, mark, limit)).size:
        assert slots.size <= limit
        found += [int(slot) for slot in slots]
        mark = mark_of(columns, found[-1], order)

    assert sorted(found) == list(range(len(tracks)))
    marks = [mark_of(columns, slot, order) for slot in found]
    known = [(one.value, one.tie) for one in marks if one.value is not None]
    assert known == sorted(known, reverse=descending)
    assert [one.value is None for one in marks] == sorted(one.value is None for one in marks)


def test_pages_of_very_many_equal_tracks_give_each_once() -> None:
    columns = columns_of(**{f"t{n}": {"features": {"mode": n % 2}} for n in range(50)})
    for descending in (False, True):
        order, mark, found = Order("mode", descending), None, []
        while (slots := page(columns, columns.alive, order, mark, 7)).size:
            found += slots.tolist()
            mark = mark_of(columns, found[-1], order)
        assert sorted(found) == list(range(50))
        modes = [int(columns.number("mode")[slot]) for slot in found]
        assert modes == sorted(modes, reverse=descending)


def test_tags_are_counted_from_the_asked_probability_on(columns: Columns) -> None:
    everything = selected(columns, Selection())
    assert facets(columns, everything, min_tag=0.9999).tags["mood"].get("mellow", 0) == 0
    assert facets(columns, everything, min_tag=0.0001).tags["mood"]["mellow"] == 3


def test_a_page_goes_on_behind_a_track_that_was_deleted_meanwhile() -> None:
    columns = columns_of(**{f"t{n}": {"features": {"tempo": float(n)}} for n in range(5)})
    order = Order("tempo", descending=False)
    mark = mark_of(columns, columns.slot_of("t1") or 0, order)
    columns.remove("t1")

    assert [columns.row(slot).track_id for slot in page(columns, columns.alive, order, mark, 2)] == ["t2", "t3"]
    assert page(columns, columns.alive, order, Mark(None, 2**60), 2).size == 0
