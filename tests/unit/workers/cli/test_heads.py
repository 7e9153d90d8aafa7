"""`needledrop head train` refuses what it cannot work with, before it hears anything."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from schemas.errors import InvalidSettingError
from tests.unit.workers.classifier.conftest import EnsembleFolder, constant_network, effnet_like
from workers.cli.main import app


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A label file, with a file that need not be audio yet."""
    (tmp_path / "a.ogg").write_bytes(b"")
    path = tmp_path / "labels.tsv"
    path.write_text("file\tgenre\na.ogg\tjazz\n")
    return path


def embedding_network(folder: EnsembleFolder, name: str, hop_frames: int) -> None:
    graph = effnet_like(np.ones((96, 3), np.float32), np.ones((3, 2), np.float32))
    entry: dict[str, Any] = {"front_end": "musicnn_96", "patch_frames": 128, "tags": ["rock", "jazz"]}
    folder.add(
        f"{name}.onnx",
        graph,
        name=name,
        input="melspectrogram",
        hop_frames=hop_frames,
        outputs={"probabilities": "activations", "embedding": "embeddings"},
        **entry,
    )


def refusal(*arguments: object) -> str:
    error = CliRunner().invoke(app, ["head", "train", *map(str, arguments)]).exception
    assert isinstance(error, InvalidSettingError), error
    return str(error)


def test_name_that_is_no_file_name_is_refused(labels: Path, tmp_path: Path) -> None:
    assert "--name '../head': letters, digits" in refusal(labels, "--out", tmp_path / "out", "--name", "../head")


def test_ensemble_without_an_embedding_is_refused_with_what_to_do(labels: Path, tmp_path: Path) -> None:
    mine = EnsembleFolder(tmp_path)
    hears: dict[str, Any] = {"front_end": "musicnn_96", "patch_frames": 187}
    outputs = {"probabilities": "probabilities"}
    mine.add("a.onnx", constant_network([0.1, 0.2]), name="a", tags=["rock", "jazz"], outputs=outputs, **hears)

    why = refusal(labels, "--out", tmp_path / "out", "--ensemble", tmp_path)

    assert "exposes no embedding that a head could read; `needledrop models build --expose all FOLDER`" in why


def test_output_that_is_not_exposed_is_refused_with_those_that_are(labels: Path, tmp_path: Path) -> None:
    embedding_network(EnsembleFolder(tmp_path), "one", 62)

    why = refusal(labels, "--out", tmp_path / "out", "--ensemble", tmp_path, "--from", "one/pools")

    assert why.startswith("--from one/pools: ")
    assert why.endswith("exposes one/embedding")


def test_embeddings_of_different_patches_are_refused(labels: Path, tmp_path: Path) -> None:
    mine = EnsembleFolder(tmp_path)
    embedding_network(mine, "one", 62)
    embedding_network(mine, "two", 128)

    why = refusal(labels, "--out", tmp_path / "out", "--ensemble", tmp_path)

    assert "one/embedding and two/embedding are of different patches" in why
