"""Compiled ensembles."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
import soxr

from schemas.errors import InvalidSettingError
from shared.front_end.mel import compressed
from shared.front_end.patches import cut, segments_of
from shared.front_end.spec import MUSICNN_96
from shared.models.compiler.costs import cost_per_patch
from shared.models.compiler.ensemble import CompiledEnsemble, Network, compile_ensemble, emitted
from shared.models.graphs import EXPOSABLE, plain_graph
from shared.models.published import Architecture

MakeNetwork = Callable[[Architecture, int], Network]


def _session(graph: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def test_the_published_ensemble_answers_as_the_plain_graphs_do(compiled: CompiledEnsemble) -> None:
    assert compiled.verification.n_patches >= 30
    assert len(compiled.verification.differences) == 10  # four probabilities, four embeddings, two pools
    # Rounding of float32; 1e-4 is the limit.
    assert compiled.verification.worst < 2e-5


def test_outputs_are_named_for_their_network_and_have_full_width(compiled: CompiledEnsemble) -> None:
    shapes = {output.name: output.shape for output in _session(compiled.graph).get_outputs()}

    assert compiled.outputs["MTT_vgg"] == {
        "probabilities": "MTT_vgg/probabilities",
        "embedding": "MTT_vgg/embedding",
    }
    assert set(compiled.outputs["MSD_musicnn"]) == {"probabilities", "embedding", "pools"}
    assert shapes["MSD_musicnn/embedding"] == ["n", 200]
    assert shapes["MSD_musicnn/pools"] == ["n", 753, 2]
    assert shapes["MTT_vgg/embedding"] == ["n", 256]
    assert {shapes[f"{name}/probabilities"][1] for name in compiled.outputs} == {50}


def test_nothing_is_emitted_for_embeddings_that_nobody_asked_for(
    published: list[Network], compiled: CompiledEnsemble
) -> None:
    bare = emitted(published)

    assert {output.name.split("/")[1] for output in bare.graph.output} == {"probabilities"}
    assert cost_per_patch(bare) == cost_per_patch(compiled.graph)
    assert len(bare.graph.node) < len(compiled.graph.graph.node)
    read = {name for node in bare.graph.node for name in node.input} | {o.name for o in bare.graph.output}
    assert {name for node in bare.graph.node for name in node.output} <= read  # nothing is computed for nobody
    assert {constant.name for constant in bare.graph.initializer} <= read


def test_answers_do_not_depend_on_who_shares_the_batch(compiled: CompiledEnsemble) -> None:
    patches = np.random.default_rng(5).uniform(0, 5, (3, 187, 96)).astype(np.float32)
    session = _session(compiled.graph)
    names = [output.name for output in session.get_outputs()]

    together = session.run(names, {"mel": patches})
    alone = [session.run(names, {"mel": patches[i : i + 1]}) for i in range(3)]

    for j, values in enumerate(together):
        np.testing.assert_allclose(values, np.concatenate([parts[j] for parts in alone]), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("seed", [0, 2])
@pytest.mark.parametrize("architecture", ["musicnn", "vgg"])
def test_networks_in_which_nothing_is_dead_compile_alone(
    make_network: MakeNetwork, architecture: Architecture, seed: int
) -> None:
    network = make_network(architecture, seed)

    compiled = compile_ensemble([network], [(network.model.name, role) for role in EXPOSABLE[architecture]])

    assert compiled.verification.worst < 2e-5
    # What vgg saves here is its crop.
    share = cost_per_patch(compiled.graph).needed / cost_per_patch(plain_graph(network.model, network.weights)).needed
    assert share == pytest.approx(1.0 if architecture == "musicnn" else 0.78, abs=0.05)


@pytest.mark.parametrize("seed", [1, 3, 5])
@pytest.mark.parametrize("architecture", ["musicnn", "vgg"])
def test_networks_in_which_a_third_is_dead_compile_alone(
    make_network: MakeNetwork, architecture: Architecture, seed: int
) -> None:
    network = make_network(architecture, seed)

    compiled = compile_ensemble([network], [(network.model.name, role) for role in EXPOSABLE[architecture]])

    assert compiled.verification.worst < 6e-5  # half of what a dead channel may move, and rounding
    share = cost_per_patch(compiled.graph).needed / cost_per_patch(plain_graph(network.model, network.weights)).needed
    assert share < 0.75


_MIXED: tuple[tuple[Architecture, int], ...] = (("vgg", 1), ("musicnn", 2), ("musicnn", 5), ("vgg", 4))


def test_any_networks_compile_together(make_network: MakeNetwork) -> None:
    networks = [make_network(a, seed) for a, seed in _MIXED]

    compiled = compile_ensemble(networks)

    assert list(compiled.outputs) == ["vgg_1", "musicnn_2", "musicnn_5", "vgg_4"]
    assert compiled.verification.worst < 6e-5


@pytest.mark.parametrize(
    ("architecture", "first_layers"),
    [("musicnn", ("conv2d", "conv2d_1", "conv2d_2", "conv2d_3", "conv2d_4")), ("vgg", ("1CNN",))],
)
def test_a_network_that_ignores_its_input_is_refused(
    make_network: MakeNetwork, architecture: Architecture, first_layers: tuple[str, ...]
) -> None:
    network = make_network(architecture, 0)
    deaf = {**network.weights, **{f"{name}/kernel": network.weights[f"{name}/kernel"] * 0 for name in first_layers}}

    with pytest.raises(InvalidSettingError, match="do not listen"):
        compile_ensemble([Network(network.model, deaf)])


def test_vgg_with_an_input_batch_norm_of_zero_is_refused(make_network: MakeNetwork) -> None:
    network = make_network("vgg", 0)

    with pytest.raises(InvalidSettingError, match="do not listen"):
        compile_ensemble(
            [Network(network.model, {**network.weights, "batch_normalization/gamma": np.zeros(1, np.float32)})]
        )


def test_unknown_outputs_and_names_that_repeat_are_refused(make_network: MakeNetwork) -> None:
    network = make_network("vgg", 0)
    with pytest.raises(InvalidSettingError, match=re.escape("cannot expose vgg_0/pools; there is vgg_0/embedding")):
        compile_ensemble([network], [("vgg_0", "pools")])
    with pytest.raises(InvalidSettingError, match="need a name each"):
        compile_ensemble([network, network])
    with pytest.raises(InvalidSettingError, match="there must be one"):
        compile_ensemble([])


def test_weights_of_another_architecture_are_refused(published: list[Network]) -> None:
    mislabeled = Network(dataclasses.replace(published[0].model, architecture="vgg"), published[0].weights)

    with pytest.raises(InvalidSettingError, match="not vgg's"):
        compile_ensemble([mislabeled])


@pytest.mark.clips
def test_music_is_labeled_as_by_the_plain_graphs(
    published: list[Network], compiled: CompiledEnsemble, clips_folder: Path
) -> None:
    session = _session(compiled.graph)
    plain = {network.model.name: _session(plain_graph(network.model, network.weights)) for network in published}
    for clip in sorted(clips_folder.glob("*.ogg"))[::9]:
        samples, rate_hz = soundfile.read(clip, dtype="float32", always_2d=True)
        mono = soxr.resample(samples.mean(axis=1), rate_hz, MUSICNN_96.sample_rate_hz)
        patches = compressed(cut(segments_of(mono, MUSICNN_96, n_patches=4), 187)[0], MUSICNN_96)
        for name, roles in compiled.outputs.items():
            found = dict(zip(roles, session.run(list(roles.values()), {"mel": patches}), strict=True))
            expected = plain[name].run(["probabilities", "embedding"], {"mel": patches})
            difference = found["probabilities"].mean(axis=0) - expected[0].mean(axis=0)
            assert np.abs(difference).max() < 1e-5, (clip.name, name)
            np.testing.assert_allclose(found["embedding"], expected[1], rtol=0, atol=1e-4)
