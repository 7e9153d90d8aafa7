"""How far our features agree with those that somebody else gave the same clips."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from schemas.errors import InvalidSettingError
from schemas.events import AudioFeatures
from shared.evaluation.audio_feature_scores import key_score, related_tempo, same_tempo
from shared.evaluation.music4all import ClipFeatures
from shared.features.calibration import CALIBRATED, CalibratedFeature
from shared.features.monotone import LEAST_PAIRS, Fit, fit

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """One clip, as we hear it and as they said."""

    ours: AudioFeatures
    theirs: ClipFeatures


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What can be said of many clips.

    Attributes:
        fits: maps to their scale, by feature.
        shares: of clips that agree, in [0, 1]: tempo within 4 %, the same up to the metrical level, key as mir_eval
            weighs it and exactly, mode. Those without clips that could be compared are left out.
        n_pairs: clips.
    """

    fits: dict[CalibratedFeature, Fit]
    shares: dict[str, float]
    n_pairs: int

    def evidence(self) -> dict[str, JsonValue]:
        """Return it for a file."""
        errors: dict[str, JsonValue] = {
            name: {
                "mapped": one.helps,
                "error_before": round(one.error_before, _DIGITS),
                "error_after_cross_validated": round(one.error_after, _DIGITS),
                "error_of_the_mean": round(one.error_of_the_mean, _DIGITS),
                # JSON has no NaN, and what is all alike has no ranks.
                "rank_correlation": None if math.isnan(one.rank_correlation) else round(one.rank_correlation, _DIGITS),
            }
            for name, one in self.fits.items()
        }
        shares: dict[str, JsonValue] = {name: round(share, _DIGITS) for name, share in self.shares.items()}
        return {"n_pairs": self.n_pairs, "features": errors, "agreement": shares}


def agreement(pairs: Sequence[Pair]) -> Agreement:
    """Compare. Raises: InvalidSettingError when there are too few pairs to say anything."""
    if len(pairs) < LEAST_PAIRS:
        raise InvalidSettingError(f"{len(pairs)} clips could be compared; a calibration needs {LEAST_PAIRS} at least")
    timed = [pair for pair in pairs if pair.theirs.tempo > 0.0]
    keyed = [pair for pair in pairs if pair.theirs.key >= 0]
    shares = {
        "tempo": _share(timed, lambda pair: same_tempo(pair.theirs.tempo, pair.ours.tempo or 0.0)),
        "tempo_or_multiple": _share(timed, lambda pair: related_tempo(pair.theirs.tempo, pair.ours.tempo or 0.0)),
        "key_weighted": _share(keyed, _key_score),
        "key_and_mode": _share(keyed, lambda pair: _key_score(pair) == 1.0),
        "mode": _share(pairs, lambda pair: pair.ours.mode == pair.theirs.mode),
    }
    return Agreement(
        fits={
            name: fit([getattr(pair.ours, name) for pair in pairs], [getattr(pair.theirs, name) for pair in pairs])
            for name in CALIBRATED
        },
        shares={name: share for name, share in shares.items() if share is not None},
        n_pairs=len(pairs),
    )


def _key_score(pair: Pair) -> float:
    ours, theirs = pair.ours, pair.theirs
    return key_score(
        theirs.key, theirs.mode, -1 if ours.key is None else ours.key, 1 if ours.mode is None else ours.mode
    )


def _share(pairs: Sequence[Pair], agrees: Callable[[Pair], float]) -> float | None:
    return sum(map(agrees, pairs)) / len(pairs) if pairs else None
