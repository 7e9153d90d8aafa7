"""Plain descriptors of loudness over time and frequency: what energy, speechiness and liveness are made of.

All are relative to the excerpt itself, so that gain does not move them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from workers.extractor.signal_features.onsets import FRAME_RATE_HZ, OnsetCurves
from workers.extractor.signal_features.periodicity import Floats

_BANDS_ABOVE_1500_HZ = slice(9, 13)
_BANDS_BELOW_156_HZ = slice(0, 2)
_BANDS_OF_VOICE = slice(3, 10)  # 250 Hz to 2 kHz, where syllables are

_SILENCE_DB = -60.0  # below the loudest frame
_SYLLABLES_HZ = (2.5, 6.0)  # Scheirer and Slaney (1997): speech is modulated at about 4 Hz
_SLOWEST_HZ, _FASTEST_HZ = 0.5, 16.0
_PAUSE_DB = -20.0  # below the mean level: speech has many such frames, music few
_ONSET_SPACING_S = 0.06

# Many hands clapping: a second of noise around 2 kHz, hardly any bass, no gaps, loud enough to be meant.
_CLAPS_ABOVE_530_HZ = slice(5, 13)
_CLAPS_MAX_BASS = 0.12  # share of amplitude below that; white noise has 0.17, music more
_CLAPS_MIN_ENTROPY = 0.88  # over the bands above
_CLAPS_MAX_STIR_DB = 2.5  # standard deviation of levels of 100 ms: hundreds of claps a second average out
_CLAPS_MIN_DB = -30.0  # below the loudest second


@dataclass(frozen=True, slots=True)
class Timbre:
    """Descriptors of one excerpt."""

    brightness: float  # [0, 1]: share of amplitude above 1.5 kHz
    bass: float  # [0, 1]: share of amplitude below 156 Hz
    fullness: float  # [0, 1]: entropy of the amplitude over 13 bands, 1 = all alike
    dynamic_range_db: float  # >= 0: loudest to quiet (95th to 10th percentile of 0.4 s levels)
    onset_rate_hz: float  # >= 0: clear attacks a second
    pauses: float  # [0, 1]: share of frames 20 dB below the mean level
    syllabic: float  # [0, 1]: share of the voice band's modulation that lies at the rate of syllables
    applause: float  # [0, 1]: share of the time that sounds like clapping hands


SILENT_TIMBRE = Timbre(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def timbre(curves: OnsetCurves) -> Timbre:
    """Describe an excerpt by its onset curves and band energies."""
    energy = curves.energy.astype(np.float64)
    total = energy.sum(axis=1)
    if total.max(initial=0.0) <= 0.0:
        return SILENT_TIMBRE
    level_db = 10.0 * np.log10(total / total.max() + 1e-12)
    sounding = level_db > _SILENCE_DB
    amplitude = np.sqrt(energy[sounding])
    shares = amplitude / amplitude.sum(axis=1, keepdims=True)
    smooth_db = 10.0 * np.log10(uniform_filter1d(total, 40) / total.mean() + 1e-6)
    quiet_db, loud_db = np.percentile(smooth_db, (10, 95))
    return Timbre(
        brightness=float(shares[:, _BANDS_ABOVE_1500_HZ].sum(axis=1).mean()),
        bass=float(shares[:, _BANDS_BELOW_156_HZ].sum(axis=1).mean()),
        fullness=float(_entropy(shares).mean()),
        dynamic_range_db=float(loud_db - quiet_db),
        onset_rate_hz=_onset_rate_hz(curves),
        pauses=float((total < total.mean() * 10.0 ** (_PAUSE_DB / 10.0)).mean()),
        syllabic=_syllabic_share(energy[:, _BANDS_OF_VOICE].sum(axis=1)),
        applause=_applause(energy),
    )


def _entropy(shares: Floats) -> Floats:
    """Return the entropy of shares along the last axis, 1 when all are alike."""
    return np.asarray(-(shares * np.log(shares + 1e-12)).sum(axis=-1) / np.log(shares.shape[-1])).clip(0.0, 1.0)


def _onset_rate_hz(curves: OnsetCurves) -> float:
    onsets = curves.bands.mean(axis=0)
    spacing = 2 * round(_ONSET_SPACING_S * FRAME_RATE_HZ) + 1
    # A clear attack is the highest of its surroundings and stands out of the mean by a standard deviation.
    around = np.lib.stride_tricks.sliding_window_view(np.pad(onsets, spacing // 2), spacing).max(axis=1)
    clear = (onsets >= around) & (onsets > onsets.mean() + onsets.std())
    return float(clear.sum() * FRAME_RATE_HZ / max(onsets.size, FRAME_RATE_HZ))


def _syllabic_share(energy: Floats) -> float:
    if energy.size < 2 * FRAME_RATE_HZ:  # two seconds tell no rhythm of syllables
        return 0.0
    level = np.log(energy + 1e-4 * energy.mean() + 1e-12)
    power = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(level.size))) ** 2
    hz = np.arange(power.size) * FRAME_RATE_HZ / level.size
    heard = power[(hz >= _SLOWEST_HZ) & (hz <= _FASTEST_HZ)].sum()
    syllables = power[(hz >= _SYLLABLES_HZ[0]) & (hz <= _SYLLABLES_HZ[1])].sum()
    return float(syllables / max(float(heard), 1e-12))


def _applause(energy: Floats) -> float:
    """Return the share of whole seconds that are filled with clapping."""
    n_seconds, tenth = len(energy) // round(FRAME_RATE_HZ), round(FRAME_RATE_HZ / 10)
    if n_seconds == 0:
        return 0.0
    tenths = energy[: n_seconds * 10 * tenth].reshape(n_seconds, 10, tenth, -1).mean(axis=2)
    levels_db = 10.0 * np.log10(tenths.sum(axis=2) + 1e-12)
    amplitude = np.sqrt(tenths.mean(axis=1))
    claps = amplitude[:, _CLAPS_ABOVE_530_HZ]
    above = claps.sum(axis=1)
    heard = levels_db.mean(axis=1) > levels_db.mean(axis=1).max() + _CLAPS_MIN_DB
    thin = 1.0 - above / np.maximum(amplitude.sum(axis=1), 1e-12) < _CLAPS_MAX_BASS
    flat = _entropy(claps / np.maximum(above, 1e-12)[:, None]) > _CLAPS_MIN_ENTROPY
    steady = levels_db.std(axis=1) < _CLAPS_MAX_STIR_DB
    return float((heard & thin & flat & steady).mean())
