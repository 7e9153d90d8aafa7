"""The published weights in PyTorch, in the product's graphs, and in the reference that came from outside."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from shared.front_end.mel import compressed
from shared.front_end.patches import cut, segments_of
from shared.front_end.spec import MUSICNN_96
from shared.models.graphs import plain_graph
from shared.models.published import PUBLISHED, PublishedModel, known_patch, published_weights

torch = pytest.importorskip("torch", reason="training needs the extra `training` (make setup-training)")

from training.networks.musicnn import N_POOLED, Musicnn  # noqa: E402
from training.networks.vgg import Vgg  # noqa: E402


def _network(model: PublishedModel) -> Musicnn | Vgg:
    n_tags = len(model.tags)
    network: Musicnn | Vgg = Musicnn(n_tags) if model.architecture == "musicnn" else Vgg(n_tags)
    network.load_published(published_weights(model), with_output=True)
    network.eval()
    return network


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.name)
def test_network_gives_the_known_answer_and_what_the_products_graph_gives(model: PublishedModel) -> None:
    patches = np.stack([known_patch(), np.zeros_like(known_patch()), known_patch()[::-1] * 1.7])
    graph = plain_graph(model, published_weights(model)).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    with torch.no_grad():
        found = torch.sigmoid(_network(model)(torch.from_numpy(np.ascontiguousarray(patches)))).numpy()

    (expected,) = session.run(["probabilities"], {"mel": patches})
    np.testing.assert_allclose(found, expected, atol=1e-4)
    said = dict(zip(model.tags, found[0], strict=True))
    for tag, probability in model.known_answer.items():
        assert said[tag] == pytest.approx(probability, abs=1e-4)


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.name)
def test_weights_go_into_the_network_and_come_out_as_they_were(model: PublishedModel) -> None:
    weights = published_weights(model)

    stored = _network(model).as_published()

    assert set(stored) <= set(weights)
    assert {name for name in weights if "Adam" not in name and "_power" not in name} == set(stored)
    for name, array in stored.items():
        np.testing.assert_array_equal(array, weights[name])


@pytest.mark.clips
@pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.name)
def test_network_says_of_clips_what_the_reference_says(model: PublishedModel) -> None:
    folder = os.environ.get("NEEDLEDROP_TEST_CLIPS")
    if not folder:
        pytest.skip("NEEDLEDROP_TEST_CLIPS is not set: no labelled clips")
    reference = json.loads((Path(folder) / "reference.json").read_text())
    network = _network(model)

    for clip in ("hiphop_ess-hiphop.ogg", "electronic_librosa-choice-dnb.ogg"):  # the shorter ones
        samples = _samples(Path(folder) / clip)
        power, _ = cut(segments_of(samples, MUSICNN_96, all_patches=True), 187)
        with torch.no_grad():
            patches = torch.from_numpy(compressed(power, MUSICNN_96))
            said = torch.sigmoid(network(patches)).mean(dim=0).numpy()
        np.testing.assert_allclose(said, reference["clips"][clip][model.name], atol=1e-4, err_msg=clip)


def _samples(path: Path) -> np.ndarray:
    from workers.extractor.decoding import DecodingLimits, decoded

    limits = DecodingLimits(max_duration_s=600, max_channels=8, min_sample_rate_hz=4000, max_sample_rate_hz=384_000)
    with path.open("rb") as file:
        return decoded(file, limits).samples


def test_pooled_features_are_maximum_and_mean_of_753_features() -> None:
    network = Musicnn(5).eval()

    pooled = network.pooled(torch.from_numpy(known_patch())[None])

    assert pooled.shape == (1, N_POOLED) == (1, 1506)
    pairs = pooled.reshape(753, 2)
    assert (pairs[:, 0] >= pairs[:, 1] - 1e-5).all()
    assert network.embedding(pooled).shape == (1, 200)
