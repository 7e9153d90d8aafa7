"""The plain graphs."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from shared.front_end.patches import Segments
from shared.front_end.spec import MUSICNN_96
from shared.models.manifest import load_ensemble
from shared.models.published import PUBLISHED, PublishedModel, published_weights
from shared.models.sessions import load_running_ensemble


@pytest.mark.parametrize(("model", "width"), list(zip(PUBLISHED, (200, 256, 200, 256), strict=True)))
def test_embedding_is_what_the_last_dense_layer_reads(plain_folder: Path, model: PublishedModel, width: int) -> None:
    power = np.random.default_rng(3).random((187, 96)).astype(np.float16)
    segments = Segments(front_end=MUSICNN_96, power=power, start_frames=(0,), n_frames=(187,), track_frames=187)
    weights = published_weights(model)
    layer = "dense_1" if model.architecture == "musicnn" else "dense"

    answer = load_running_ensemble(plain_folder).answers({"musicnn_96": segments}, also=[(model.name, "embedding")])[
        model.name
    ]

    embedding = answer.outputs["embedding"]
    assert embedding.shape == (1, width)
    logits = embedding.astype(np.float64) @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"]
    np.testing.assert_allclose(answer.probabilities, 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_graphs_hold_every_trained_weight_and_nothing_of_the_optimiser(plain_folder: Path) -> None:
    members = {member.name: member for member in load_ensemble(plain_folder).members}
    for model in PUBLISHED:
        trained = {
            name: array.size
            for name, array in published_weights(model).items()
            if "/Adam" not in name and "_power" not in name
        }
        graph = onnx.load(plain_folder / members[model.name].file).graph
        held = {c.name: int(np.prod(c.dims)) for c in graph.initializer if not c.name.startswith("axis_")}

        assert held == trained
