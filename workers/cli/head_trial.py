"""A head beside and inside the ensemble that it reads, on tracks whose genres are known: who is right how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shared.evaluation.genre_scores import GenreScores, Interval, genre_scores
from shared.evaluation.paired import balanced_gain

if TYPE_CHECKING:
    from schemas.taxonomy import Taxonomy
    from shared.models.manifest import Ensemble
    from training.heads.validation import OutOfFold

# How much the head counts in the fused labels, where each of the default ensemble's four members counts 1.
WEIGHTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
SURE = 1e-6

Answers = Mapping[str, NDArray[np.float32]]
Probabilities = Sequence[Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Scores of the labels without the head, of the head alone, and of both fused.

    Each track is judged by a head that had not met its group, fused with the weight that was best for the other folds.

    Attributes:
        gain: of balanced accuracy, from the labels without the head to both fused.
        weight: the best for all tracks.
        untested: genres that are in one group only, which no head that was tested on them had met.
    """

    zero_shot: GenreScores
    head: GenreScores
    both: GenreScores
    gain: float
    interval: Interval
    weight: float
    untested: tuple[str, ...] = field(default=())

    @property
    def guessing(self) -> float:
        """The balanced accuracy of whoever guesses among the genres that there are."""
        return 1 / len(self.head.true_genres)

    @property
    def better(self) -> bool:
        """Whether the head helps at all, by more than by saying which genres there are."""
        return self.gain > 0 and self.head.balanced_accuracy > self.guessing

    @property
    def surely(self) -> bool:
        """Whether that is more than luck with these groups."""
        return self.interval.low > 0


def head_prior(taxonomy: "Taxonomy") -> float:
    """The prior of a head's genres: that of any genre. So a head also says that music is of its genres, not others."""
    return 1 / len(taxonomy.genre_names)


def trial(
    answers: Sequence[Answers],
    truth: Sequence[str],
    groups: Sequence[str],
    ensemble: "Ensemble",
    taxonomy: "Taxonomy",
    said: "OutOfFold",
) -> Trial:
    """Score a head.

    Args:
        answers: of the ensemble's members, track by track.
        truth: the genre of each track.
        groups: of each track.
        ensemble: without the head.
        taxonomy: that names the genres.
        said: by the head.
    """
    bare = _fused(ensemble, taxonomy, answers)
    by_weight = {weight: _fused(ensemble, taxonomy, answers, said, weight) for weight in WEIGHTS}
    losses = {
        weight: np.array([-np.log(max(one.get(true, 0.0), SURE)) for one, true in zip(found, truth, strict=True)])
        for weight, found in by_weight.items()
    }
    chosen = {
        number: min(WEIGHTS, key=lambda weight: losses[weight][said.fold != number].mean())
        for number in np.unique(said.fold)
    }
    both = [by_weight[chosen[number]][i] for i, number in enumerate(said.fold)]
    alone = [dict(zip(said.genres, one.mean(axis=0).tolist(), strict=True)) for one in said.probabilities]
    gain, interval = balanced_gain(truth, _right(bare, truth), _right(both, truth), groups)
    groups_of = {genre: {g for g, t in zip(groups, truth, strict=True) if t == genre} for genre in set(truth)}
    return Trial(
        zero_shot=_scores(bare, truth, groups),
        head=_scores(alone, truth, groups),
        both=_scores(both, truth, groups),
        gain=gain,
        interval=interval,
        weight=min(WEIGHTS, key=lambda weight: losses[weight].mean()),
        untested=tuple(sorted(genre for genre, of in groups_of.items() if len(of) == 1)),
    )


def _fused(
    ensemble: "Ensemble",
    taxonomy: "Taxonomy",
    answers: Sequence[Answers],
    said: "OutOfFold | None" = None,
    weight: float = 1.0,
) -> Probabilities:
    """Each track's genres as `label` gives them, with the head as one more member where ``said`` is given."""
    from workers.classifier.evidence import Member
    from workers.classifier.fusion import Fusion
    from workers.classifier.parameters import FusionParameters

    members = [
        Member(name=m.name, vocabulary=m.vocabulary or "", tags=m.tags, weight=m.weight) for m in ensemble.members
    ]
    parameters = FusionParameters.from_mapping(ensemble.fusion)
    if said is not None:
        head = Member(name="the head", vocabulary="", tags=said.genres, weight=weight)
        members.append(head)
        priors = {**parameters.priors, head.name: dict.fromkeys(said.genres, head_prior(taxonomy))}
        parameters = parameters.model_copy(update={"priors": priors})
    fusion = Fusion(taxonomy, members, parameters)
    found: list[Mapping[str, float]] = []
    for i, track in enumerate(answers):
        arrays = {name: array.astype(np.float64) for name, array in track.items()}
        if said is not None:
            arrays["the head"] = said.probabilities[i]
        found.append(fusion.genre_probabilities(arrays))
    return found


def _right(found: Probabilities, truth: Sequence[str]) -> list[bool]:
    return [max(one, key=one.__getitem__) == true for one, true in zip(found, truth, strict=True)]


def _scores(found: Probabilities, truth: Sequence[str], groups: Sequence[str]) -> GenreScores:
    genres = tuple(found[0])
    return genre_scores(truth, genres, [[one[genre] for genre in genres] for one in found], groups)
