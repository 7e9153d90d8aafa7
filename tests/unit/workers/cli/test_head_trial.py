"""What a head is worth, on made-up members and heads."""

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.taxonomy import default_taxonomy
from shared.models.manifest import Ensemble
from training.heads.validation import OutOfFold
from workers.cli.head_trial import WEIGHTS, Trial, trial

TAXONOMY = default_taxonomy()
N = 24
TRUTH = ["rock", "jazz", "reggae"] * (N // 3)
GROUPS = [f"artist {i // 3}" for i in range(N)]
MEMBER = {
    "name": "songs",
    "file": "a.onnx",
    "sha256": "0" * 64,
    "outputs": {"probabilities": "p"},
    "front_end": "musicnn_96",
    "patch_frames": 187,
    "tags": ["rock", "jazz"],
    "vocabulary": "MSD",
    "licence": "ISC",
    "source": "a test",
}
ENSEMBLE = Ensemble.model_validate(
    {"version": "1", "front_ends": [{"name": "musicnn_96"}], "members": [MEMBER], "taxonomy": "1"}
)
HEARD = {"rock": [0.6, 0.02], "jazz": [0.05, 0.5], "reggae": [0.3, 0.02]}  # of which nothing says reggae


def tried(said: dict[str, list[float]]) -> Trial:
    """A trial of a head that says the same of every track of a genre: of jazz, reggae, rock."""
    answers = [{"songs": np.tile(np.array(HEARD[genre], np.float32), (2, 1))} for genre in TRUTH]
    probabilities: list[NDArray[np.float64]] = [np.tile(said[genre], (2, 1)) for genre in TRUTH]
    out_of_fold = OutOfFold(
        genres=("jazz", "reggae", "rock"),
        fold=np.array([i // 6 for i in range(N)]),
        probabilities=tuple(probabilities),
        temperature=1.0,
    )
    return trial(answers, TRUTH, GROUPS, ENSEMBLE, TAXONOMY, out_of_fold)


def test_head_that_knows_a_genre_more_makes_labels_better() -> None:
    result = tried({"rock": [0.1, 0.1, 0.8], "jazz": [0.8, 0.1, 0.1], "reggae": [0.1, 0.8, 0.1]})

    assert result.zero_shot.balanced_accuracy == pytest.approx(2 / 3)  # reggae has no word without a head
    assert result.both.balanced_accuracy == 1.0
    assert result.gain == pytest.approx(1 / 3)
    assert result.better
    assert result.surely
    assert result.weight in WEIGHTS


def test_head_that_knows_only_which_genres_there_are_makes_nothing_better() -> None:
    # Zero-shot labels never say reggae; a head that always does is right of a third, and no wiser than a guess.
    result = tried({genre: [0.01, 0.98, 0.01] for genre in HEARD})

    assert result.head.balanced_accuracy == pytest.approx(result.guessing)
    assert not result.better


def test_head_that_is_wrong_makes_labels_worse_and_weighs_little() -> None:
    result = tried({"rock": [0.9, 0.08, 0.02], "jazz": [0.02, 0.08, 0.9], "reggae": [0.5, 0.1, 0.4]})

    assert result.head.top1 == 0.0
    assert not result.better
    assert result.weight == min(WEIGHTS)
