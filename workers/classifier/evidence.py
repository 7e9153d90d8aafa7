"""What each ensemble member is able to say about genres, compiled from the taxonomy into matrices, and saying it.

The mathematics, for one member with tag probabilities p and priors π:

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

Floats = NDArray[np.float64]
LABELS_PER_TRACK = 2.0  # where nobody counted a vocabulary's tags; MSD has 1.7 a track, MTT 3.3 a clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of an ensemble as fusion needs to know it: its tags in output order and how much it counts.

    ``priors`` are for tags of a vocabulary that the taxonomy has no counts of, and override those that it has.
    """

    name: str
    vocabulary: str
    tags: tuple[str, ...]
    weight: float = 1.0
    priors: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be fused: raises InvalidSettingError."""
        if not self.tags or len(set(self.tags)) != len(self.tags):
            raise InvalidSettingError(f"member {self.name}: its tags must be a list without repetitions")
        if not (np.isfinite(self.weight) and self.weight > 0):
            raise InvalidSettingError(f"member {self.name}: weight={self.weight}, need > 0 (leave it out instead)")
        for tag, prior in (self.priors or {}).items():
            if tag not in self.tags or not 0 < prior < 1:
                raise InvalidSettingError(f"member {self.name}: prior {tag!r}={prior}; need one of its tags, 0 < prior < 1")


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
        spelled: (n_shown, n_tags) of bool, which outputs are spellings of which merged tag.
    """

    member: Member
    naming: Floats
    priors: Floats
    shown: tuple[ShownTag, ...]
    spelled: NDArray[np.bool_]

    @classmethod
    def of(cls, member: Member, taxonomy: Taxonomy) -> Self:
        """Compile ``member``; its tags without meaning are left out (Taxonomy.unknown_tags lists them)."""
        known = [taxonomy.known_tag(member.vocabulary, tag) for tag in member.tags]
        genres = taxonomy.genre_names
        naming = np.array([[tag.names.get(genre, 0.0) if tag else 0.0 for tag in known] for genre in genres])
        shown = tuple(dict.fromkeys(ShownTag(tag.shown_as, tag.kind) for tag in known if tag))
        spelled = np.array([[tag is not None and ShownTag(tag.shown_as, tag.kind) == s for tag in known] for s in shown])
        return cls(member, naming, _priors(member, known), shown, spelled.reshape(len(shown), len(known)))

    @cached_property
    def names(self) -> NDArray[np.bool_]:
        """(n_genres,): the genres that this member has a word for."""
        return self.naming.any(axis=1)

    def lift(self, probabilities: Floats, *, damping: float, floor: float) -> Floats:
        """L_g of the module's page, (..., n_genres), from tag probabilities (..., n_tags); 0 where there is no word."""
        expected = self.naming[self.names] @ self.priors
        centre = np.exp(np.log(expected).mean()) if expected.size else 1.0
        lift = np.zeros((*probabilities.shape[:-1], len(self.naming)))
        mass = probabilities @ self.naming[self.names].T
        lift[..., self.names] = np.log((mass + floor) / (expected**damping * centre ** (1 - damping) + floor))
        return lift

    def merged(self, probabilities: Floats) -> Floats:
        """Probabilities of the merged tags, (..., n_shown): any spelling will do (noisy or)."""
        unsaid = np.where(self.spelled, 1.0 - probabilities[..., None, :], 1.0)
        merged: Floats = 1.0 - unsaid.prod(axis=-1)
        return merged

    def without(self, probabilities: Floats, tag: ShownTag) -> Floats:
        """The same probabilities with every spelling of ``tag`` at its prior, as if it had said nothing."""
        if tag not in self.shown:
            return probabilities
        return np.where(self.spelled[self.shown.index(tag)], np.minimum(probabilities, self.priors), probabilities)


def _priors(member: Member, known: Sequence[KnownTag | None]) -> Floats:
    given = member.priors or {}
    guess = min(0.5, LABELS_PER_TRACK / len(member.tags))
    return np.array(
        [
            given.get(tag) or (meaning.prior if meaning and meaning.prior else guess)
            for tag, meaning in zip(member.tags, known, strict=True)
        ]
    )


def presence(probabilities: Floats, priors: Floats) -> Floats:
    """How far each tag is above its prior, between 0 (at or below) and 1 (infinitely): h_t of the module's page."""
    return np.maximum(0.0, (probabilities - priors) / (probabilities + priors))
