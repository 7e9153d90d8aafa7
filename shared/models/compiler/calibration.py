"""What an 8-bit build is calibrated on besides music: sounds that are none, or a network in 8 bits breaks on them.

Calibrated on music alone, clip means are off by 0.12 on white noise and 0.11 on a sine; with these, as on music.
"""

import numpy as np
from numpy.typing import NDArray

from shared.front_end.mel import compressed, mel_power, rounded
from shared.front_end.spec import MUSICNN_96
from shared.models.compiler.probes import LOUDEST
from shared.models.published import PATCH_FRAMES

_SEED = 8
_N_OF_EACH = 6


def calibration_sounds() -> NDArray[np.float32]:
    """Patches [n, 187, 96] of noises, tones, sweeps, pulses, voices of a kind, and silence, at many levels."""
    rng = np.random.default_rng(_SEED)
    n_samples = PATCH_FRAMES * MUSICNN_96.hop_length
    t = np.arange(n_samples) / MUSICNN_96.sample_rate_hz
    sounds: list[NDArray[np.floating]] = [np.zeros(n_samples)]
    for _ in range(_N_OF_EACH):
        level = 10.0 ** rng.uniform(-3, 0)
        white = rng.standard_normal(n_samples)
        hz = 2.0 ** rng.uniform(5.5, 12.5)
        beat = np.exp(-rng.uniform(4, 20) * (t % rng.uniform(0.15, 0.8)))
        voice = sum(np.sin(2 * np.pi * (hz / 16) * n * t) / n for n in range(1, 24))
        sounds += [
            level * white / 3,
            level * np.cumsum(white) / np.abs(np.cumsum(white)).max(),
            level * np.sin(2 * np.pi * hz * t),
            level * np.sin(2 * np.pi * (hz + rng.uniform(-0.3, 2) * hz * t) * t),
            level * np.sign(np.sin(2 * np.pi * hz / 8 * t)),
            level * beat * white / 3,
            level * voice * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)) / 3,
            level * (rng.random(n_samples) < 3e-4),
        ]
    return np.stack([_patch(np.clip(sound, -1, 1)) for sound in sounds])


def louder(patches: NDArray[np.float32], gain_db: float) -> NDArray[np.float32]:
    """The same music with more gain: masters are louder than what somebody happens to have at hand."""
    power = (np.power(10.0, patches.astype(np.float64)) - 1.0) / 1e4
    return compressed((power * 10.0 ** (gain_db / 10.0)).astype(np.float32), MUSICNN_96).clip(0, LOUDEST)


def _patch(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    power = mel_power(samples.astype(np.float32), MUSICNN_96, 0, PATCH_FRAMES)
    return compressed(rounded(power, MUSICNN_96), MUSICNN_96)
