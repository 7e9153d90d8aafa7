"""What a head says of tracks that it was not fitted to, nor any other track of their group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.heads.fitting import Example, Floats, GenreHead, best_temperature, fitted, softmax

MOST_FOLDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFold:
    """Every track as a head that has not met its group hears it.

    Attributes:
        genres: of the columns.
        fold: (n_tracks,), which fold a track was held out in.
        probabilities: of each track, (n_patches, n_genres); calibrated on the tracks of the other folds.
        temperature: the best for all tracks: for the head that is fitted to all of them.
    """

    genres: tuple[str, ...]
    fold: NDArray[np.int64]
    probabilities: tuple[Floats, ...]
    temperature: float


def out_of_fold(examples: Sequence[Example]) -> OutOfFold:
    """Cross-validate by groups: leave one out, or a tenth of them.

    Raises: ValueError with less than two groups, or when only one genre is left without some group.
    """
    fold = _folds(examples)
    genres = tuple(sorted({example.genre for example in examples}))
    logits: list[Floats] = [np.empty(0)] * len(examples)
    for number in np.unique(fold):
        head = fitted(_others(examples, fold, number))
        for i in np.flatnonzero(fold == number).tolist():
            logits[i] = _spread(head, genres, head.logits(examples[i].embedding))
    truth = [genres.index(example.genre) for example in examples]
    temperatures = {
        number: best_temperature(
            [one for one, of in zip(logits, fold, strict=True) if of != number],
            [one for one, of in zip(truth, fold, strict=True) if of != number],
        )
        for number in np.unique(fold)
    }
    return OutOfFold(
        genres=genres,
        fold=fold,
        probabilities=tuple(softmax(one / temperatures[of]) for one, of in zip(logits, fold, strict=True)),
        temperature=best_temperature(logits, truth),
    )


def _folds(examples: Sequence[Example]) -> NDArray[np.int64]:
    from sklearn.model_selection import GroupKFold

    groups = [example.group for example in examples]
    n_groups = len(set(groups))
    if n_groups < 2:
        raise ValueError("all tracks are of one group: there is nothing to test a head on")
    splitter = GroupKFold(n_splits=min(MOST_FOLDS, n_groups), shuffle=True, random_state=0)
    fold = np.zeros(len(examples), np.int64)
    for number, (_, held_out) in enumerate(splitter.split(groups, groups=groups)):
        fold[held_out] = number
    return fold


def _others(examples: Sequence[Example], fold: NDArray[np.int64], number: int) -> list[Example]:
    others = [example for example, of in zip(examples, fold, strict=True) if of != number]
    if len({example.genre for example in others}) < 2:
        held_out = {example.group for example, of in zip(examples, fold, strict=True) if of == number}
        raise ValueError(
            f"without the tracks of {', '.join(sorted(held_out)[:3])} there are not two genres left to learn"
        )
    return others


def _spread(head: GenreHead, genres: Sequence[str], logits: Floats) -> Floats:
    """The head's logits in the columns of all genres: one that it has not met is impossible to it."""
    spread = np.full((len(logits), len(genres)), -np.inf)
    spread[:, [genres.index(genre) for genre in head.genres]] = logits
    return spread
