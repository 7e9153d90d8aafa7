"""Music4All's table: what is read, and what is said of rows that cannot be used."""

import pytest

from schemas.errors import InvalidSettingError
from shared.evaluation.music4all import ClipFeatures, clip_features

# The columns of the published table, in its order.
HEADER = "id\tspotify_id\tpopularity\trelease\tdanceability\tenergy\tkey\tmode\tvalence\ttempo\tduration_ms\n"


def a_row(**changes: str) -> str:
    fields = {
        "id": "0009fFIM1eYThaPg",
        "spotify_id": "6eObnIbOnYvDrk5kmTsGXX",
        "popularity": "4.0",
        "release": "2008",
        "danceability": "0.579",
        "energy": "0.631",
        "key": "6.0",
        "mode": "1.0",
        "valence": "0.544",
        "tempo": "91.5",
        "duration_ms": "264040",
    }
    return "\t".join({**fields, **changes}.values()) + "\n"


def test_clip_features_are_read_from_the_published_columns() -> None:
    clips, unused = clip_features([HEADER, a_row()])

    assert clips == [
        ClipFeatures(
            clip_id="0009fFIM1eYThaPg", danceability=0.579, energy=0.631, key=6, mode=1, valence=0.544, tempo=91.5
        )
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"energy": ""}, "energy is ''"),
        ({"energy": "loud"}, "energy is 'loud'"),
        ({"energy": "nan"}, "energy is 'nan'"),
        ({"valence": "1.2"}, "valence is '1.2', not from 0 to 1"),
        ({"key": "12"}, "key is '12', not from -1 to 11"),
        ({"key": "2.5"}, "key is '2.5'"),
        ({"tempo": "-1"}, "tempo is '-1'"),
        ({"id": "../../secret"}, "is no id"),
        ({"id": ""}, "is no id"),
    ],
)
def test_row_of_no_use_is_told_with_its_line(changes: dict[str, str], why: str) -> None:
    clips, [unused] = clip_features([HEADER, a_row(id="first"), a_row(**changes)])

    assert [clip.clip_id for clip in clips] == ["first"]
    assert unused.line == 3
    assert why in unused.why


def test_row_that_ends_early_or_comes_twice_is_of_no_use() -> None:
    clips, unused = clip_features([HEADER, a_row(), a_row(), "0009fFIM1eYThaPh\tx\n"])

    assert len(clips) == 1
    assert [row.line for row in unused] == [3, 4]


@pytest.mark.parametrize("text", ["", HEADER.replace("\t", ","), HEADER.replace("valence\t", "")])
def test_table_without_its_columns_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettingError, match="has no column"):
        clip_features(text.splitlines(keepends=True))
