"""Ids for clients of Spotify."""

import re
from typing import Any

import pytest

from tests.catalog_events import label
from workers.catalog.public_ids import Places, album_id_of, artist_id_of, digest, track_id_of
from workers.catalog.rows import Row, Vocabulary, row_of


def row(track_id: str, **changes: Any) -> Row:
    return row_of(track_id, label(track_id, **changes), Vocabulary())


@pytest.mark.parametrize(
    ("track_id", "spotify_id", "expected"),
    [
        ("any/thing.ogg", "11dFghVXANMlKmJXsNCbNl", "11dFghVXANMlKmJXsNCbNl"),
        ("0009fFIM1eYThaPg", "", "0009fFIM1eYThaPg"),
        ("0009fFIM1eYThaPg", "not base62!", "0009fFIM1eYThaPg"),
        ("any/thing.ogg", "", digest("track", "any/thing.ogg")),
    ],
)
def test_a_track_keeps_the_best_id_that_clients_accept(track_id: str, spotify_id: str, expected: str) -> None:
    assert track_id_of(row(track_id, submission_spotify_id=spotify_id)) == expected


def test_digests_are_as_long_as_spotifys_and_differ_by_kind_and_text() -> None:
    ids = {digest(kind, text) for kind in ("track", "artist") for text in ("", "a", "b", "é" * 300)}

    assert len(ids) == 8
    assert all(re.fullmatch("[0-9A-Za-z]{22}", one) for one in ids)


def test_an_artist_is_the_same_in_any_case_and_albums_are_of_their_artist() -> None:
    assert artist_id_of("Nina Simone") == artist_id_of("nina simone")
    one = row("a", submission_artist="A", submission_album="Hits")
    other = row("b", submission_artist="B", submission_album="Hits")
    assert album_id_of(one) != album_id_of(other)


def test_places_come_and_go_one_by_one_also_for_an_artist_with_very_many_tracks() -> None:
    places = Places()
    for slot in range(50_000):
        places.add("various", slot)
    for slot in range(49_998):
        places.remove("various", slot)

    assert places.of("various") == (49_998, 49_999)
    places.remove("various", 49_998)
    places.remove("various", 49_999)
    places.remove("various", 49_999)
    assert places.of("various") == ()
