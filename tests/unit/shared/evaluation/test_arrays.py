"""Predictions in .npz files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import InvalidSettingError
from shared.evaluation.arrays import load_predictions

TRUTH = np.array([[1, 0], [0, 1], [1, 1]])
SAID = np.array([[0.9, 0.2], [0.1, 0.4], [0.8, 0.6]], dtype=np.float32)


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(**arrays: Any) -> Path:
        np.savez(tmp_path / "predictions.npz", **arrays)
        return tmp_path / "predictions.npz"

    return write


def test_every_other_array_is_a_models_and_several_are_averaged(written: Any) -> None:
    found = load_predictions(written(truth=TRUTH, one=SAID, other=SAID / 2, names=["calm", "fast"]))

    assert list(found.by_model) == ["one", "other", "mean of 2"]
    assert found.by_model["mean of 2"] == pytest.approx(SAID * 0.75)
    assert found.names == ("calm", "fast")
    assert found.thresholds is None


def test_one_model_is_not_averaged(written: Any) -> None:
    found = load_predictions(written(truth=TRUTH, predictions=SAID, thresholds=[0.5, 0.25]))

    assert list(found.by_model) == ["predictions"]
    assert found.thresholds == (0.5, 0.25)


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"predictions": SAID}, "needs an array `truth`"),
        ({"truth": TRUTH}, "one of predictions"),
        ({"truth": TRUTH, "predictions": SAID[:2]}, "shape"),
        ({"truth": TRUTH, "predictions": SAID, "names": ["calm"]}, "one a tag"),
        ({"truth": TRUTH, "predictions": np.array([[object()] * 2] * 3)}, "plain arrays"),
    ],
)
def test_file_that_cannot_be_scored_is_refused(written: Any, arrays: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidSettingError, match=complaint):
        load_predictions(written(**arrays))


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", SAID)
    (tmp_path / "text.npz").write_text("hello")

    for name in ("one.npy", "text.npz", "nowhere.npz"):
        with pytest.raises(InvalidSettingError, match=name):
            load_predictions(tmp_path / name)
