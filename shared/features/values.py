"""What the extractor measures in the signal, on its way to the classifier: plain numbers by name."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from schemas.errors import InvalidFeaturesError

FEATURE_VERSION: Final = "3"  # of definitions and estimators: values of another version are not comparable
NO_FEATURES: Final = "none"  # stands in the version's place where features were not wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What stands in the place of `SignalFeatures` where features are not wanted. Both values are finite."""

    level_db: float  # mean power of the excerpt below full scale
    spoken: float  # how much it is like speech, as `spoken_in_signal` has it

    def as_json(self) -> dict[str, float]:
        """Return the values by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, float]) -> Self | None:
        """Read what `as_json` wrote; None from an extractor that does not measure it yet."""
        if not {"level_db", "spoken"} <= values.keys():
            return None
        return cls(level_db=values["level_db"], spoken=values["spoken"])


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFeatures:
    """Final values of seven features with their confidences, then what the other five are made of.

    Shares, clarities and confidences are in [0, 1]. All values are finite.
    """

    duration_ms: int
    loudness: float | None  # LUFS; None for silence
    tempo: float  # BPM; 0 where nothing recurs
    tempo_confidence: float
    tempo_alternative_bpm: float  # 0 where there is none
    tempo_alternative_weight: float
    time_signature: int  # 3 to 7
    time_signature_confidence: float
    key: int  # 0 = C ... 11 = B, -1 = none
    key_confidence: float
    mode: int  # 1 major, 0 minor
    mode_confidence: float
    energy: float
    energy_confidence: float
    danceability: float
    danceability_confidence: float

    pulse_clarity: float  # how strongly onsets recur after beats
    tonality: float  # how surely pitches are on one scale: 0 in noise and in speech
    brightness: float  # share of amplitude above 1.5 kHz
    fullness: float  # entropy of amplitude over frequency
    onset_rate_hz: float
    dynamic_range_db: float
    pauses: float  # share of frames 20 dB below the mean
    syllabic: float  # share of modulation at the rate of syllables
    applause: float  # share of the time that sounds like clapping hands

    def as_json(self) -> dict[str, float]:
        """Return the values by name, without those that are None."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, values: Mapping[str, float]) -> Self:
        """Read what `as_json` wrote; names that this version does not know are ignored.

        Raises:
            InvalidFeaturesError: a value is missing; the message names it.
        """
        names = [field.name for field in fields(cls) if field.name != "loudness"]
        if missing := [name for name in names if name not in values]:
            raise InvalidFeaturesError(
                f"the signal value {missing[0]} is missing: of another version of the extractor?"
            )
        known: dict[str, Any] = {name: values[name] for name in names}
        whole = {name: round(known[name]) for name in ("duration_ms", "time_signature", "key", "mode")}
        return cls(loudness=values.get("loudness"), **(known | whole))
