from pathlib import Path

import numpy as np

from training.data.report import shared_artists
from training.data.splits import FRACTIONS, with_splits
from training.data.tracks import Split, Track, tag_counts


def _tracks(n: int, n_artists: int, seed: int) -> list[Track]:
    """Long-tailed tags that follow the artist, as genres do."""
    rng = np.random.default_rng(seed)
    tags = [f"tag{i}" for i in range(20)]
    habit = {a: rng.choice(20, size=3, p=np.arange(20, 0, -1) / 210) for a in range(n_artists)}
    found = []
    for i in range(n):
        artist = int(rng.integers(n_artists))
        own = {tags[j] for j in habit[artist] if rng.random() < 0.7} or {tags[0]}
        track = Track(track_id=f"t{i}", audio=Path(f"{i}.ogg"), tags=tuple(sorted(own)), artist=f"a{artist}")
        found.append(track)
    return found


def test_no_artist_is_in_two_splits_and_every_tag_has_its_share() -> None:
    tracks = _tracks(2_000, 300, seed=1)

    split = with_splits(tracks, seed=0)

    assert shared_artists(split) == {}
    totals = tag_counts(tracks)
    for name, fraction in FRACTIONS.items():
        here = [track for track in split if track.split is name]
        assert abs(len(here) / len(tracks) - fraction) < 0.03
        counts = tag_counts(here)
        for tag, total in totals.items():
            assert abs(counts.get(tag, 0) / total - fraction) < 0.05, (name, tag)


def test_splits_depend_on_the_seed_alone_and_not_on_the_order() -> None:
    tracks = _tracks(300, 60, seed=2)

    def by_id(found: list[Track]) -> dict[str, Split | None]:
        return {track.track_id: track.split for track in found}

    assert by_id(with_splits(tracks, seed=5)) == by_id(with_splits(tracks[::-1], seed=5))
    assert by_id(with_splits(tracks, seed=5)) != by_id(with_splits(tracks, seed=6))


def test_track_without_an_artist_is_an_artist_of_its_own() -> None:
    tracks = [Track(track_id=f"t{i}", audio=Path("x"), tags=("rock",)) for i in range(20)]

    found = [track.split for track in with_splits(tracks, seed=0)]

    assert {name: found.count(name) for name in Split} == {Split.TRAIN: 14, Split.VALIDATION: 3, Split.TEST: 3}
