"""What a compiled graph has to answer as the plain one does before it is used: patches of everything that can come.

Some are drawn into the mel spectrogram, extremes that no sound makes included; some are sounds that went through the
front end. All are made up here, the same every time.
"""

import numpy as np
from numpy.typing import NDArray

from shared.front_end.mel import compressed, mel_power, rounded
from shared.front_end.spec import MUSICNN_96
from shared.models.published import N_BANDS, PATCH_FRAMES, known_patch

Patches = dict[str, NDArray[np.float32]]  # by name, each [187, 96]

LOUDEST = float(np.log10(np.float32(10_000) * np.float32(65_504) + np.float32(1)))  # of power clamped to float16

_SEED = 1909_06654  # any will do, as long as it stays


def probe_patches() -> Patches:
    """All probes, each float32 [187, 96], values between 0 and `LOUDEST`."""
    drawn = {**_still(), **_edges(), **_music_like()}
    return {name: np.asarray(patch, np.float32) for name, patch in {**drawn, **_sounds()}.items()}


def _still() -> dict[str, NDArray[np.floating]]:
    """Nothing happens, or everything does."""
    rng = np.random.default_rng(_SEED)
    shape = (PATCH_FRAMES, N_BANDS)
    sparse = np.where(rng.random(shape) < 0.01, LOUDEST, 0)
    return {
        "silence": np.zeros(shape),
        "quiet": np.full(shape, 1e-3),
        "middle": np.full(shape, LOUDEST / 2),
        "loudest": np.full(shape, LOUDEST),
        "uniform noise": rng.uniform(0, LOUDEST, shape),
        "uniform noise, again": rng.uniform(0, LOUDEST, shape),
        "quiet noise": rng.uniform(0, 0.1, shape),
        "salt and pepper": np.where(rng.random(shape) < 0.5, LOUDEST, 0),
        "spikes": sparse,
        "holes": LOUDEST - sparse,
    }


def _edges() -> dict[str, NDArray[np.floating]]:
    """Single points, steps and lines, in the corners and where kernels meet the padding."""
    frame, band = np.ogrid[:PATCH_FRAMES, :N_BANDS]
    everywhere = np.ones((PATCH_FRAMES, N_BANDS))
    corners = ((frame == 0) | (frame == PATCH_FRAMES - 1)) & ((band == 0) | (band == N_BANDS - 1))
    drawn = {
        "corners": corners,
        "point": (frame == 93) & (band == 47),
        "first and last frame": (frame == 0) | (frame == PATCH_FRAMES - 1),
        "first and last band": (band == 0) | (band == N_BANDS - 1),
        "step in time": frame >= 93,
        "step back in time": frame < 161,
        "step in frequency": band >= 48,
        "step down in frequency": band < 94,
        "clicks": frame % 31 == 0,
        "tone": band == 20,
        "chord": np.isin(band, (11, 23, 31, 47)),
        "stripes": band % 2 == 0,
        "checks": (frame + band) % 2 == 0,
        "rising line": abs(band - frame / 2) < 1,
    }
    return {name: LOUDEST * (everywhere * mask) for name, mask in drawn.items()}


def _music_like() -> dict[str, NDArray[np.floating]]:
    """Beats and moving partials over a falling noise floor, at several loudnesses."""
    rng = np.random.default_rng(_SEED + 1)
    frame, band = np.ogrid[:PATCH_FRAMES, :N_BANDS]
    made: dict[str, NDArray[np.floating]] = {"known": known_patch()}
    for name, loudness, period in (("soft", 0.5, 47), ("music", 1.0, 31), ("loud", 2.0, 23)):
        floor = np.exp(-band / 60) + 0.3 * rng.standard_normal((PATCH_FRAMES, N_BANDS))
        beat = 1.5 * np.exp(-(frame % period) / 6) * np.exp(-band / 50)
        melody = 20 + 8 * np.sin(frame / rng.uniform(20, 60))
        partials = sum(np.exp(-(((band - melody - 14 * n) / 2) ** 2)) / (n + 1) for n in range(5))
        made[name] = np.clip(loudness * (floor + beat + 2 * partials), 0, LOUDEST)
    return made


def _sounds() -> dict[str, NDArray[np.float32]]:
    """Sounds through the front end, as music comes."""
    rng = np.random.default_rng(_SEED + 2)
    n_samples = PATCH_FRAMES * MUSICNN_96.hop_length
    time_s = np.arange(n_samples) / MUSICNN_96.sample_rate_hz
    decay = np.exp(-8 * (time_s % 0.5))
    square = np.sign(np.sin(2 * np.pi * 110 * time_s))
    harmonics = sum(np.sin(2 * np.pi * 220 * n * time_s) / n for n in range(1, 12))
    sounds = {
        "white noise": rng.uniform(-1, 1, n_samples),
        "faint noise": 1e-4 * rng.standard_normal(n_samples),
        "sine": np.sin(2 * np.pi * 440 * time_s),
        "chirp": np.sin(2 * np.pi * (50 + 1_250 * time_s) * time_s),
        "full-scale square": square,
        "plucked strings": 0.4 * harmonics * decay,
        "drums": decay * rng.standard_normal(n_samples),
        "click": (time_s == time_s[n_samples // 2]).astype(np.float64),
        "band": 0.2 * harmonics * decay + 0.1 * square + 0.1 * decay**3 * rng.standard_normal(n_samples),
    }
    patches = {}
    for name, samples in sounds.items():
        power = mel_power(samples.astype(np.float32), MUSICNN_96, 0, PATCH_FRAMES)
        patches[f"sound: {name}"] = compressed(rounded(power, MUSICNN_96), MUSICNN_96)
    return patches
