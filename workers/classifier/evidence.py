"""What each ensemble member is able to say about genres, compiled from the taxonomy into matrices, and saying it.

The mathematics, for one member with tag probabilities p and priors π:

* **pooling**: p is each tag's self-weighted mean over the patches, Σ p_i² / Σ p_i. Taggers learn from tags of whole
  tracks and say them of the parts that show them: a part that does not is no evidence against one (the linear softmax
  of Wang, Li & Metze, "A comparison of five multiple instance learning pooling functions", ICASSP 2019).
* **names**: the probability mass a member puts on a genre is the sum of the tags that name it, each with its share:
  P_g = Σ a_gt p_t, and Π_g = Σ a_gt π_t is the mass a tag-blind guess would put there.
* **lift**: L_g = log((P_g + ε) / (Π_g^α · Π̄^(1-α) + ε)). Priors are shrunk towards their geometric mean Π̄ because the
  rarer a tag, the noisier its probability; ε keeps "no" from being told in shades of never.
* **hints**: a tag that names another genre, an instrument, a voice, a mood, an era bears on genre g with weight w_gt,
  counted by how far it is above its prior: h_t = max(0, (p_t - π_t) / (p_t + π_t)), between 0 and 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from schemas.taxonomy import KnownTag, TagKind, Taxonomy
from workers.classifier.parameters import FusionParameters

Floats = NDArray[np.float64]
SURE = 1.0 - 1e-9  # a float32 sigmoid reaches 1, of which the logarithm of the rest does not exist
FEW_INSTRUMENTS = 5  # fewer cannot cover what is played: MSD has acoustic and guitar, MTT has twelve
LABELS_PER_TRACK = 2.0  # where nobody counted a vocabulary's tags; MSD has 1.7 a track, MTT 3.3 a clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of an ensemble as fusion needs to know it: its tags in output order and how much it counts."""

    name: str
    vocabulary: str
    tags: tuple[str, ...]
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be fused: raises InvalidSettingError."""
        if not self.tags or len(set(self.tags)) != len(self.tags):
            raise InvalidSettingError(f"member {self.name}: its tags must be a list without repetitions")
        if not (np.isfinite(self.weight) and self.weight > 0):
            raise InvalidSettingError(f"member {self.name}: weight={self.weight}, need > 0 (leave it out instead)")


@dataclass(frozen=True, slots=True)
class ShownTag:
    """A tag as needledrop shows it, with its kind; several spellings of one or more members may stand behind it."""

    name: str
    kind: TagKind


@dataclass(frozen=True)
class Reading:
    """A member's tags compiled against one taxonomy.

    Attributes:
        naming: (n_genres, n_tags), the share of each tag's probability that counts as each genre.
        priors: (n_tags,).
        shown: the merged tags that this member knows.
        spelled: (n_shown, n_tags), 1 where an output is a spelling of a merged tag.
        damping, floor: α and ε of the module's page.
    """

    member: Member
    naming: Floats
    priors: Floats
    shown: tuple[ShownTag, ...]
    spelled: Floats
    damping: float
    floor: float

    @classmethod
    def of(cls, member: Member, taxonomy: Taxonomy, parameters: FusionParameters) -> Self:
        """Compile ``member``; its tags without meaning are left out (Taxonomy.unknown_tags lists them).

        Raises: InvalidSettingError, if the parameters give a prior for a tag that it does not have.
        """
        known = [taxonomy.known_tag(member.vocabulary, tag) for tag in member.tags]
        genres = taxonomy.genre_names
        naming = np.array([[tag.names.get(genre, 0.0) if tag else 0.0 for tag in known] for genre in genres])
        tags = [ShownTag(tag.shown_as, tag.kind) if tag else None for tag in known]
        shown = tuple(dict.fromkeys(tag for tag in tags if tag))
        spelled = np.array([[float(tag == merged) for tag in tags] for merged in shown]).reshape(len(shown), len(tags))
        priors = _priors(member, known, parameters.priors.get(member.name, {}))
        return cls(member, naming, priors, shown, spelled, parameters.prior_damping, parameters.floor)

    @cached_property
    def names(self) -> NDArray[np.bool_]:
        """(n_genres,): the genres that this member has a word for."""
        names: NDArray[np.bool_] = np.count_nonzero(self.naming, axis=1) > 0
        return names

    @cached_property
    def _expected(self) -> Floats:
        """(n_named,): the mass a guess that hears nothing puts on each genre, priors shrunk towards their mean."""
        mass = self.naming[self.names] @ self.priors
        centre = np.exp(np.log(mass).mean()) if mass.size else 1.0
        expected: Floats = mass**self.damping * centre ** (1 - self.damping) + self.floor
        return expected

    @cached_property
    def merged_priors(self) -> Floats:
        """(n_shown,): the prior of each merged tag."""
        return self.merged(self.priors)

    def lift(self, probabilities: Floats) -> Floats:
        """L_g of the module's page, (..., n_genres), from tag probabilities (..., n_tags); 0 where there is no word."""
        lift = np.zeros((*probabilities.shape[:-1], len(self.naming)))
        lift[..., self.names] = np.log((probabilities @ self.naming[self.names].T + self.floor) / self._expected)
        return lift

    def merged(self, probabilities: Floats) -> Floats:
        """Probabilities of the merged tags, (..., n_shown): any spelling will do (noisy or)."""
        unsaid = np.log1p(-np.minimum(probabilities, SURE)) @ self.spelled.T
        merged: Floats = -np.expm1(unsaid)
        return merged

    def music(self, probabilities: Floats) -> float | None:
        """How much of instruments and genres is in (n_tags,) probabilities: 1 is what music has on average.

        Speech and noise have little of either. None from a member that knows too few instruments to say.
        """
        kinds = [tag.kind for tag in self.shown]
        if kinds.count(TagKind.INSTRUMENT) < FEW_INSTRUMENTS:
            return None
        musical = self.spelled[[kind in (TagKind.INSTRUMENT, TagKind.GENRE) for kind in kinds]].any(axis=0)
        return float(probabilities[musical].sum() / self.priors[musical].sum())

    def without(self, probabilities: Floats, shown: Sequence[ShownTag]) -> Floats:
        """One row per tag of ``shown``: the probabilities (n_tags,), those of its spellings no higher than priors."""
        spellings = dict(zip(self.shown, self.spelled, strict=True))
        muted = np.array([spellings.get(tag, np.zeros(len(probabilities))) for tag in shown])
        return np.where(muted > 0, np.minimum(probabilities, self.priors), probabilities)


def _priors(member: Member, known: Sequence[KnownTag | None], given: Mapping[str, float]) -> Floats:
    if strange := sorted(set(given) - set(member.tags)):
        raise InvalidSettingError(f"fusion.priors.{member.name} speaks of {strange}, which are no tags of that member")
    guess = min(0.5, LABELS_PER_TRACK / len(member.tags))
    return np.array(
        [
            given.get(tag) or (meaning.prior if meaning and meaning.prior else guess)
            for tag, meaning in zip(member.tags, known, strict=True)
        ]
    )


def pooled(patches: Floats) -> Floats:
    """A track's tag probabilities, (n_tags,), from those of its patches, (n_patches, n_tags)."""
    total = patches.sum(axis=0)
    strongest: Floats = np.square(patches).sum(axis=0) / np.where(total > 0, total, 1.0)
    return strongest


def presence(probabilities: Floats, priors: Floats) -> Floats:
    """How far each tag is above its prior, between 0 (at or below) and 1 (infinitely): h_t of the module's page."""
    return np.maximum(0.0, (probabilities - priors) / (probabilities + priors))
