import numpy as np
import pytest

from training.export.calibration import Platt, calibration_error, platt


def test_calibration_finds_what_was_done_to_true_logits() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(-1, 2, (4000, 3))
    targets = (rng.random(true.shape) < 1 / (1 + np.exp(-true))).astype(np.float32)
    said = ((true - 0.7) / 2.5).astype(np.float32)  # too dull, as focal loss makes them

    found = platt([row[None] for row in said], targets)

    assert found.slope == pytest.approx(2.5, rel=0.08)
    assert found.offset == pytest.approx(0.7, abs=0.12)
    before = calibration_error(targets, Platt().of(said.astype(np.float64)))
    after = calibration_error(targets, found.of(said.astype(np.float64)))
    assert after < 0.02 < before


def test_calibration_of_tracks_with_several_patches_is_of_their_mean() -> None:
    rng = np.random.default_rng(1)
    patches = [rng.normal(0, 3, (k, 2)).astype(np.float32) for k in rng.integers(1, 6, 500)]
    targets = np.array(
        [rng.random(2) < (1 / (1 + np.exp(-p.astype(np.float64)))).mean(axis=0) for p in patches], np.float32
    )

    found = platt(patches, targets)

    assert found.slope == pytest.approx(1.0, abs=0.3)
    assert found.offset == pytest.approx(0.0, abs=0.2)


def test_calibration_error_of_certainty_is_the_share_that_is_wrong() -> None:
    assert calibration_error(np.array([[1.0, 0.0]], np.float32), np.array([[1.0, 1.0]])) == pytest.approx(0.5)
    assert calibration_error(np.array([[1.0, 0.0]], np.float32), np.array([[1.0, 0.0]])) == 0.0
