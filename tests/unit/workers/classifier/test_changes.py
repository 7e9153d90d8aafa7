"""When a track is said to change its genre on the way."""

import numpy as np
import pytest

from schemas.taxonomy import default_taxonomy
from workers.classifier.changes import all_differ, runs
from workers.classifier.evidence import Member
from workers.classifier.fusion import Fusion

TAXONOMY = default_taxonomy()
CLIPS = Member(name="clips", vocabulary="MTT", tags=tuple(TAXONOMY.vocabularies["MTT"].tags))
CALM, CLUB = {"classical": 0.8, "violin": 0.5}, {"techno": 0.9, "beat": 0.8}


def said_to_change(pattern: str) -> bool:
    """Whether a track changes whose patches are calm (C), of a club (t for techno), or in between (-)."""
    table = TAXONOMY.vocabularies["MTT"].known
    heard: dict[str, dict[str, float]] = {"C": CALM, "t": CLUB, "-": {}}
    patches = [[heard[c].get(tag, table[tag].prior or 0.0) for tag in CLIPS.tags] for c in pattern]
    return Fusion(TAXONOMY, [CLIPS])({"clips": np.array(patches)}).changes


@pytest.mark.parametrize("pattern", ["CCCCCttttt", "CCCttttttt", "CCCttttCCC", "CCCCtttt", "CCCCC" * 9 + "ttttt" * 9])
def test_track_changes_when_its_parts_are_clearly_of_different_genres(pattern: str) -> None:
    assert said_to_change(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "CCCCCCCCCC",
        "CtCtCtCtCt",  # single patches differ, parts do not
        "CCttCCttCC",
        "CCCCCCCCCt",  # a last chord
        "CCCCC-----",  # the second part is of no genre
        "Ct",  # 3 s each
    ],
)
def test_track_does_not_change_when_only_patches_differ(pattern: str) -> None:
    assert not said_to_change(pattern)


@pytest.mark.parametrize(
    ("first", "second", "differs"),
    [
        ([0.65, 0.2, 0.15], [0.2, 0.65, 0.15], True),
        ([0.6, 0.3, 0.1], [0.2, 0.6, 0.2], False),  # the other's genre is half as probable here
        ([0.2, 0.6, 0.2], [0.6, 0.3, 0.1], False),
        ([0.4, 0.1, 0.5], [0.1, 0.8, 0.1], True),  # a rival that leads nowhere does not matter
        ([0.34, 0.1, 0.56], [0.2, 0.1, 0.34], False),
    ],
)
def test_runs_differ_when_each_first_genre_is_clearly_ahead_of_the_others(
    first: list[float], second: list[float], differs: bool
) -> None:
    assert all_differ(np.array([first, second]), lowest=0.35) is differs
    assert all_differ(np.array([second, first]), lowest=0.35) is differs


@pytest.mark.parametrize(("n_patches", "n_ways"), [(1, 0), (3, 0), (4, 1), (10, 8), (200, 8)])
def test_ways_to_cut_do_not_grow_with_the_track(n_patches: int, n_ways: int) -> None:
    ways = list(runs(n_patches))

    assert len(ways) == n_ways
    for way in ways:
        assert np.concatenate([np.arange(n_patches)[run] for run in way]).tolist() == list(range(n_patches))
