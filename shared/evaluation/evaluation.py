"""How good an ensemble's labels of a set of tracks are: for all genres, for those it can hear, and when it is sure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from shared.evaluation.genre_scores import GenreScores, genre_scores

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Said:
    """What is true of one track, and what was said of it."""

    file: str
    genre: str
    group: str | None
    probabilities: Mapping[str, float]
    unsure: bool

    @property
    def first(self) -> str:
        """The genre said first."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of ``n`` tracks were labelled right."""

    n: int
    n_right: int

    @property
    def right(self) -> float:
        """NaN of none."""
        return self.n_right / self.n if self.n else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All scores of one set of tracks.

    Attributes:
        tracks: that were scored.
        inaudible: the genres among the true ones that the ensemble has no word for.
        scores: of all tracks; those of inaudible genres are missed.
        audible: of the tracks whose genre the ensemble can hear; None when there are none.
        sure, unsure: the tracks by what the ensemble said of its own answer.
    """

    tracks: tuple[Said, ...]
    inaudible: tuple[str, ...]
    scores: GenreScores
    audible: GenreScores | None
    sure: Share
    unsure: Share

    def fields(self) -> dict[str, object]:
        """As JSON has it: what is not a number is null."""
        return {
            "inaudible_genres": list(self.inaudible),
            "all": _scores_fields(self.scores),
            "audible": _scores_fields(self.audible) if self.audible else None,
            **{
                name: {"n": share.n, "top1": plain(share.right)}
                for name, share in (("sure", self.sure), ("unsure", self.unsure))
            },
            "tracks": [
                {
                    "file": track.file,
                    "genre": track.genre,
                    "group": track.group,
                    "said": track.first,
                    "unsure": track.unsure,
                    "probabilities": plain(track.probabilities),
                }
                for track in self.tracks
            ],
        }


def evaluated(tracks: Sequence[Said], genres: Sequence[str], *, n_resamples: int = 1000) -> Evaluation:
    """Score ``tracks``.

    Args:
        tracks: what was said of them; either all have a group or none has.
        genres: that the ensemble can hear.
        n_resamples: of the bootstrap.

    Raises: ValueError without a track.
    """
    heard = [track for track in tracks if track.genre in genres]
    return Evaluation(
        tracks=tuple(tracks),
        inaudible=tuple(sorted({track.genre for track in tracks} - set(genres))),
        scores=_scores(tracks, genres, n_resamples),
        audible=_scores(heard, genres, n_resamples) if heard else None,
        sure=_share([track for track in tracks if not track.unsure]),
        unsure=_share([track for track in tracks if track.unsure]),
    )


def _scores(tracks: Sequence[Said], genres: Sequence[str], n_resamples: int) -> GenreScores:
    return genre_scores(
        [track.genre for track in tracks],
        genres,
        [[track.probabilities.get(genre, 0.0) for genre in genres] for track in tracks],
        [track.group for track in tracks if track.group is not None] or None,
        n_resamples=n_resamples,
    )


def _share(tracks: Sequence[Said]) -> Share:
    return Share(n=len(tracks), n_right=sum(track.first == track.genre for track in tracks))


def _scores_fields(scores: GenreScores) -> dict[str, object]:
    return {name: plain(value) for name, value in asdict(scores).items()}


def plain(value: object) -> object:
    """The same for JSON: finite numbers with few digits, null for what is not a number."""
    match value:
        case float():
            return round(value, _DIGITS) if math.isfinite(value) else None
        case Mapping():
            return {str(name): plain(one) for name, one in value.items()}
        case np.ndarray():
            return plain(value.tolist())
        case list() | tuple():
            return [plain(one) for one in value]
        case _:
            return value
