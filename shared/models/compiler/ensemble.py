"""Compiles networks into one graph that computes the same with a quarter of the work, and does not trust itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import onnx

from schemas.errors import InvalidSettingError
from shared.models.bundle import Weights
from shared.models.compiler.architectures import read_musicnn, read_vgg
from shared.models.compiler.emission import Emission
from shared.models.compiler.musicnn import folded_musicnn
from shared.models.compiler.musicnn_graph import emit_musicnns
from shared.models.compiler.verification import Verification, verified
from shared.models.compiler.vgg import folded_vgg
from shared.models.compiler.vgg_graph import emit_vgg
from shared.models.graphs import EXPOSABLE, PROBABILITIES, plain_graph
from shared.models.published import Architecture, PublishedModel


@dataclass(frozen=True, slots=True)
class Network:
    """One network to compile: what it is, and its weights, published or trained by anyone."""

    model: PublishedModel
    weights: Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledEnsemble:
    """One graph for all networks."""

    graph: onnx.ModelProto
    outputs: Mapping[str, Mapping[str, str]]  # by name of the network: output names by role
    verification: Verification


def compile_ensemble(networks: Sequence[Network], exposed: Collection[tuple[str, str]] = ()) -> CompiledEnsemble:
    """Compile networks that read the same mel spectrogram into one graph, and compare it with their plain graphs.

    Args:
        networks: any number of either architecture.
        exposed: name and role of what is wanted besides the probabilities, say ("MSD_musicnn", "embedding"); it costs
            nothing when it is not here. `EXPOSABLE` has the roles; all are full width, as in the plain graphs.
    Raises: InvalidSettingError when the weights are not of their architecture, when what is to be exposed does not
        exist, or when the graph does not give what the plain ones give.
    """
    names = [network.model.name for network in networks]
    if not names or len(set(names)) < len(names):
        raise InvalidSettingError(f"networks to compile need a name each, and there must be one: {names}")
    _check_exposed(networks, exposed)
    graph = emitted(networks, exposed)
    outputs = {
        name: {role: f"{name}/{role}" for role in (PROBABILITIES, *sorted(r for n, r in exposed if n == name))}
        for name in names
    }
    plain = {network.model.name: plain_graph(network.model, network.weights) for network in networks}
    return CompiledEnsemble(graph=graph, outputs=outputs, verification=verified(graph, outputs, plain))


def emitted(networks: Sequence[Network], exposed: Collection[tuple[str, str]] = ()) -> onnx.ModelProto:
    """The compiled graph before it is verified; see `compile_ensemble`."""
    graph = Emission()
    outputs = {f"{name}/{role}" for name, role in exposed}
    musicnns = {n.model.name: folded_musicnn(read_musicnn(n.weights)) for n in networks if _is(n, "musicnn")}
    if musicnns:
        emit_musicnns(graph, musicnns, outputs)
    for network in networks:
        if _is(network, "vgg"):
            emit_vgg(graph, network.model.name, folded_vgg(read_vgg(network.weights)), outputs)
    origins = [f"{n.model.name}; {n.model.licence} licence; {n.model.source}" for n in networks]
    model = graph.model("ensemble", "compiled from: " + " | ".join(origins))
    onnx.checker.check_model(model, full_check=True)
    return model


def _is(network: Network, architecture: Architecture) -> bool:
    return network.model.architecture == architecture


def _check_exposed(networks: Sequence[Network], exposed: Collection[tuple[str, str]]) -> None:
    known = {(n.model.name, role) for n in networks for role in EXPOSABLE[n.model.architecture]}
    if unknown := sorted(set(exposed) - known):
        raise InvalidSettingError(
            f"cannot expose {'/'.join(unknown[0])}; there is {', '.join('/'.join(pair) for pair in sorted(known))}"
        )
