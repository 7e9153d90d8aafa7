"""Which channels are alive."""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest

from shared.models.compiler.architectures import read_musicnn, read_vgg
from shared.models.compiler.ensemble import Network
from shared.models.compiler.liveness import DEAD_RANGE, INPUT_HIGH, Channels, musicnn_channels, vgg_channels
from shared.models.compiler.probes import LOUDEST, probe_patches
from shared.models.graphs import plain_graph
from shared.models.published import Architecture

MakeNetwork = Callable[[Architecture, int], Network]


def _observing(graph: onnx.ModelProto, names: list[str]) -> bytes:
    graph.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    return bytes(graph.SerializeToString())


def _n_alive(layers: tuple[Channels, ...]) -> list[int]:
    return [int(channels.alive.sum()) for channels in layers]


def test_the_published_networks_are_mostly_dead(published: list[Network]) -> None:
    # Counted before by another program (same bounds, another implementation).
    msd_musicnn, msd_vgg, mtt_musicnn, _ = published

    assert _n_alive(musicnn_channels(read_musicnn(msd_musicnn.weights)).front_end) == [23, 14, 3, 7, 17]
    assert _n_alive(musicnn_channels(read_musicnn(mtt_musicnn.weights)).front_end) == [91, 70, 28, 25, 45]
    assert _n_alive(vgg_channels(read_vgg(msd_vgg.weights))) == [49, 53, 88, 81, 127]


def test_nothing_is_dead_when_all_filters_are_strong(make_network: MakeNetwork) -> None:
    musicnn = musicnn_channels(read_musicnn(make_network("musicnn", 0).weights))
    vgg = vgg_channels(read_vgg(make_network("vgg", 0).weights))

    assert all(channels.alive.all() for channels in (*musicnn.front_end, *musicnn.mid_end, *vgg))


def test_zeros_around_the_patch_keep_filters_alive_that_nothing_else_moves(make_network: MakeNetwork) -> None:
    network = make_network("vgg", 0)
    constant = {
        **network.weights,
        "batch_normalization/gamma": np.zeros(1, np.float32),
        "batch_normalization/beta": np.ones(1, np.float32),
    }
    session = onnxruntime.InferenceSession(
        _observing(plain_graph(network.model, constant), ["batch_normalization_1"]), providers=["CPUExecutionProvider"]
    )

    (values,) = session.run(["batch_normalization_1"], {"mel": np.zeros((1, 187, 96), np.float32)})

    moves = np.ptp(values, axis=(0, 2, 3)) > DEAD_RANGE  # from the middle of the patch to its edge
    assert moves.sum() > 5
    assert vgg_channels(read_vgg(constant))[0].alive[moves].all()


def test_input_bound_covers_what_the_front_end_can_give() -> None:
    assert np.log10(10_000 * 65_504.0 + 1) < INPUT_HIGH
    assert pytest.approx(np.log10(10_000 * 65_504.0 + 1), abs=1e-6) == LOUDEST


@pytest.mark.parametrize("index", [1, 2, 3])
def test_channels_keep_to_their_bounds_in_the_plain_graph(published: list[Network], index: int) -> None:
    network = published[index]
    if network.model.architecture == "vgg":
        layers = list(vgg_channels(read_vgg(network.weights)))
    else:
        found = musicnn_channels(read_musicnn(network.weights))
        layers = [*found.front_end, *found.mid_end]
    graph = plain_graph(network.model, network.weights)
    names = [f"batch_normalization_{number}" for number in range(1, len(layers) + 1)]
    session = onnxruntime.InferenceSession(_observing(graph, names), providers=["CPUExecutionProvider"])
    probes = probe_patches()
    patches = np.stack([probes[name] for name in ("loudest", "salt and pepper", "music", "sound: band")])

    for channels, values in zip(layers, session.run(names, {"mel": patches}), strict=True):
        low = values.min(axis=(0, *range(2, values.ndim)))
        high = values.max(axis=(0, *range(2, values.ndim)))
        rounding = 1e-5 * np.maximum(1, np.abs(values).max())
        assert (low >= channels.bounds.low - rounding).all()
        assert (high <= channels.bounds.high + rounding).all()
        dead = ~channels.alive
        assert (
            np.maximum(high - channels.constants, channels.constants - low)[dead] <= DEAD_RANGE / 2 + rounding
        ).all()
