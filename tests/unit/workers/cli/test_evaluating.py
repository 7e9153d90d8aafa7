"""`needledrop evaluate`: arrays, mistakes, and how scores look to a person."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from schemas.errors import InvalidSettingError
from shared.evaluation.evaluation import Said, evaluated
from workers.cli.evaluating import evaluate
from workers.cli.evaluation_tables import show_evaluation, show_tagging
from workers.cli.main import app

TRUTH = np.array([[1, 0], [0, 1], [1, 0], [0, 1]])
SAID = np.array([[0.9, 0.1], [0.2, 0.3], [0.8, 0.2], [0.85, 0.9]])


def test_arrays_are_scored_as_papers_do(tmp_path: Path) -> None:
    path = tmp_path / "said.npz"
    np.savez(path, truth=TRUTH, predictions=SAID, names=["calm", "fast"], thresholds=[0.5, 0.5])

    done = CliRunner().invoke(app, ["evaluate", "--arrays", str(path)])

    assert done.exit_code == 0, done.output
    scores = json.loads(done.stdout)
    assert (scores["names"], scores["thresholds_given"]) == (["calm", "fast"], True)
    [(name, score)] = scores["scores"].items()
    assert name == "predictions"
    assert score["roc_auc"] == [0.75, 1.0]
    assert score["f1_macro"] == pytest.approx((4 / 5 + 2 / 3) / 2, abs=1e-4)  # (2 of 2 and one too many), (1 of 2)


def test_best_f1_is_named_an_upper_bound(capsys: pytest.CaptureFixture[str]) -> None:
    from shared.evaluation.tagging_scores import tagging_scores

    show_tagging({"m": tagging_scores(TRUTH, SAID, [0.5, 0.3])}, ("calm", "fast"), thresholds_given=False)

    shown = capsys.readouterr().out
    assert "upper bound" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("calm")] == [
        ["calm", "0.7500", "0.8333", "0.8000"]
    ]


def test_person_sees_what_cannot_be_heard_and_what_is_confused(capsys: pytest.CaptureFixture[str]) -> None:
    said = [("rock", "folk")] * 2 + [("rock", "rock")] + [("reggae", "rock")]
    tracks = [
        Said("a.ogg", true, None, {"folk": 0.4 + 0.2 * (s == "folk"), "rock": 0.5}, s == "folk") for true, s in said
    ]

    show_evaluation(evaluated(tracks, ("folk", "rock"), n_resamples=10))

    shown = capsys.readouterr().out
    assert "no word for reggae: 1 of 4 tracks" in shown
    assert "all 4 tracks" in shown
    assert "the 3 it can hear" in shown
    assert "says folk of rock (2), rock of reggae (1)." in shown
    assert "Sure of 2 tracks, of which 50% are right; unsure of 2 tracks, of which 0% are right." in shown
    assert "over groups" not in shown


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "needs LABELS.tsv"),
        ({"labels": Path("nowhere.tsv")}, "nowhere.tsv: No such file"),
        ({"labels": Path("labels.tsv"), "arrays": Path("a.npz")}, "without LABELS.tsv"),
        ({"arrays": Path("nowhere.npz")}, "nowhere.npz"),
    ],
)
def test_mistake_says_what_to_do(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidSettingError, match=says):
        evaluate(**given)


def test_folder_without_any_of_the_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.tsv").write_text("file\tgenre\nnowhere.ogg\tjazz\n")

    with pytest.raises(InvalidSettingError, match=r"none of the 1 labelled files is in .*--audio"):
        evaluate(tmp_path / "labels.tsv")


def test_scores_of_arrays_that_cannot_be_had_are_one_message(tmp_path: Path) -> None:
    np.savez(tmp_path / "said.npz", truth=np.ones((2, 1)), predictions=np.ones((2, 1)))

    with pytest.raises(InvalidSettingError, match="no tag has tracks with it"):
        evaluate(arrays=tmp_path / "said.npz")
