"""What is steady is told from what moves."""

import numpy as np
import pytest

from workers.classifier.sound import variation_db

FRAME_S = 0.016
N_FRAMES, N_BANDS = 600, 96


def test_silence_does_not_vary() -> None:
    assert variation_db(np.zeros((N_FRAMES, N_BANDS), np.float16), FRAME_S) == 0.0


def test_noise_varies_as_the_chi_squared_distribution_says() -> None:
    # Power of Gaussian noise in one bin is exponential; the mean of k of them has a relative deviation of 1/sqrt(k),
    # and 10 log10(1 + x) is about 4.34 x.
    power = np.random.default_rng(0).exponential(size=(N_FRAMES * 10, N_BANDS))
    n_averaged = round(0.2 / FRAME_S)

    assert variation_db(power, FRAME_S) == pytest.approx(4.343 / n_averaged**0.5, rel=0.1)


def test_beat_varies_by_its_swing() -> None:
    power = np.full((N_FRAMES, N_BANDS), 1.0)
    power[(np.arange(N_FRAMES) // 60) % 2 == 0] = 0.01  # half the time 20 dB lower: deviation 10 dB

    assert variation_db(power, FRAME_S) == pytest.approx(10.0, rel=0.05)


def test_background_bands_do_not_count() -> None:
    power = np.full((N_FRAMES, N_BANDS), 1.0)
    power[:, 50:] = 1e-6 * np.random.default_rng(1).uniform(0.1, 10, (N_FRAMES, N_BANDS - 50))

    assert variation_db(power, FRAME_S) == pytest.approx(0.0, abs=1e-6)


def test_variation_is_unknown_when_there_is_less_than_three_windows() -> None:
    assert variation_db(np.ones((30, N_BANDS)), FRAME_S) is None
