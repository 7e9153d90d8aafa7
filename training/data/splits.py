"""Splits by artist: nobody's songs are in two of them, and each has its share of every tag.

Source: Sechidis et al., "On the Stratification of Multi-Label Data", ECML PKDD 2011 (iterative stratification), with
artists in the place of single examples.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.data.tracks import Split, Track

Floats: TypeAlias = NDArray[np.float64]

FRACTIONS: Final = {Split.TRAIN: 0.7, Split.VALIDATION: 0.15, Split.TEST: 0.15}


def with_splits(tracks: Sequence[Track], seed: int) -> list[Track]:
    """The tracks, each in a split. Same tracks and same seed, same splits, in whatever order they come.

    Args:
        tracks: at least one; one without an artist is an artist of its own.
        seed: decides between what is equally good.
    """
    groups = sorted({_group(track) for track in tracks})
    tags = sorted({tag for track in tracks for tag in track.tags})
    group_index, tag_index = {g: i for i, g in enumerate(groups)}, {t: i for i, t in enumerate(tags)}
    counts = np.zeros((len(groups), len(tags) + 1))  # of each tag, and of tracks
    for track in tracks:
        row = counts[group_index[_group(track)]]
        row[[tag_index[tag] for tag in track.tags]] += 1
        row[-1] += 1
    chosen = _chosen(counts, np.random.default_rng(seed))
    splits = list(FRACTIONS)
    return [replace(track, split=splits[chosen[group_index[_group(track)]]]) for track in tracks]


def _group(track: Track) -> tuple[str, str]:
    return ("artist", track.artist) if track.artist else ("track", track.track_id)


def _chosen(counts: Floats, rng: np.random.Generator) -> NDArray[np.intp]:
    """The split of each group, shape (n_groups,): groups with the rarest tag that is left first, the largest of them.

    A group goes where Σ (wanted - had)² / wanted over all tags becomes least; small groups even out the large.
    """
    shares = counts / np.maximum(counts.sum(axis=0), 1)  # of each tag's tracks
    fractions = np.array(list(FRACTIONS.values()))
    wanted = fractions[:, None] * np.ones(counts.shape[1])  # what is left of it, (n_splits, n_tags + 1)
    left = counts.sum(axis=0)
    chosen = np.full(len(counts), -1)
    noise = rng.random(len(counts))
    while (chosen < 0).any():
        rarest = int(np.where(left > 0, left, np.inf).argmin())
        candidates = np.flatnonzero((chosen < 0) & (counts[:, rarest] > 0))
        for group in candidates[np.lexsort((noise[candidates], -counts[candidates, rarest]))]:
            share = shares[group]
            chosen[group] = ((2 * wanted @ share - share @ share) / fractions).argmax()
            wanted[chosen[group]] -= shares[group]
            left -= counts[group]
    return chosen
