"""Whole blocks, and what can reach vgg's output."""

import numpy as np
import onnxruntime

from shared.models.compiler.ensemble import Network
from shared.models.compiler.layout import blocks_and_rest, vgg_windows, whole_blocks
from shared.models.graphs import plain_graph


def test_whole_blocks_are_the_next_multiple_of_16() -> None:
    assert [whole_blocks(n) for n in (0, 1, 16, 17, 114)] == [16, 16, 16, 32, 128]


def test_a_small_rest_is_kept_apart_and_computed_for_several_frames_at_once() -> None:
    # 114 filters: 7 blocks, and 2 filters for 8 frames; 62 leave 14, of which no two frames fit into a block.
    assert {n: blocks_and_rest(n) for n in (0, 5, 16, 62, 84, 114)} == {
        0: (0, 1),
        5: (0, 3),
        16: (16, 1),
        62: (64, 1),
        84: (80, 4),
        114: (112, 8),
    }


def test_vgg_reads_161_frames_and_94_bands() -> None:
    # Backwards by hand: 2x1 pools of 4x4 are 8x4, with context 9x5; pools of 2x2: 18x10, 19x11; 38x22, 39x23; 78x46,
    # 79x47; then 79 windows of 4 frames, 2 apart, are 160 frames, and every second of 94 bands.
    windows = vgg_windows()

    assert [window.shape for window in windows] == [(161, 94), (79, 47), (39, 23), (19, 11), (9, 5)]
    assert all(window.pads_after == (0, 0) for window in windows)
    assert [window.conv_strides for window in windows] == [(1, 2), (1, 1), (1, 1), (1, 1), (1, 1)]


def test_plain_vgg_listens_to_the_edge_of_that_window_and_not_beyond(published: list[Network]) -> None:
    network = published[3]
    graph = plain_graph(network.model, network.weights)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(4)
    patch = rng.uniform(0, 6, (187, 96)).astype(np.float32)
    beyond, at_edge = patch.copy(), patch.copy()
    beyond[161:], beyond[:, 94:] = 0, 0
    at_edge[160], at_edge[:, 93] = 0, 0

    embedding = session.run(["embedding"], {"mel": np.stack([patch, beyond, at_edge])})[0]

    np.testing.assert_array_equal(embedding[0], embedding[1])
    assert np.abs(embedding[0] - embedding[2]).max() > 1e-3
