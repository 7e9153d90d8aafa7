"""Key and mode from a tuned chroma of spectral peaks, against published key profiles.

One tuning estimate for the excerpt (a record is not retuned within half a minute), then peaks only, so that drums and
noise between partials count little, each frame with the same weight, so that a loud bar does not decide. Profiles:
Albrecht and Shanahan (2013, "The use of large corpora to train a new type of key-finding algorithm", Music Perception
31/1) and Temperley's from the Kostka-Payne corpus (2001, "The Cognition of Basic Musical Structures"), averaged: the
first is better at minor, the second at major.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from workers.extractor.signal_features.frames import LOW_RATE_HZ, Array, Samples, power_chunks

Floats = npt.NDArray[np.float64]

_N_FFT = 2048  # 512 ms at 4 kHz: 2 Hz bins, so that interpolated peaks are good to a few cents from 100 Hz upwards
_HOP = 1024  # 256 ms
_MELODY_HZ = (80.0, 1_200.0)  # below it, semitones are narrower than a peak; above it, mostly overtones
_BASS_HZ = (50.0, 250.0)
_BASS_WEIGHT = 0.3  # the bass plays roots; more weight makes it decide alone
_EXPONENT = 0.4  # of power: magnitude^0.8, between counting peaks and adding amplitudes
_SPREAD_SEMITONES = 0.2  # a peak this far off the grid counts 0.6, one between two pitches hardly

_ALBRECHT_SHANAHAN: Final = (
    (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
)
_TEMPERLEY: Final = (
    (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
    (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
)

# Is there a key at all? Two things must hold. Peaks lie on one semitone grid: the length of their mean direction is
# above what chance gives (Rayleigh's test at 2.5 sigma: 1 in 500); it is 0.12 to 0.5 in rendered music, 0.03 to 0.1 in
# death metal.
_RAYLEIGH = 2.5
_CLEAR_GRID = 0.08  # above chance
# And the pitch classes are not all alike: half the distance from a flat chroma is 0.07 to 0.11 in noise (1 to 30 s),
# 0.14 to 0.33 in music, 0.75 for a chord alone.
_NO_TONALITY = 0.06
_CLEAR_TONALITY = 0.14
_SCORE_SCALE = 0.06  # of the softmax that makes correlations a confidence: a lead of 0.06 means odds of e to 1


@dataclass(frozen=True, slots=True)
class Key:
    """Tonic, mode, and what they rest on."""

    key: int  # 0 = C ... 11 = B, -1 = none detected
    mode: int  # 1 major, 0 minor
    confidence: float  # [0, 1], of the key
    mode_confidence: float  # [0, 1]
    tuning_cents: float  # [-50, 50], against A = 440 Hz
    presence: float  # [0, 1]: how surely there are pitches of one scale at all


NO_KEY: Final = Key(key=-1, mode=1, confidence=0.0, mode_confidence=0.0, tuning_cents=0.0, presence=0.0)


def key(low_rate_samples: Samples) -> Key:
    """Return the key of an excerpt at 4 kHz; -1 where its pitch classes are all alike, as in noise."""
    chroma = tuned_chroma(low_rate_samples)
    total = float(chroma.classes.sum())
    if total <= 0.0:
        return NO_KEY
    tonality = float(np.abs(chroma.classes / total - 1.0 / 12.0).sum() / (2.0 * (1.0 - 1.0 / 12.0)))
    presence = _ramp(chroma.grid, chroma.chance, chroma.chance + _CLEAR_GRID) * _ramp(
        tonality, _NO_TONALITY, _CLEAR_TONALITY
    )
    scores = _PROFILES @ _standardised(chroma.classes)
    odds = np.exp((scores - scores.max()) / _SCORE_SCALE)
    likelihoods = odds / odds.sum()
    best = int(scores.argmax())
    major = float(likelihoods[:12].sum())
    return Key(
        key=best % 12 if presence > 0.0 else -1,
        mode=int(best < 12),
        confidence=presence * float(likelihoods[best]),
        mode_confidence=presence * float(max(major, 1.0 - major)),
        tuning_cents=chroma.tuning_cents,
        presence=presence,
    )


@dataclass(frozen=True, slots=True)
class Chroma:
    """Pitch classes on the grid that the excerpt is tuned to."""

    classes: Floats  # (12,): weights, C first
    tuning_cents: float  # [-50, 50], against A = 440 Hz
    grid: float  # [0, 1]: how well the peaks lie on one semitone grid
    chance: float  # what as many peaks of noise would reach


def tuned_chroma(low_rate_samples: Samples) -> Chroma:
    """Return the chroma of an excerpt, and its tuning.

    Args:
        low_rate_samples: mono, shape (n_samples,), at LOW_RATE_HZ.
    """
    hz, weights = _peaks(np.concatenate(list(power_chunks(low_rate_samples, _N_FFT, _HOP))))
    in_melody = hz >= _MELODY_HZ[0]
    pitches = 69.0 + 12.0 * np.log2(np.maximum(hz, 1.0) / 440.0)
    # Deviations from the semitone grid live on a circle: their weighted mean direction is the tuning.
    voices = weights * in_melody
    direction = (voices * np.exp(2j * np.pi * pitches)).sum()
    total = max(float(voices.sum()), 1e-12)
    tuning = float(np.angle(direction)) / (2.0 * np.pi)
    deviations = pitches - tuning - np.rint(pitches - tuning)
    classes = np.rint(pitches - tuning).astype(np.intp) % 12
    counted = weights * np.exp(-0.5 * (deviations / _SPREAD_SEMITONES) ** 2)
    melody = np.bincount(classes, counted * in_melody, 12)
    bass = np.bincount(classes, counted * (hz <= _BASS_HZ[1]), 12)
    return Chroma(
        classes=melody / max(melody.sum(), 1e-12) + _BASS_WEIGHT * bass / max(bass.sum(), 1e-12),
        tuning_cents=100.0 * tuning,
        grid=float(np.abs(direction)) / total,
        chance=_RAYLEIGH * float(np.sqrt(np.square(voices).sum())) / total,
    )


def _peaks(power: Array) -> tuple[Floats, Floats]:
    """Return frequency in Hz and weight of each spectral peak; a frame's weights sum to 1, less in a pause."""
    hz_per_bin = LOW_RATE_HZ / _N_FFT
    first, last = int(_BASS_HZ[0] / hz_per_bin), int(_MELODY_HZ[1] / hz_per_bin)
    centre, below, above = power[:, first:last], power[:, first - 1 : last - 1], power[:, first + 1 : last + 1]
    frames, bins = np.nonzero((centre > below) & (centre >= above))
    # A parabola through the logarithms of three bins of a Hann window's main lobe.
    low, middle, high = (np.log(part[frames, bins].astype(np.float64) + 1e-20) for part in (below, centre, above))
    curvature = np.minimum(low - 2.0 * middle + high, -1e-9)
    offsets = np.clip(0.5 * (low - high) / curvature, -0.5, 0.5)
    weights = centre[frames, bins].astype(np.float64) ** _EXPONENT
    totals = np.bincount(frames, weights, len(power))
    # Each frame counts the same, but for those far below the loudest one, which are silence.
    weights /= (totals + 0.01 * totals.max(initial=0.0) + 1e-12)[frames]
    return (bins + first + offsets) * hz_per_bin, weights


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))


def _standardised(values: npt.ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    centred = array - float(array.mean())
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-12))


def _profiles() -> Floats:
    """Return unit-length profiles: twelve major keys from C, twelve minor ones; shape (24, 12)."""
    modes = [
        _standardised(first) + _standardised(second)
        for first, second in zip(_ALBRECHT_SHANAHAN, _TEMPERLEY, strict=True)
    ]
    return np.stack([_standardised(np.roll(mode, tonic)) for mode in modes for tonic in range(12)])


_PROFILES: Final = _profiles()
