"""Onset curves: how much starts, in four frequency bands and in the harmony, a hundred times a second."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from workers.extractor.signal_features.frames import LOW_RATE_HZ, SAMPLE_RATE_HZ, Array, Samples, power_chunks

HOP = 160  # 10 ms: a sixteenth note at 200 BPM is 75 ms
FRAME_RATE_HZ = SAMPLE_RATE_HZ / HOP
_N_FFT = 512  # 32 ms: as short as resolving a bass drum from a bass allows
_FLUX_LAG = 3  # frames; 30 ms, about one window, so that a vibrato is no onset

# Edges of the bands in which energy is followed, in Hz: half-octave bands, with the lowest ones as wide as the
# transform allows.
_EDGES_HZ = (31, 94, 156, 250, 375, 530, 750, 1060, 1500, 2120, 3000, 4240, 6000, 8000)
# Which of them make one onset curve: bass drum and bass; body of snare and voice; attacks and consonants; cymbals.
_GROUPS = ((0, 2), (2, 5), (5, 9), (9, 13))
_PULSE_WIDTH = 5  # frames; 50 ms, so that a pulse between two frames looks like one on a frame
_DYNAMIC_RANGE = 1e-7  # what lies 70 dB below the loudest band of the excerpt counts as silence

_HARMONY_N_FFT = 1024  # 256 ms at 4 kHz: tells semitones apart from about 130 Hz upwards
_HARMONY_HOP = 100  # 25 ms
_HARMONY_SMOOTHING = 7  # frames; 175 ms: a grace note is no chord
_HARMONY_LAG = 8  # frames; 200 ms, so that the window before a chord change and the one after it hardly overlap
_HARMONY_RANGE_HZ = (60.0, 1_400.0)
# Against the loudest frame, in the measure below, 86 dB: low enough that loudness does not show in what is left of a
# chroma.
_HARMONY_FLOOR = 1e-3
_HARMONY_AUDIBLE = (
    0.05  # of the loudest frame, in that measure: a change from or to much less is a start or an end, no harmony
)
_HARMONY_EXPONENT = 0.35  # of power: magnitude^0.7, so that the loudest partial does not decide alone


@dataclass(frozen=True, slots=True)
class OnsetCurves:
    """What starts when. All curves have FRAME_RATE_HZ."""

    bands: Array  # (4, n_frames): rising log energy, low to high
    amplitude: Array  # (n_frames,): rising amplitude over all bands, so that accents show
    harmony: Array  # (n_frames,): how far the chroma moves, 0 (same notes) to 1 (others)
    energy: Array  # (n_frames, 13): power in each half-octave band


def onset_curves(samples: Samples, low_rate_samples: Samples) -> OnsetCurves:
    """Follow the energy of 13 bands and the chroma of one excerpt.

    Args:
        samples: mono, shape (n_samples,), at SAMPLE_RATE_HZ.
        low_rate_samples: the same at LOW_RATE_HZ.
    """
    bins = np.rint(np.array(_EDGES_HZ) * _N_FFT / SAMPLE_RATE_HZ).astype(np.intp)
    chunks = power_chunks(samples, _N_FFT, HOP)
    energy = np.concatenate([np.add.reduceat(power[:, : bins[-1]], bins[:-1], axis=1) for power in chunks])
    loudest = float(energy.max())
    if loudest <= 0.0:
        silence = np.zeros((len(_GROUPS), len(energy)), np.float32)
        return OnsetCurves(silence, silence[0], silence[0], energy)
    log_energy = np.log(energy / loudest + _DYNAMIC_RANGE)
    rise = _rise(log_energy)
    bands = np.stack([rise[:, first:last].mean(axis=1) for first, last in _GROUPS])
    bands = uniform_filter1d(bands, 3, axis=1)
    amplitude = uniform_filter1d(_rise(np.sqrt(energy / loudest)).sum(axis=1), _PULSE_WIDTH)
    return OnsetCurves(bands, amplitude, _at_frame_rate(_harmonic_novelty(low_rate_samples), len(energy)), energy)


def _rise(levels: Array) -> Array:
    rise = np.zeros_like(levels)
    np.maximum(levels[_FLUX_LAG:] - levels[:-_FLUX_LAG], 0.0, out=rise[_FLUX_LAG:])
    return rise


def _harmonic_novelty(samples: Samples) -> Array:
    """Return the distance of the chroma 100 ms later from that 100 ms earlier, one value every 25 ms."""
    chunks = power_chunks(samples, _HARMONY_N_FFT, _HARMONY_HOP)
    chroma = np.concatenate([power ** np.float32(_HARMONY_EXPONENT) @ _PITCH_CLASSES for power in chunks])
    strength = np.linalg.norm(chroma, axis=1, keepdims=True)
    chroma = uniform_filter1d(chroma / (strength + _HARMONY_FLOOR * strength.max() + 1e-12), _HARMONY_SMOOTHING, axis=0)
    novelty = np.zeros(len(chroma), np.float32)
    if len(chroma) > _HARMONY_LAG:
        change = 1.0 - np.einsum("fc,fc->f", chroma[_HARMONY_LAG:], chroma[:-_HARMONY_LAG])
        weaker = np.minimum(strength[_HARMONY_LAG:, 0], strength[:-_HARMONY_LAG, 0])
        heard = weaker / (weaker + _HARMONY_AUDIBLE * strength.max() + 1e-12)
        novelty[_HARMONY_LAG // 2 : _HARMONY_LAG // 2 + len(change)] = np.sqrt(np.maximum(change, 0.0)) * heard
    return novelty


def _at_frame_rate(curve: Array, n_frames: int) -> Array:
    times = np.arange(n_frames) / FRAME_RATE_HZ * LOW_RATE_HZ / _HARMONY_HOP
    return np.interp(times, np.arange(len(curve)), curve).astype(np.float32)


def _pitch_classes() -> Array:
    """Return triangles a semitone wide on each side of the twelve pitch classes, shape (n_bins, 12)."""
    low, high = _HARMONY_RANGE_HZ
    hz = np.arange(_HARMONY_N_FFT // 2 + 1) * LOW_RATE_HZ / _HARMONY_N_FFT
    midi = 69.0 + 12.0 * np.log2(np.maximum(hz, 1.0) / 440.0)
    distance = np.abs((midi[:, None] - np.arange(12) + 6.0) % 12.0 - 6.0)
    inside = (hz > low) & (hz < high)
    return np.where(inside[:, None], np.maximum(0.0, 1.0 - distance), 0.0).astype(np.float32)


_PITCH_CLASSES = _pitch_classes()
