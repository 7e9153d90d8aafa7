import numpy as np
import pytest

from tests.unit.workers.extractor.signal_features.conftest import Chords, Clicks, Samples
from workers.extractor.signal_features import presence

RATE_HZ = 16_000


def syllables(duration_s: float = 20.0) -> Samples:
    """Noise that comes and goes like read words: four syllables a second, a pause behind every few."""
    rng = np.random.default_rng(3)
    parts: list[Samples] = []
    while sum(map(len, parts)) < duration_s * RATE_HZ:
        for _ in range(int(rng.integers(3, 9))):
            n = int(rng.uniform(0.15, 0.3) * RATE_HZ)
            parts.append((0.2 * rng.standard_normal(n) * np.hanning(n) ** 2).astype(np.float32))
        parts.append(np.zeros(int(rng.uniform(0.3, 0.8) * RATE_HZ), np.float32))
    return np.concatenate(parts)[: round(duration_s * RATE_HZ)]


def test_level_is_the_mean_power_below_full_scale() -> None:
    sine = np.sin(np.arange(RATE_HZ) * 0.1).astype(np.float32)

    assert presence(sine).level_db == pytest.approx(-3.0, abs=0.1)
    assert presence(1e-4 * sine).level_db == pytest.approx(-83.0, abs=0.1)


@pytest.mark.parametrize("n_samples", [0, 1, 100, RATE_HZ])
def test_silence_of_any_length_is_far_below_anything_that_sounds(n_samples: int) -> None:
    found = presence(np.zeros(n_samples, np.float32))

    assert (found.level_db, found.spoken) == (-200.0, 0.0)


def test_what_comes_in_syllables_with_pauses_is_like_speech() -> None:
    assert presence(syllables()).spoken > 0.66


def test_music_is_not_like_speech_with_pauses_or_without(clicks: Clicks, chords: Chords) -> None:
    assert presence(clicks(120)).spoken < 0.1
    assert presence(chords(0, [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)])).spoken < 0.1
