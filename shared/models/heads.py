"""A trained head as one more member of an ensemble: its ONNX graph, and a folder that holds both."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from schemas.errors import InvalidSettingError
from shared.models.graphs import IR_VERSION, OPSET, PROBABILITIES
from shared.models.manifest import Ensemble, Member, OutputOf, save_ensemble

HEAD_INPUT = "embedding"


def head_graph(
    mean: NDArray[np.float64], scale: NDArray[np.float64], weights: NDArray[np.float64], bias: NDArray[np.float64]
) -> onnx.ModelProto:
    """``softmax(((embedding - mean) / scale) @ weights + bias)`` as a graph.

    Args:
        mean: (width,).
        scale: (width,).
        weights: (width, n_classes).
        bias: (n_classes,).
    """
    width, n_classes = weights.shape
    given = helper.make_tensor_value_info(HEAD_INPUT, TensorProto.FLOAT, ["n", width])
    out = helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["n", n_classes])
    constants = {"mean": mean, "scale": scale, "weights": weights, "bias": bias}
    nodes = [
        helper.make_node("Sub", [HEAD_INPUT, "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["standardised"]),
        helper.make_node("Gemm", ["standardised", "weights", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [PROBABILITIES], axis=1),
    ]
    initializers = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "head", [given], [out], initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="needledrop",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def add_head(
    base: Ensemble,
    base_folder: Path,
    folder: Path,
    graph: onnx.ModelProto,
    *,
    name: str,
    input_from: Sequence[OutputOf],
    tags: Sequence[str],
    weight: float,
    prior: float,
    source: str,
) -> Ensemble:
    """Write an ensemble with one more member, complete in a folder of its own.

    Args:
        base: the ensemble that the head reads.
        base_folder: where that lies.
        folder: where the new one will lie.
        graph: as `head_graph` makes it.
        name: of the member.
        input_from: what the head reads.
        tags: of the head's outputs.
        weight: of the member.
        prior: of each tag.
        source: who made it, of what.
    Raises: InvalidSettingError when the base has a member of that name, or the folder cannot be written.
    """
    if name in {member.name for member in base.members}:
        raise InvalidSettingError(f"the ensemble {base.version} has a member {name} already; --name names another")
    content = graph.SerializeToString(deterministic=True)
    sha256 = hashlib.sha256(content).hexdigest()
    head = Member(
        name=name,
        file=f"{name}-{sha256[:12]}.onnx",
        sha256=sha256,
        input=HEAD_INPUT,
        outputs={PROBABILITIES: PROBABILITIES},
        input_from=tuple(input_from),
        tags=tuple(tags),
        weight=weight,
        licence="yours",
        source=source,
    )
    given = base.fusion.get("priors")
    priors = {**(given if isinstance(given, dict) else {}), name: dict.fromkeys(tags, prior)}
    ensemble = base.model_copy(
        update={
            "version": f"{base.version}+{name}-{sha256[:8]}",
            "members": (*base.members, head),
            "fusion": {**base.fusion, "priors": priors},
        }
    )
    ensemble = Ensemble.model_validate(ensemble.as_json())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted({member.file for member in base.members}):
            if (base_folder / file).resolve() != (folder / file).resolve():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(base_folder / file, folder / file)
        (folder / head.file).write_bytes(content)
        save_ensemble(ensemble, folder)
    except OSError as error:
        raise InvalidSettingError(f"cannot write the ensemble into {folder}: {error.strerror}") from error
    return ensemble
