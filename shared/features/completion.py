"""From signal values, and later tags, to the Spotify-shaped object."""

from collections.abc import Iterable, Mapping

from schemas.events import AudioFeatures, TempoCandidate
from shared.features import tagged
from shared.features.values import SignalFeatures

_DIGITS = 4  # of values in [0, 1], and thousandths of BPM and LUFS: finer digits are noise


def measured(signal: SignalFeatures) -> AudioFeatures:
    """Return the features that need no tags; the others are absent."""
    silent = signal.loudness is None
    return AudioFeatures(
        danceability=round(signal.danceability, _DIGITS),
        energy=round(signal.energy, _DIGITS),
        key=signal.key,
        loudness=None if signal.loudness is None else round(signal.loudness, 3),
        mode=signal.mode,
        tempo=round(signal.tempo, 3),
        time_signature=signal.time_signature,
        duration_ms=signal.duration_ms,
        confidence=_rounded(
            {
                "danceability": signal.danceability_confidence,
                "energy": signal.energy_confidence,
                "key": signal.key_confidence,
                "loudness": 0.0 if silent else 1.0,  # measured, not estimated
                "mode": signal.mode_confidence,
                "tempo": signal.tempo_confidence,
                "time_signature": signal.time_signature_confidence,
                "duration_ms": 1.0,
            }
        ),
        tempo_alternative=(
            TempoCandidate(
                bpm=round(signal.tempo_alternative_bpm, 3), weight=round(signal.tempo_alternative_weight, _DIGITS)
            )
            if signal.tempo_alternative_bpm > 0.0
            else None
        ),
    )


def complete(signal: SignalFeatures, members: Iterable[Mapping[str, float]]) -> AudioFeatures:
    """Return all features of a track.

    Args:
        signal: what the extractor measured.
        members: what each member of the ensemble says of the track, probabilities in [0, 1] by tag, in any spelling of
            the vocabularies that `tagged` names; may be empty.
    """
    features = measured(signal)
    votes = tagged.TagVotes(members)
    estimates = {
        "speechiness": tagged.speechiness(signal, votes),
        "acousticness": tagged.acousticness(signal, votes),
        "instrumentalness": tagged.instrumentalness(signal, votes),
        "liveness": tagged.liveness(signal, votes),
        "valence": tagged.valence(signal, votes),
    }
    # Where nothing sounds there is nothing to be sure of.
    certainty = 0.0 if signal.loudness is None else 1.0
    confidence = {name: certainty * estimate.confidence for name, estimate in estimates.items()}
    return features.model_copy(
        update={
            **_rounded({name: estimate.value for name, estimate in estimates.items()}),
            "confidence": {**(features.confidence or {}), **_rounded(confidence)},
        }
    )


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, _DIGITS) for name, value in values.items()}
