"""Verify: a compiled graph beside the plain ones, on everything that `probes` can think of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from shared.models.compiler.probes import probe_patches
from shared.models.graphs import INPUT

# On every patch and value, in proportion to the patch's largest value where that exceeds 1. Pooled features reach 280,
# and the plain graph itself rounds them by up to 3e-4 there (beside float64), as much as the compiled one.
TOLERANCE = 1e-4

_BATCH_PATCHES = 4  # the plain graphs need 35 MB for each


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How far a compiled graph is from the plain ones at most, by name of its output."""

    n_patches: int
    differences: Mapping[str, float]

    @property
    def worst(self) -> float:
        """The largest of all."""
        return max(self.differences.values())


def verified(
    graph: onnx.ModelProto, outputs: Mapping[str, Mapping[str, str]], plain: Mapping[str, onnx.ModelProto]
) -> Verification:
    """Compare a compiled graph with the plain ones.

    Args:
        graph: compiled.
        outputs: by name of the network, the compiled graph's output names by role.
        plain: by name of the network, its plain graph, in which a role is the name of a tensor.
    Raises: InvalidSettingError when an output differs too much on any patch; the message says where and by how much.
    """
    probes = probe_patches()
    patches = np.stack(list(probes.values()))
    names = [name for roles in outputs.values() for name in roles.values()]
    compiled = answers(graph, names, patches)
    differences: dict[str, float] = {}
    for network, roles in outputs.items():
        expected = answers(plain[network], list(roles), patches)
        for role, name in roles.items():
            by_patch = _differences(compiled[name], expected[role])
            differences[name] = float(by_patch.max())
            if not differences[name] <= TOLERANCE:  # nor when it is not a number
                worst = list(probes)[int(np.nan_to_num(by_patch, nan=np.inf).argmax())]
                raise InvalidSettingError(
                    f"the compiled graph's {name} differs from the plain one's by {differences[name]:.1e} on the patch "
                    f"{worst!r}, more than {TOLERANCE:.0e}: these weights cannot be compiled, build the plain graphs"
                )
    return Verification(n_patches=len(patches), differences=differences)


def _differences(found: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest difference on each patch, in proportion to its largest value if that exceeds 1."""
    axes = tuple(range(1, expected.ndim))
    scale = np.maximum(1, np.abs(expected).max(axis=axes))
    differences: NDArray[np.float32] = np.abs(found - expected).max(axis=axes) / scale
    return differences


def answers(graph: onnx.ModelProto, names: list[str], patches: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """What a graph answers to patches [n, 187, 96], by name of the tensor; few at a time."""
    session = _session(graph, names)
    parts = list(_runs(session, names, patches))
    return {name: np.concatenate(values) for name, values in zip(names, zip(*parts, strict=True), strict=True)}


def _runs(
    session: onnxruntime.InferenceSession, names: list[str], patches: NDArray[np.float32]
) -> Iterator[list[NDArray[np.float32]]]:
    for start in range(0, len(patches), _BATCH_PATCHES):
        yield session.run(names, {INPUT: patches[start : start + _BATCH_PATCHES]})


def _session(graph: onnx.ModelProto, names: list[str]) -> onnxruntime.InferenceSession:
    """A session in which all these tensors are outputs."""
    given = {output.name for output in graph.graph.output}
    observable = onnx.ModelProto()
    observable.CopyFrom(graph)
    observable.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in names if name not in given
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(observable.SerializeToString(), options, providers=["CPUExecutionProvider"])
