"""Scores of all tracks, of those whose genre can be heard, and of those that the ensemble is sure of."""

import json

import pytest

from shared.evaluation.evaluation import Said, evaluated

GENRES = ("jazz", "rock")


def said(genre: str, jazz: float, *, unsure: bool = False, group: str | None = None) -> Said:
    return Said(f"{genre}.ogg", genre, group, {"jazz": jazz, "rock": 1 - jazz}, unsure)


TRACKS = [said("jazz", 0.9), said("jazz", 0.4, unsure=True), said("rock", 0.2), said("latin", 0.8)]


def test_tracks_of_genres_that_cannot_be_heard_count_as_missed_and_are_left_out_once() -> None:
    evaluation = evaluated(TRACKS, GENRES, n_resamples=50)

    assert evaluation.inaudible == ("latin",)
    assert (evaluation.scores.n, evaluation.scores.top1) == (4, 2 / 4)
    assert evaluation.scores.balanced_accuracy == pytest.approx((0.5 + 0 + 1) / 3)
    assert evaluation.audible
    assert (evaluation.audible.n, evaluation.audible.top1) == (3, 2 / 3)
    assert evaluation.audible.balanced_accuracy == pytest.approx((0.5 + 1) / 2)


def test_tracks_are_counted_by_whether_the_ensemble_was_sure() -> None:
    evaluation = evaluated(TRACKS, GENRES, n_resamples=50)

    assert (evaluation.sure.n, evaluation.sure.n_right) == (3, 2)
    assert evaluation.sure.right == pytest.approx(2 / 3)
    assert (evaluation.unsure.n, evaluation.unsure.right) == (1, 0)


def test_nothing_that_can_be_heard_leaves_no_second_score() -> None:
    assert evaluated([said("latin", 0.8)], GENRES, n_resamples=0).audible is None


def test_fields_are_strict_json_with_every_track() -> None:
    fields = json.loads(json.dumps(evaluated(TRACKS, GENRES, n_resamples=50).fields(), allow_nan=False))

    assert fields["all"]["confusion"] == [[1, 1], [1, 0], [0, 1]]
    assert fields["audible"]["intervals"]["top1"]["low"] <= 0.6667 <= fields["audible"]["intervals"]["top1"]["high"]
    latin = next(genre for genre in fields["all"]["per_genre"] if genre["genre"] == "latin")
    assert latin["precision"] is None
    assert [track["said"] for track in fields["tracks"]] == ["jazz", "rock", "rock", "jazz"]
    assert fields["unsure"] == {"n": 1, "top1": 0.0}


def test_groups_reach_the_scores() -> None:
    tracks = [said("jazz", 0.9, group="a"), said("jazz", 0.1, group="b"), said("jazz", 0.1, group="b")]

    assert evaluated(tracks, GENRES, n_resamples=0).scores.group_top1 == pytest.approx((1 + 0) / 2)
    assert evaluated(TRACKS, GENRES, n_resamples=50).scores.group_top1 is None
