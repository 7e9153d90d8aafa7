"""Music for tests that need no particular one."""

from pathlib import Path

import numpy as np
import soundfile


def write_tune(path: Path, *, seed: int, seconds: float = 3.2, rate_hz: int = 22_050) -> Path:
    """Write a few bars of plucked chords over a beat, other ones for each seed, in the format of the name's ending."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    tune = np.zeros_like(t)
    beat_s = 60 / rng.uniform(80, 160)
    for start_s in np.arange(0, seconds, beat_s):
        after = np.maximum(t - start_s, 0.0)
        for note in rng.choice([0, 3, 4, 7, 10, 12], size=3):
            tune += (t >= start_s) * np.sin(2 * np.pi * 220 * 2 ** (note / 12) * after) * np.exp(-4 * after)
        tune += (t >= start_s) * rng.standard_normal(t.size) * np.exp(-40 * after)
    soundfile.write(path, (0.2 * tune / np.abs(tune).max()).astype(np.float32), rate_hz)
    return path


def write_noise(path: Path, *, seconds: float = 3.2, rate_hz: int = 22_050) -> Path:
    """Write what is no music."""
    noise = np.random.default_rng(1).standard_normal(int(seconds * rate_hz))
    soundfile.write(path, (0.1 * noise).astype(np.float32), rate_hz)
    return path
