"""All signal features of one excerpt."""

import math

import numpy.typing as npt

from shared.features.values import SignalFeatures
from workers.extractor.signal_features.danceability import danceability
from workers.extractor.signal_features.energy import energy
from workers.extractor.signal_features.frames import SAMPLE_RATE_HZ, centred, low_rate
from workers.extractor.signal_features.key import NO_KEY, Key, key
from workers.extractor.signal_features.meter import meter
from workers.extractor.signal_features.onsets import onset_curves
from workers.extractor.signal_features.periodicity import periodicity
from workers.extractor.signal_features.tempo import tempo
from workers.extractor.signal_features.timbre import timbre

_WHOLE_S = 10.0  # shorter excerpts show too few bars to be sure of anything about them


def signal_features(
    excerpt_16k: npt.ArrayLike, loudness_lufs: float | None, *, duration_ms: int | None = None
) -> SignalFeatures:
    """Measure one excerpt. Any samples will do: silence, noise and a single sample give low confidence and key -1.

    Args:
        excerpt_16k: mono PCM at SAMPLE_RATE_HZ, full scale at 1, shape (n_samples,); 30 s or less.
        loudness_lufs: BS.1770 loudness of the whole track; None, or not finite, for silence.
        duration_ms: of the whole track; that of the excerpt when None.
    """
    samples = centred(excerpt_16k)
    loudness = loudness_lufs if loudness_lufs is not None and math.isfinite(loudness_lufs) else None
    sounding = samples.any() and loudness is not None
    low = low_rate(samples)
    curves = onset_curves(samples, low)
    rhythm = periodicity(curves)
    beat = tempo(rhythm)
    bars = meter(rhythm, beat.bpm, beat.pulse_clarity)
    tonal: Key = key(low) if sounding else NO_KEY
    sound = timbre(curves)
    seen = min(1.0, samples.size / SAMPLE_RATE_HZ / _WHOLE_S)
    return SignalFeatures(
        duration_ms=round(samples.size * 1000 / SAMPLE_RATE_HZ) if duration_ms is None else duration_ms,
        loudness=loudness,
        tempo=beat.bpm,
        tempo_confidence=seen * beat.confidence,
        tempo_alternative_bpm=beat.alternative_bpm,
        tempo_alternative_weight=beat.alternative_weight,
        time_signature=bars.time_signature,
        time_signature_confidence=seen * bars.confidence * beat.confidence,
        key=tonal.key,
        key_confidence=seen * tonal.confidence,
        mode=tonal.mode,
        mode_confidence=seen * tonal.mode_confidence,
        energy=energy(loudness, sound),
        energy_confidence=0.8 * seen if sounding else 0.0,
        danceability=danceability(rhythm, beat.likeliest_bpm, beat.pulse_clarity, sound),
        danceability_confidence=0.6 * seen * beat.pulse_clarity,
        pulse_clarity=beat.likeliest_clarity,
        tonality=tonal.presence,
        brightness=sound.brightness,
        fullness=sound.fullness,
        onset_rate_hz=sound.onset_rate_hz,
        dynamic_range_db=sound.dynamic_range_db,
        pauses=sound.pauses,
        syllabic=sound.syllabic,
        applause=sound.applause,
    )
