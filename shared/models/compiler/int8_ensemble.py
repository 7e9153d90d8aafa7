"""Compiles networks into one graph whose large convolutions are in 8 bits: an option, and not what the default is.

Its answers are near the exact ones for sounds like those that it was calibrated on, and for nothing else is anything
promised; how near, it measures on music that it was not calibrated on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from shared.models.compiler.architectures import read_musicnn, read_vgg
from shared.models.compiler.calibration import calibration_sounds, louder
from shared.models.compiler.emission import Emission
from shared.models.compiler.ensemble import Network, emitted
from shared.models.compiler.int8_front_end import emit_int8_front_end, rounded_branches
from shared.models.compiler.int8_vgg import emit_int8_vgg, rounded_vgg
from shared.models.compiler.musicnn import folded_musicnn
from shared.models.compiler.musicnn_graph import emit_musicnns
from shared.models.compiler.verification import answers
from shared.models.graphs import PROBABILITIES

# Of music: enough for a Gram matrix of 1,152 inputs, little enough for memory (0.3 GB).
LARGEST_CALIBRATION = 80
# Each for its share of the music: the loudest masters have some 15 dB more than old or rendered recordings.
GAINS_DB = (6.0, 12.0, 18.0)
N_GAINS = len(GAINS_DB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Ensemble:
    """One graph for all networks, and how far it is from the exact ones."""

    graph: onnx.ModelProto
    outputs: Mapping[str, Mapping[str, str]]  # by name of the network: output names by role
    error: Mapping[str, float]
    """``patch_max`` and ``patch_mean``: differences of probabilities on music that it was not calibrated on;
    ``sounds_max``: on the calibration's own sounds that are no music."""


def compile_int8(networks: Sequence[Network], music: NDArray[np.float32]) -> Int8Ensemble:
    """Compile, calibrate on every other patch of ``music`` and on sounds that are none, measure on the other half.

    Args:
        networks: as for `compile_ensemble`.
        music: patches [n, 187, 96], at least 8.
    Raises: InvalidSettingError when that is too little music.
    """
    if len(music) < 8:
        raise InvalidSettingError(f"{len(music)} patches of 3 s are too little music to calibrate on, need 8")
    kept = music[:: max(1, len(music) // (2 * LARGEST_CALIBRATION))]
    sounds = calibration_sounds()
    known = kept[::2]
    levels = [known, *(louder(known[i::N_GAINS], gain_db) for i, gain_db in enumerate(GAINS_DB))]
    graph = _emitted(networks, np.concatenate([*levels, sounds]))
    outputs = {n.model.name: {PROBABILITIES: f"{n.model.name}/{PROBABILITIES}"} for n in networks}
    names = [roles[PROBABILITIES] for roles in outputs.values()]
    exact = emitted(networks)
    unheard = _differences(exact, graph, names, kept[1::2])
    error = {
        "patch_max": float(unheard.max()),
        "patch_mean": float(unheard.mean()),
        "sounds_max": float(_differences(exact, graph, names, sounds).max()),
    }
    return Int8Ensemble(graph=graph, outputs=outputs, error=error)


def _emitted(networks: Sequence[Network], patches: NDArray[np.float32]) -> onnx.ModelProto:
    graph = Emission()
    musicnns = {n.model.name: read_musicnn(n.weights) for n in networks if n.model.architecture == "musicnn"}
    if musicnns:
        live = {name: folded_musicnn(network) for name, network in musicnns.items()}
        wide = {name: rounded_branches(musicnns[name], live[name], patches) for name in live}
        emit_musicnns(graph, live, (), emit_int8_front_end(graph, live, wide))
    for network in networks:
        if network.model.architecture == "vgg":
            emit_int8_vgg(graph, network.model.name, rounded_vgg(read_vgg(network.weights), patches))
    origins = [f"{n.model.name}; {n.model.licence} licence; {n.model.source}" for n in networks]
    model = graph.model("ensemble", "compiled to 8 bits from: " + " | ".join(origins))
    onnx.checker.check_model(model, full_check=True)
    return model


def _differences(
    exact: onnx.ModelProto, found: onnx.ModelProto, names: list[str], patches: NDArray[np.float32]
) -> NDArray[np.float32]:
    expected, given = answers(exact, names, patches), answers(found, names, patches)
    return np.concatenate([np.abs(given[name] - expected[name]).ravel() for name in names])
