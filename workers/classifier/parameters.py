"""The numbers of fusion, as an ensemble manifest gives them; the defaults fit the published MSD and MTT models."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import InvalidSettingError
from schemas.taxonomy import Vocabulary


class FusionParameters(BaseModel):
    """Every parameter of fusion. A key that is not one of these is refused, so that a typing error cannot pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # 0 trusts probabilities as they are, 1 divides them by the tag's prior in full, which lets noise on rare tags win.
    prior_damping: float = Field(default=0.85, ge=0, le=1)
    # Below this a tag's probability says "no" and nothing more.
    floor: float = Field(default=0.01, gt=0, lt=1)
    # How much of a genre's evidence counts for members without a word for it: 1 = as if they agreed, 0 = as if they
    # had said "neither more nor less than usual".
    silence_agrees: float = Field(default=0.9, ge=0, le=1)
    # Hints are correlated (violin, strings, cello), so their sum for one genre is bounded to this many nats.
    hint_cap: float = Field(default=1.5, ge=0)
    # Nats of evidence are divided by this before the softmax: below 1 sharpens, above 1 softens.
    temperature: float = Field(default=0.5, gt=0)
    # A top genre less probable than this is "unsure".
    unsure_below: float = Field(default=0.35, ge=0, le=1)
    # Members whose genre distributions differ more than this (0 to 1) make the outcome "unsure".
    unsure_disagreement: float = Field(default=0.6, ge=0, le=1)
    # Less audio than one patch of the models is not enough to name a genre.
    unsure_below_s: float = Field(default=2.9, ge=0)
    # Quieter than this is silence, whatever the models make of it.
    unsure_below_db: float = Field(default=-60.0)
    # Steady noise has 1.0 to 1.8, the most unbroken of 32 real clips (death metal) 2.5.
    unsure_below_variation_db: float = Field(default=2.0, ge=0)
    # Less of instruments and genres than this part of what music has on average is not music: read words have 0.33, hum
    # and noise 0.1 to 0.5, the sparsest of 32 real clips (a singer with a guitar) 0.52.
    unsure_below_music: float = Field(default=0.42, ge=0)
    # More speech than this is probably all spoken words (the scale is Spotify's).
    unsure_speechiness: float = Field(default=0.66, ge=0, le=1)
    # Priors by member and tag, of tags that nobody counted for the taxonomy; they override those that it has.
    priors: Mapping[str, Mapping[str, Annotated[float, Field(gt=0, lt=1)]]] = {}
    # Tables of vocabularies that the taxonomy does not bring, of the form of its own.
    vocabularies: tuple[Vocabulary, ...] = ()
    # Decision thresholds per tag, which trained ensembles bring; a tag without one is listed with its probability only.
    tag_thresholds: Mapping[str, float] = {}

    @classmethod
    def from_mapping(cls, given: Mapping[str, object]) -> Self:
        """The defaults with what ``given`` says instead.

        Raises: InvalidSettingError, naming each key that is unknown or out of range.
        """
        try:
            return cls.model_validate(dict(given))
        except ValidationError as error:
            wrong = "; ".join(f"fusion.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InvalidSettingError(f"the ensemble's fusion parameters are not usable: {wrong}") from error
