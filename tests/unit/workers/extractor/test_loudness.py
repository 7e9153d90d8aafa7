import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray

from workers.extractor.loudness import LoudnessMeter, channel_weights, k_weighting

# ITU-R BS.1770-5, tables 1 and 2: the coefficients at 48 kHz.
SHELF = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
HIGH_PASS = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]


def a_sine(
    rate_hz: int, *, duration_s: float = 4.0, frequency_hz: float = 997.0, amplitude: float = 1.0, n_channels: int = 1
) -> NDArray[np.float32]:
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    return np.repeat((amplitude * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)[:, None], n_channels, axis=1)


def measured(
    samples: NDArray[np.float32],
    rate_hz: int,
    weights: tuple[float, ...] | None = None,
    block_frames: int = 10_000,
) -> float | None:
    meter = LoudnessMeter(rate_hz, weights or (1.0,) * samples.shape[1])
    for start in range(0, len(samples), block_frames):
        meter.add(samples[start : start + block_frames])
    return meter.integrated_lufs()


def test_k_weighting_is_the_recommendations_table_at_48_khz() -> None:
    np.testing.assert_allclose(k_weighting(48_000), [SHELF, HIGH_PASS], atol=1e-12)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_full_scale_997_hz_sine_is_minus_3_01_lufs_at_any_rate(rate_hz: int) -> None:
    assert measured(a_sine(rate_hz), rate_hz) == pytest.approx(-3.01, abs=0.05)


def test_two_channels_of_it_are_0_lufs() -> None:
    assert measured(a_sine(48_000, n_channels=2), 48_000) == pytest.approx(0.0, abs=0.02)


def test_gates_leave_out_pauses_and_quiet_parts() -> None:
    """EBU Tech 3341, minimum requirements, tests 3 and 4: -23 LUFS both."""
    levels = [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)]
    with_silence = [(-72.0, 10.0), *levels, (-72.0, 10.0)]
    for parts in (levels, with_silence):
        samples = np.concatenate(
            [a_sine(16_000, duration_s=s, amplitude=10 ** (level / 20), n_channels=2) for level, s in parts]
        )
        assert measured(samples, 16_000) == pytest.approx(-23.0, abs=0.1)


def test_surround_counts_as_in_the_standards_weights() -> None:
    """EBU Tech 3341, test 6: 5.0 at -28 (front), -24 (centre) and -30 (surround) dBFS is -23 LUFS."""
    names = ["FL", "FR", "FC", "LFE", "BL", "BR"]
    levels = [-28.0, -28.0, -24.0, 0.0, -30.0, -30.0]
    samples = np.concatenate(
        [a_sine(48_000, duration_s=20.0, amplitude=10 ** (level / 20)) for level in levels], axis=1
    )

    assert measured(samples, 48_000, channel_weights(names)) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(
    ("names", "weights"),
    [
        (["FL", "FR"], (1.0, 1.0)),
        (["FL", "FR", "FC", "LFE", "BL", "BR"], (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)),
        (["FL", "FR", "FC", "LFE", "SL", "SR"], (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)),
        (["FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"], (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41)),
    ],
)
def test_channel_weights_follow_the_channels_places(names: list[str], weights: tuple[float, ...]) -> None:
    assert channel_weights(names) == weights


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_loudness_agrees_with_pyloudnorm_on_noise_that_comes_and_goes(rate_hz: int, n_channels: int) -> None:
    rng = np.random.default_rng(rate_hz + n_channels)
    n_frames = 12 * rate_hz
    swell = 10 ** (np.interp(np.arange(n_frames), np.linspace(0, n_frames, 9), rng.uniform(-60, -6, 9)) / 20)
    samples = (rng.standard_normal((n_frames, n_channels)) * swell[:, None] * 0.3).astype(np.float32)
    expected = pyloudnorm.Meter(rate_hz, filter_class="DeMan").integrated_loudness(samples)

    assert measured(samples, rate_hz) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate_hz", [11_025, 44_100])
def test_loudness_does_not_depend_on_how_the_signal_is_cut_into_blocks(rate_hz: int) -> None:
    samples = np.random.default_rng(1).standard_normal((3 * rate_hz, 2)).astype(np.float32) * 0.1
    whole = measured(samples, rate_hz, block_frames=10**9)

    assert whole is not None
    for block_frames in (100, rate_hz // 10, 4_097):
        assert measured(samples, rate_hz, block_frames=block_frames) == pytest.approx(whole, abs=1e-9)


def test_silence_and_less_than_a_block_have_no_loudness() -> None:
    assert measured(np.zeros((48_000, 2), np.float32), 48_000) is None
    assert measured(a_sine(48_000, amplitude=1e-5), 48_000) is None
    assert measured(a_sine(48_000, duration_s=0.39), 48_000) is None
    assert LoudnessMeter(48_000, (1.0,)).integrated_lufs() is None
