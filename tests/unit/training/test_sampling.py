import numpy as np

from training.sampling import SAMPLES_A_DRAW, Sampling, epoch_order


def _targets() -> np.ndarray:
    """100 tracks: tag 0 on all, tag 1 on ten, tag 2 on two, tag 3 on none."""
    targets = np.zeros((100, 4), np.float32)
    targets[:, 0], targets[:10, 1], targets[:2, 2] = 1, 1, 1
    return targets


def test_standard_epoch_visits_every_track_once() -> None:
    order = epoch_order(Sampling.STANDARD, _targets(), [3, 0])

    assert sorted(order) == list(range(100))
    np.testing.assert_array_equal(order, epoch_order(Sampling.STANDARD, _targets(), [3, 0]))
    assert list(order) != list(epoch_order(Sampling.STANDARD, _targets(), [3, 1]))


def test_class_aware_epoch_draws_tags_alike_three_tracks_at_a_time() -> None:
    order = epoch_order(Sampling.CLASS_AWARE, _targets(), [0])

    assert len(order) == 100 * 4 // 4  # the most frequent tag's tracks, times the tags, by four
    drawn = order[: len(order) // SAMPLES_A_DRAW * SAMPLES_A_DRAW].reshape(-1, SAMPLES_A_DRAW)
    # In each round of three draws one is of tag 2, whose only tracks are 0 and 1.
    of_rare = [set(draw) <= {0, 1} for draw in drawn]
    assert all(sum(of_rare[i : i + 3]) >= 1 for i in range(0, len(of_rare) - 3, 3))
    # Tag 2 is on 2 of 100 tracks, and on about every third that is drawn.
    assert 0.28 < np.isin(order, [0, 1]).mean() < 0.55


def test_class_aware_epoch_uses_all_tracks_of_a_tag_before_any_again() -> None:
    targets = np.zeros((12, 8), np.float32)
    targets[:, 0] = 1

    order = epoch_order(Sampling.CLASS_AWARE, targets, [1])

    assert sorted(order[:12]) == sorted(order[12:]) == list(range(12))
