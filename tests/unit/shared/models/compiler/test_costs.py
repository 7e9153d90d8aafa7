"""Counting multiplications."""

import pytest

from shared.models.compiler.costs import cost_per_patch
from shared.models.compiler.ensemble import CompiledEnsemble, Network
from shared.models.graphs import plain_graph

# By hand, from layer sizes.
_FRONT_END = 187 * (204 * 59 * 7 * 38 + 204 * 30 * 7 * 67 + 51 * 96 * (128 + 64 + 32))
_MUSICNN = _FRONT_END + 187 * 7 * 64 * (561 + 64 + 64) + 1506 * 200 + 200 * 50
_VGG = 9 * 128 * (187 * 96 + 128 * (92 * 48 + 46 * 24 + 23 * 12 + 11 * 6)) + 256 * 50


@pytest.mark.parametrize(("index", "n_macs"), [(0, _MUSICNN), (1, _VGG)])
def test_plain_graphs_cost_what_their_layers_say(published: list[Network], index: int, n_macs: int) -> None:
    network = published[index]

    assert cost_per_patch(plain_graph(network.model, network.weights)).done == n_macs


def test_compiled_ensemble_needs_a_quarter_and_wastes_little(compiled: CompiledEnsemble) -> None:
    cost = cost_per_patch(compiled.graph)

    assert cost.needed < (2 * _MUSICNN + 2 * _VGG) / 3.7
    assert cost.needed < cost.done < 1.1 * cost.needed
