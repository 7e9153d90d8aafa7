"""Similarity against its definition, and rankings that do not repeat themselves."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.catalog_events import label
from workers.catalog.columns import Columns
from workers.catalog.rows import Vocabulary, row_of
from workers.catalog.similarity import (
    FEATURES,
    GENRES,
    TAGS,
    feature_similarities,
    genre_similarities,
    ranked,
    reasons,
    seed_of,
    similarities,
)


def columns_of(**tracks: dict[str, Any]) -> Columns:
    columns = Columns(Vocabulary())
    for n, (track_id, changes) in enumerate(tracks.items(), start=1):
        columns.put(row_of(track_id, label(track_id, n, **changes), columns.vocabulary))
    return columns


def genres(**probabilities: float) -> list[dict[str, Any]]:
    return [{"genre": genre, "probability": value} for genre, value in probabilities.items()]


def moods(**probabilities: float) -> dict[str, Any]:
    return {"mood": [{"tag": tag, "probability": value} for tag, value in probabilities.items()]}


A = {"genres": genres(jazz=0.64, rock=0.36), "tags": moods(sad=0.09, slow=0.16), "features": {"tempo": 100.0}}
B = {"genres": genres(jazz=0.25, rock=0.75), "tags": moods(sad=0.25), "features": {"tempo": 150.0}}


def test_each_kind_of_evidence_is_what_its_definition_says() -> None:
    columns = columns_of(a=A, b=B)
    seed = seed_of(columns, [columns.row(0)])

    by_genres = similarities(columns, seed, {GENRES: 1.0})
    by_tags = similarities(columns, seed, {TAGS: 1.0})
    by_features = similarities(columns, seed, {FEATURES: 1.0})

    assert by_genres == pytest.approx([1.0, 0.8 * 0.5 + 0.6 * 0.75**0.5], abs=1e-6)
    assert by_tags == pytest.approx([1.0, 0.3 * 0.5 / (0.5 * 0.5)], abs=1e-6)
    # log2(1.5) = 0.585 octaves up, which is 0.415 below the next octave.
    assert by_features == pytest.approx([1.0, 1 - (1 - np.log2(1.5)) / 0.5], abs=1e-4)


def test_similarity_is_symmetric_and_greatest_with_itself() -> None:
    columns = columns_of(a=A, b=B, c={"genres": genres(metal=1.0), "tags": {}, "features": {"energy": 0.9}})
    table = np.array([similarities(columns, seed_of(columns, [columns.row(slot)])) for slot in range(3)])

    assert table[:2, :2] == pytest.approx(table[:2, :2].T, abs=1e-5)
    assert (table.argmax(axis=1) == np.arange(3)).all()
    assert (table >= 0).all()
    assert (table <= 1).all()


def test_half_and_double_tempo_are_the_same_tempo() -> None:
    columns = columns_of(a={"features": {"tempo": 60.0}}, b={"features": {"tempo": 240.0}}, c={"features": {}})

    assert feature_similarities(columns, {"tempo": 120.0}) == pytest.approx([1.0, 1.0, 0.0])


def test_a_genre_as_a_seed_is_the_root_of_its_probability() -> None:
    columns = columns_of(a=A, b=B)
    jazz = columns.word("genre:jazz")
    assert jazz is not None

    assert genre_similarities(columns, jazz) == pytest.approx([0.8, 0.5])


def test_the_same_content_is_recommended_once() -> None:
    audio = label().audio.model_dump()
    columns = columns_of(a=A, b=A | {"audio": audio}, c=A | {"audio": audio}, d=B)
    scores = similarities(columns, seed_of(columns, [columns.row(0)]))

    slots = [slot for slot, _ in ranked(columns, scores, columns.alive, 10)]
    assert len(slots) == len(set(slots)) == 2


def test_no_artist_comes_twice_in_a_row_while_there_is_another() -> None:
    tracks = {f"x{n}": A | {"submission_artist": "X"} for n in range(4)}
    columns = columns_of(**tracks, y=B | {"submission_artist": "Y"}, z=B | {"submission_artist": "Z"})
    scores = similarities(columns, seed_of(columns, [columns.row(0)]))

    artists = [columns.row(slot).artist for slot, _ in ranked(columns, scores, columns.alive, 5)]
    assert artists[0] == "X"
    assert all(one != other for one, other in pairwise(artists))


def test_a_near_duplicate_waits_for_what_is_different() -> None:
    columns = columns_of(
        seed={"genres": genres(jazz=1.0), "tags": moods(sad=0.5)},
        twin={"genres": genres(jazz=1.0), "tags": moods(sad=0.5)},
        again={"genres": genres(jazz=1.0), "tags": moods(sad=0.5)},
        other={"genres": genres(jazz=0.9, blues=0.1), "tags": moods(slow=0.5)},
    )
    mask = columns.alive.copy()
    mask[0] = False
    scores = np.array([1.0, 0.9, 0.89, 0.8], np.float32)

    assert [columns.row(slot).track_id for slot, _ in ranked(columns, scores, mask, 3)] == ["twin", "other", "again"]


def test_reasons_name_what_two_tracks_share() -> None:
    columns = columns_of(
        a={"features": {"tempo": 100.0, "energy": 0.2}, "submission_artist": "Nina"},
        b={"features": {"tempo": 104.0, "energy": 0.25}, "submission_artist": "nina"},
        c={"genres": genres(metal=1.0), "tags": {}, "features": {"tempo": 180.0}},
    )

    assert reasons(columns, 1, [0]) == ["same artist", "same genre, jazz", "both mellow", "4 BPM apart"]
    assert reasons(columns, 2, [0]) == []
