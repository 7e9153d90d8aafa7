"""Labels as people read them."""

from collections.abc import Sequence

import pytest

from schemas.events import GenreProbability, SegmentGenres
from workers.cli.label_lines import bar, changes_text, genre_lines
from workers.cli.parts import clock, parts


def genres(**probabilities: float) -> tuple[GenreProbability, ...]:
    return tuple(GenreProbability(genre=name, probability=value) for name, value in probabilities.items())


def segments(*said: Sequence[GenreProbability]) -> list[SegmentGenres]:
    """Of 12 s each."""
    return [SegmentGenres(start_s=12.0 * i, duration_s=12.0, genres=tuple(one)) for i, one in enumerate(said)]


FOLK, METAL, UNCLEAR = genres(folk=0.8, rock=0.1), genres(metal=0.7, rock=0.2), genres(rock=0.3, folk=0.29)


def test_each_genre_has_its_bar_and_unlikely_ones_are_left_out() -> None:
    lines = [line.plain for line in genre_lines(genres(metal=0.75, rock=0.2, punk=0.02), unsure=False)]

    assert lines == [
        "metal      ███████████████░░░░░  75%",
        "rock       ████░░░░░░░░░░░░░░░░  20%",
    ]


def test_unsure_comes_first_with_its_reasons() -> None:
    lines = [line.plain for line in genre_lines(genres(metal=0.9), unsure=True, because=["speech", "too short"])]

    assert lines[0] == "unsure: speech, too short"
    assert lines[1].startswith("metal ")


def test_track_without_a_genre_says_so() -> None:
    assert [line.plain for line in genre_lines((), unsure=False)] == ["nothing this ensemble can name"]


@pytest.mark.parametrize(("probability", "cells"), [(0.0, 0), (0.5, 10), (1.0, 20), (0.024, 0), (0.026, 1)])
def test_bar_is_as_long_as_the_probability(probability: float, cells: int) -> None:
    assert bar(probability) == "█" * cells + "░" * (20 - cells)


def test_track_that_changes_says_from_when_it_is_what() -> None:
    track = segments(FOLK, FOLK, UNCLEAR, FOLK, FOLK, METAL, METAL, UNCLEAR, METAL, METAL)

    assert changes_text(track) == "from 0:00 folk, from 1:00 metal"


def test_track_may_come_back_to_what_it_was() -> None:
    track = segments(*[FOLK] * 3, *[METAL] * 4, *[FOLK] * 3)

    assert [(part.start_s, part.genre) for part in parts(track)] == [(0, "folk"), (36, "metal"), (84, "folk")]


def test_track_that_stays_what_it_is_and_a_short_one_have_no_parts() -> None:
    assert parts(segments(*[FOLK] * 10)) == ()
    assert parts(segments(FOLK, METAL)) == ()
    assert changes_text([]) == ""


def test_clock_is_that_of_players() -> None:
    assert [clock(s) for s in (0, 7.4, 67, 3599.6)] == ["0:00", "0:07", "1:07", "60:00"]
