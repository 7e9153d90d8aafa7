"""Sounds whose tempo, meter and key are known because they are made of formulas."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

RATE_HZ = 16_000

Samples = npt.NDArray[np.float32]
Clicks = Callable[..., Samples]
Chords = Callable[..., Samples]


@pytest.fixture(scope="session")
def clicks() -> Clicks:
    """Clicks on each beat; with ``swing``, more of them at 2/3 of a beat; with ``accents``, a pattern of amplitudes."""

    def make(
        bpm: float, *, swing: float = 0.0, accents: Sequence[float] = (1.0,), duration_s: float = 30.0, hz: float = 1e3
    ) -> Samples:
        n = round(duration_s * RATE_HZ)
        samples = np.zeros(n + RATE_HZ, np.float32)
        times = np.arange(800) / RATE_HZ
        click = (np.sin(2 * np.pi * hz * times) * np.exp(-times / 0.01)).astype(np.float32)
        beat = 0
        while (start := round(beat * 60 / bpm * RATE_HZ)) < n:
            samples[start : start + click.size] += accents[beat % len(accents)] * click
            if swing:
                late = round((beat + 2 / 3) * 60 / bpm * RATE_HZ)
                samples[late : late + click.size] += swing * click
            beat += 1
        return 0.5 * samples[:n]

    return make


@pytest.fixture(scope="session")
def chords() -> Chords:
    """Chords of harmonic tones, each a sequence of semitones above the tonic, one after another."""

    def make(
        tonic: int, progression: Sequence[Sequence[int]], *, cents: float = 0.0, chord_s: float = 1.0, repeats: int = 2
    ) -> Samples:
        times = np.arange(round(chord_s * RATE_HZ)) / RATE_HZ
        fade = np.minimum(1.0, np.minimum(times, times[::-1]) / 0.02)
        sounds = []
        for notes in progression:
            hz = 440.0 * 2.0 ** ((48 + tonic + np.array(notes) - 69 + cents / 100) / 12)
            tones = [np.sin(2 * np.pi * f * k * times) / k for f in hz for k in range(1, 6)]
            sounds.append(fade * np.sum(tones, axis=0) / len(tones))
        return np.tile(np.concatenate(sounds), repeats).astype(np.float32)

    return make
