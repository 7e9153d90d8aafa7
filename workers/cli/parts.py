"""The parts of a track that changes, as a person would tell them: from 0:00 classical, from 1:10 electronic."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from schemas.events import SegmentGenres
from workers.classifier.changes import runs


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch and what it is."""

    start_s: float
    genre: str


def parts(segments: Sequence[SegmentGenres]) -> tuple[Part, ...]:
    """Two or three parts of different genres, by the cut that segments fit best; none where no cut tells genres apart.

    Args:
        segments: in order of time, each with its most likely genres.
    """
    names = list(dict.fromkeys(one.genre for segment in segments for one in segment.genres))
    said = np.zeros((len(segments), len(names)))
    for row, segment in zip(said, segments, strict=True):
        for one in segment.genres:
            row[names.index(one.genre)] = one.probability
    best_fit = 0.0
    found: tuple[Part, ...] = ()
    for cut in runs(len(segments)):
        means = [said[run].mean(axis=0) for run in cut]
        leaders = [int(mean.argmax()) for mean in means]
        if any(one == other for one, other in pairwise(leaders)):
            continue
        fit = sum((run.stop - run.start) * mean[leader] for run, mean, leader in zip(cut, means, leaders, strict=True))
        if fit > best_fit:
            best_fit = fit
            found = tuple(
                Part(segments[run.start].start_s, names[leader]) for run, leader in zip(cut, leaders, strict=True)
            )
    return found


def clock(seconds: float) -> str:
    """As players show it: 1:07."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
