"""Scores of genres that exclude one another: how often right, for whom, and what the probabilities are worth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
INAUDIBLE = -1  # index of a true genre that the ensemble has no word for: always missed
N_BINS = 10  # what papers on calibration use (Guo et al., ICML 2017, use 15 with thousands of samples)
N_WORLDS = 200  # in which probabilities are true; their mean ECE is then known to about 0.003


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreScore:
    """One genre. NaN where there is nothing to divide by: precision of a genre never said, recall of one never true."""

    genre: str
    n_true: int
    n_said: int
    precision: float
    recall: float
    top3_recall: float
    f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Tracks whose top probability lies in (low, high]."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreScores:
    """All scores of one set of labelled tracks.

    Attributes:
        top1, top3: share of tracks whose true genre is said first, or among three.
        balanced_accuracy, macro_top3: the mean over true genres of their recall, first or among three.
        macro_f1: the mean F1 over genres that are true or said.
        group_top1, group_top3: the mean over groups (sources, artists) of their share; None without groups.
        ece: expected calibration error of the first genre's probability.
        ece_by_chance: what it would be on average if these probabilities were true; few tracks never hit them exactly.
        confusion: (n_true_genres, n_genres) counts; rows as `true_genres`, columns as `genres`.
        intervals: by name of the score, from resampling.
        n_inaudible: tracks of genres that the ensemble cannot hear; they count as missed.
    """

    n: int
    n_inaudible: int
    genres: tuple[str, ...]
    true_genres: tuple[str, ...]
    top1: float
    top3: float
    balanced_accuracy: float
    macro_top3: float
    macro_f1: float
    group_top1: float | None
    group_top3: float | None
    ece: float
    ece_by_chance: float
    reliability: tuple[ReliabilityBin, ...]
    per_genre: tuple[GenreScore, ...]
    confusion: Integers
    intervals: Mapping[str, Interval]

    def most_confused(self, n: int) -> tuple[tuple[str, str, int], ...]:
        """The ``n`` most frequent mistakes: the true genre, the one said instead, and how often."""
        mistakes = [
            (true, said, int(self.confusion[i, j]))
            for i, true in enumerate(self.true_genres)
            for j, said in enumerate(self.genres)
            if true != said and self.confusion[i, j]
        ]
        return tuple(sorted(mistakes, key=lambda mistake: (-mistake[2], mistake[:2]))[:n])


@dataclass(frozen=True, slots=True)
class _Tracks:
    """What every score is made of, one entry a track."""

    truth: Integers  # index of the true genre among all true genres
    first: NDArray[np.bool_]
    among3: NDArray[np.bool_]
    confidence: Floats
    group: Integers | None

    def of(self, rows: Integers) -> "_Tracks":
        group = None if self.group is None else self.group[rows]
        return _Tracks(self.truth[rows], self.first[rows], self.among3[rows], self.confidence[rows], group)


def genre_scores(
    truth: Sequence[str],
    genres: Sequence[str],
    probabilities: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> GenreScores:
    """Score predictions.

    Args:
        truth: the true genre of each track, in the taxonomy's names.
        genres: the genres that the ensemble can hear.
        probabilities: (n_tracks, n_genres).
        groups: of each track, what it shares with others (artist, album, source). Intervals then resample groups, as
            tracks of one source succeed and fail together; else tracks within each genre.
        n_resamples: of the bootstrap; 0 for no intervals.
        seed: of the resampling.

    Raises: ValueError, if lengths and shapes do not agree, or there is no track.
    """
    said = np.asarray(probabilities, dtype=np.float64)
    if said.shape != (len(truth), len(genres)) or not len(truth) or (groups and len(groups) != len(truth)):
        raise ValueError(f"{len(truth)} tracks, {len(genres)} genres, probabilities of shape {said.shape}")
    true_genres = tuple(sorted(set(truth)))
    index = np.array([genres.index(g) if g in genres else INAUDIBLE for g in truth])
    ranked = np.argsort(-said, axis=1, kind="stable")
    tracks = _Tracks(
        truth=np.array([true_genres.index(g) for g in truth]),
        first=ranked[:, 0] == index,
        among3=(ranked[:, :3] == index[:, None]).any(axis=1),
        confidence=said.max(axis=1),
        group=np.unique(list(groups), return_inverse=True)[1] if groups else None,
    )
    confusion = np.zeros((len(true_genres), len(genres)), dtype=np.int64)
    np.add.at(confusion, (tracks.truth, ranked[:, 0]), 1)
    per_genre = _per_genre(true_genres, genres, confusion, tracks)
    found = {name: score(tracks) for name, score in _SCORES.items()}
    return GenreScores(
        n=len(truth),
        n_inaudible=int((index == INAUDIBLE).sum()),
        genres=tuple(genres),
        true_genres=true_genres,
        top1=found["top1"],
        top3=found["top3"],
        balanced_accuracy=found["balanced_accuracy"],
        macro_top3=found["macro_top3"],
        macro_f1=float(np.mean([g.f1 for g in per_genre])),
        group_top1=found["group_top1"] if groups else None,
        group_top3=found["group_top3"] if groups else None,
        ece=found["ece"],
        ece_by_chance=_ece_by_chance(tracks, np.random.default_rng(seed)),
        reliability=_reliability(tracks),
        per_genre=per_genre,
        confusion=confusion,
        intervals=_intervals(tracks, n_resamples, np.random.default_rng(seed)),
    )


def _mean_by(values: NDArray[np.bool_], by: Integers) -> float:
    """The mean over the kinds present in ``by`` of the mean of their values."""
    counts = np.bincount(by)
    sums = np.bincount(by, weights=values)
    return float((sums[counts > 0] / counts[counts > 0]).mean())


def _reliability(tracks: _Tracks) -> tuple[ReliabilityBin, ...]:
    edges = np.linspace(0.0, 1.0, N_BINS + 1)
    place = _bin(tracks.confidence)
    return tuple(
        ReliabilityBin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            n=int((place == i).sum()),
            confidence=float(tracks.confidence[place == i].mean()),
            accuracy=float(tracks.first[place == i].mean()),
        )
        for i in np.unique(place)
    )


def _ece(tracks: _Tracks) -> float:
    gaps = np.bincount(_bin(tracks.confidence), weights=tracks.first - tracks.confidence)
    return float(np.abs(gaps).sum() / tracks.confidence.size)


def _bin(confidence: Floats) -> Integers:
    """The index of the bin (low, high] that each lies in."""
    place: Integers = np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)
    return place


def _ece_by_chance(tracks: _Tracks, rng: np.random.Generator) -> float:
    lucky = rng.random((N_WORLDS, tracks.confidence.size)) < tracks.confidence
    return float(np.mean([_ece(replace(tracks, first=first)) for first in lucky]))


_SCORES: Mapping[str, Callable[[_Tracks], float]] = {
    "top1": lambda t: float(t.first.mean()),
    "top3": lambda t: float(t.among3.mean()),
    "balanced_accuracy": lambda t: _mean_by(t.first, t.truth),
    "macro_top3": lambda t: _mean_by(t.among3, t.truth),
    "group_top1": lambda t: _mean_by(t.first, t.group) if t.group is not None else float("nan"),
    "group_top3": lambda t: _mean_by(t.among3, t.group) if t.group is not None else float("nan"),
    "ece": _ece,
}


def _intervals(tracks: _Tracks, n_resamples: int, rng: np.random.Generator) -> Mapping[str, Interval]:
    """Percentile bootstrap of every score."""
    if not n_resamples:
        return {}
    clusters = tracks.truth if tracks.group is None else tracks.group
    members = [np.flatnonzero(clusters == c) for c in np.unique(clusters)]
    names = [name for name in _SCORES if tracks.group is not None or not name.startswith("group")]
    drawn: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(n_resamples):
        if tracks.group is None:  # within each genre, so that none goes missing
            rows = np.concatenate([rng.choice(m, m.size) for m in members])
        else:
            rows = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        for name in names:
            drawn[name].append(_SCORES[name](tracks.of(rows)))
    limits = {name: np.percentile(values, (2.5, 97.5)) for name, values in drawn.items()}
    return {name: Interval(low=float(low), high=float(high)) for name, (low, high) in limits.items()}


def _per_genre(
    true_genres: Sequence[str], genres: Sequence[str], confusion: Integers, tracks: _Tracks
) -> tuple[GenreScore, ...]:
    rows = []
    for genre in sorted({*true_genres, *(g for g, n in zip(genres, confusion.sum(axis=0), strict=True) if n)}):
        true = tracks.truth == true_genres.index(genre) if genre in true_genres else np.zeros(tracks.truth.size, bool)
        n_true, n_right = int(true.sum()), int((true & tracks.first).sum())
        n_said = int(confusion[:, genres.index(genre)].sum()) if genre in genres else 0
        rows.append(
            GenreScore(
                genre=genre,
                n_true=n_true,
                n_said=n_said,
                precision=n_right / n_said if n_said else float("nan"),
                recall=n_right / n_true if n_true else float("nan"),
                top3_recall=int((true & tracks.among3).sum()) / n_true if n_true else float("nan"),
                f1=2 * n_right / (n_true + n_said),
            )
        )
    return tuple(rows)
