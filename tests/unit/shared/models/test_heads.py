"""Heads as members."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from schemas.errors import InvalidSettingError
from shared.front_end.patches import segments_of
from shared.front_end.spec import MUSICNN_96
from shared.models.builder import DEFAULT_VERSION
from shared.models.heads import add_head, head_graph
from shared.models.manifest import Ensemble, OutputOf, load_ensemble
from shared.models.sessions import load_running_ensemble

RNG = np.random.default_rng(8)
MEAN, SCALE = RNG.standard_normal(456), RNG.uniform(0.5, 2, 456)
WEIGHTS, BIAS = 0.05 * RNG.standard_normal((456, 3)), RNG.standard_normal(3)
SOURCES = (OutputOf(member="MTT_musicnn"), OutputOf(member="MSD_vgg"))


def with_head(base: Path, folder: Path) -> Ensemble:
    return add_head(
        load_ensemble(base),
        base,
        folder,
        head_graph(MEAN, SCALE, WEIGHTS, BIAS),
        name="mine",
        input_from=SOURCES,
        tags=("reggae", "rock", "jazz"),
        weight=4.0,
        prior=0.05,
        source="a test",
    )


def expected(embedding: np.ndarray) -> np.ndarray:
    odds = np.exp((embedding.astype(np.float64) - MEAN) / SCALE @ WEIGHTS + BIAS)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def test_graph_is_the_formula() -> None:
    embedding = RNG.standard_normal((5, 456)).astype(np.float32)
    session = onnxruntime.InferenceSession(head_graph(MEAN, SCALE, WEIGHTS, BIAS).SerializeToString())

    (found,) = session.run(None, {"embedding": embedding})

    np.testing.assert_allclose(found, expected(embedding), atol=1e-5)


def test_ensemble_with_a_head_is_complete_in_its_folder_and_hears_what_it_says(
    plain_folder: Path, tmp_path: Path
) -> None:
    made = with_head(plain_folder, tmp_path / "headed")
    running = load_running_ensemble(tmp_path / "headed")

    noise = (0.1 * RNG.standard_normal(16_000 * 7)).astype(np.float32)
    also = [(source.member, source.output) for source in SOURCES]
    answers = running.answers({"musicnn_96": segments_of(noise, MUSICNN_96)}, also)

    embedding = np.concatenate([answers[member].outputs[role] for member, role in also], axis=1)
    np.testing.assert_allclose(answers["mine"].probabilities, expected(embedding), atol=1e-4)
    assert running.ensemble == made
    assert made.version.startswith(f"{DEFAULT_VERSION}+mine-")
    assert made.fusion["priors"] == {"mine": {"reggae": 0.05, "rock": 0.05, "jazz": 0.05}}
    assert made.members[-1].weight == 4.0


def test_head_may_be_added_in_the_folder_of_its_base(plain_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(plain_folder, tmp_path / "same")

    with_head(tmp_path / "same", tmp_path / "same")

    assert load_running_ensemble(tmp_path / "same").ensemble.members[-1].name == "mine"
    with pytest.raises(InvalidSettingError, match="has a member mine already; --name names another"):
        with_head(tmp_path / "same", tmp_path / "same")


def test_folder_that_cannot_be_written_is_named(plain_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps({}))

    with pytest.raises(InvalidSettingError, match=r"cannot write the ensemble into .*file"):
        with_head(plain_folder, tmp_path / "file")
