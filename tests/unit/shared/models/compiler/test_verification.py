"""What verification refuses."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from onnx import numpy_helper

from schemas.errors import InvalidSettingError
from shared.models.compiler.ensemble import Network, emitted
from shared.models.compiler.verification import verified
from shared.models.graphs import plain_graph
from shared.models.published import Architecture

MakeNetwork = Callable[[Architecture, int], Network]


@pytest.mark.parametrize(("spoilt", "message"), [(1.01, "differs from the plain one's by"), (np.nan, "by nan on")])
def test_verification_refuses_a_graph_that_says_something_else(
    make_network: MakeNetwork, spoilt: float, message: str
) -> None:
    network = make_network("vgg", 2)
    graph = emitted([network])
    constant = next(c for c in graph.graph.initializer if c.name == "vgg_2/dense/kernel")
    constant.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(constant) * np.float32(spoilt), constant.name))

    with pytest.raises(InvalidSettingError, match=re.escape(message)) as refusal:
        verified(
            graph,
            {"vgg_2": {"probabilities": "vgg_2/probabilities"}},
            {"vgg_2": plain_graph(network.model, network.weights)},
        )
    assert "vgg_2/probabilities" in str(refusal.value)
    assert "more than 1e-04" in str(refusal.value)
