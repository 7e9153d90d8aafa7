"""Which frames are heard, and cutting them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.errors import EmptyAudioError, InvalidFeaturesError
from shared.front_end.mel import mel_power, rounded
from shared.front_end.patches import Segments, consecutive_starts, cut, merged, segments_of, spread_starts
from shared.front_end.spec import MUSICNN_96


def noise(n_samples: int) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = np.random.default_rng(7).standard_normal(n_samples).astype(np.float32)
    return samples


def a_segment(start_frames: tuple[int, ...], n_frames: tuple[int, ...], track_frames: int) -> Segments:
    """Segments whose every value is the number of its row."""
    rows = np.arange(sum(n_frames), dtype=np.float16)
    return Segments(
        front_end=MUSICNN_96,
        power=np.repeat(rows[:, None], 96, axis=1),
        start_frames=start_frames,
        n_frames=n_frames,
        track_frames=track_frames,
    )


@pytest.mark.parametrize(
    ("n_frames", "expected"),
    [
        (1, [0]),
        (186, [0]),
        (187, [0]),
        (188, [0]),
        (374, [0, 187]),
        (1_870, [187 * i for i in range(10)]),
        (1_890, [1 + 189 * i for i in range(10)]),
        (18_700, [841 + 1_870 * i for i in range(10)]),  # 16,830 left out: 841.5 before, 1,683 between
    ],
)
def test_spread_starts_leave_out_evenly(n_frames: int, expected: list[int]) -> None:
    assert spread_starts(n_frames) == expected


@given(st.integers(1, 40_000), st.integers(1, 400), st.integers(1, 20))
def test_spread_starts_stay_inside_apart_and_centred(n_frames: int, patch_frames: int, n_patches: int) -> None:
    starts = spread_starts(n_frames, patch_frames, n_patches)

    assert len(starts) == max(1, min(n_patches, n_frames // patch_frames))
    assert all(b - a >= patch_frames for a, b in pairwise(starts))
    if n_frames >= patch_frames:
        before, after = starts[0], n_frames - starts[-1] - patch_frames
        assert 0 <= before <= after <= before + 1


@pytest.mark.parametrize(("n_frames", "expected"), [(100, [0]), (187, [0]), (373, [0]), (600, [0, 187, 374])])
def test_consecutive_starts_drop_the_remainder(n_frames: int, expected: list[int]) -> None:
    assert consecutive_starts(n_frames) == expected


def test_patches_that_touch_become_one_stretch() -> None:
    assert merged([0, 10, 25, 35, 50], 10) == [(0, 20), (25, 20), (50, 10)]


def test_segments_of_a_30_s_clip_are_ten_patches_of_359_kilobytes() -> None:
    segments = segments_of(noise(480_000), MUSICNN_96)

    patches, start_s = cut(segments, 187)
    assert segments.track_frames == 1_876
    assert (patches.shape, segments.power.nbytes) == ((10, 187, 96), 359_040)
    assert start_s == sorted(start_s)
    assert start_s[-1] + 187 * 0.016 <= 30.016


def test_segments_hold_the_rounded_power_of_their_frames() -> None:
    samples = noise(16_000 * 60)
    whole = rounded(mel_power(samples, MUSICNN_96, 0, 3_751), MUSICNN_96).astype(np.float32)

    patches, start_s = cut(segments_of(samples, MUSICNN_96), 187)

    starts = [round(start / 0.016) for start in start_s]
    assert starts == spread_starts(3_751)
    expected = np.stack([whole[start : start + 187] for start in starts])
    np.testing.assert_allclose(patches.astype(np.float32), expected, rtol=1e-3, atol=1e-3 * whole.max())


def test_segments_of_all_patches_are_one_from_the_start() -> None:
    segments = segments_of(noise(16_000 * 60), MUSICNN_96, all_patches=True)

    assert (segments.start_frames, segments.n_frames) == ((0,), (20 * 187,))


def test_segments_of_a_short_clip_repeat_it_until_a_patch_is_full() -> None:
    segments = segments_of(noise(16_000), MUSICNN_96)

    patches, start_s = cut(segments, 187)

    assert (segments.n_frames, start_s) == ((63,), [0.0])
    np.testing.assert_array_equal(patches[0], np.concatenate([segments.power] * 3)[:187])


def test_segments_of_nothing_are_refused() -> None:
    with pytest.raises(EmptyAudioError):
        segments_of(noise(0), MUSICNN_96)


def test_cut_serves_a_network_with_another_patch_length_from_the_same_segments() -> None:
    segments = a_segment((5, 300), (187, 374), 700)

    patches, start_s = cut(segments, 128, 62)

    # From a segment of 187 frames one fits (0..127; the next would end at 190), from 374 four (0, 62, 124, 186).
    assert patches[:, 0, 0].tolist() == [0, 187, 249, 311, 373]
    assert patches[:, -1, 0].tolist() == [127, 314, 376, 438, 500]
    assert start_s == pytest.approx([5 * 0.016, *((300 + start) * 0.016 for start in (0, 62, 124, 186))])


@pytest.mark.parametrize(
    ("start_frames", "n_frames", "track_frames"),
    [((0, 100), (187, 187), 400), ((300,), (187,), 400), ((0, 200), (187,), 400), ((), (), 400), ((-1,), (187,), 400)],
)
def test_segments_refuse_parts_that_contradict_each_other(
    start_frames: tuple[int, ...], n_frames: tuple[int, ...], track_frames: int
) -> None:
    with pytest.raises(InvalidFeaturesError):
        a_segment(start_frames, n_frames, track_frames)


def test_segments_refuse_power_in_another_dtype() -> None:
    with pytest.raises(InvalidFeaturesError, match="float16"):
        Segments(
            front_end=MUSICNN_96,
            power=np.zeros((10, 96), np.float32),
            start_frames=(0,),
            n_frames=(10,),
            track_frames=10,
        )
