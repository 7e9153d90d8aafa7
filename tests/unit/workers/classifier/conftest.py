"""Ensembles that a person might put together: tiny networks of our own making, as files beside a manifest."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from schemas.events import Analysed, Audio, AudioFeatures
from shared.extracted import Extracted
from shared.features import SignalFeatures
from shared.front_end.patches import Segments
from shared.front_end.spec import MUSICNN_96

Floats = NDArray[np.float32]


class EnsembleFolder:
    """A manifest and its files, in the making."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest: dict[str, Any] = {
            "version": "mine",
            "front_ends": [MUSICNN_96.as_json()],
            "members": [],
            "taxonomy": "1",
        }

    @property
    def members(self) -> list[dict[str, Any]]:
        """The entries so far."""
        return list(self._manifest["members"])

    def add(self, file: str, graph: onnx.ModelProto, **entry: Any) -> None:
        """A network, and its entry as a person would write it."""
        content = graph.SerializeToString()
        (self.path / file).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        entry = {"file": file, "sha256": sha256, "licence": "CC0-1.0", "source": "a test", **entry}
        self._manifest["members"].append(entry)
        self.set()

    def set(self, **fields: Any) -> None:
        """Change fields of the manifest, and write it."""
        self._manifest |= fields
        (self.path / "manifest.json").write_text(json.dumps(self._manifest))


@pytest.fixture
def ensemble_folder(tmp_path: Path) -> EnsembleFolder:
    """An empty one."""
    return EnsembleFolder(tmp_path)


def constant_network(probabilities: list[float], frames: int = 187) -> onnx.ModelProto:
    """One that says the same of everything: `mel` [n, frames, 96] in, `probabilities` out."""
    mel = helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["n", frames, 96])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(probabilities)])
    constants = {"axes": np.array([1, 2]), "column": np.array([-1, 1]), "zero": np.zeros((1, len(probabilities)))}
    nodes = [
        helper.make_node("ReduceMean", ["mel", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["means"]),
        helper.make_node("MatMul", ["means", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "said"], ["probabilities"]),
    ]
    return _model(nodes, [mel], [out], {**constants, "said": np.array([probabilities])})


def effnet_like(to_embedding: Floats, to_activations: Floats) -> onnx.ModelProto:
    """The signature of MTG's discogs-effnet: `melspectrogram` [n, 128, 96] in, `activations` and `embeddings` out."""
    mel = helper.make_tensor_value_info("melspectrogram", TensorProto.FLOAT, ["batch_size", 128, 96])
    outputs = [
        helper.make_tensor_value_info("activations", TensorProto.FLOAT, ["batch_size", to_activations.shape[1]]),
        helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch_size", to_activations.shape[0]]),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["melspectrogram", "axis"], ["bands"], keepdims=0),
        helper.make_node("MatMul", ["bands", "to_embedding"], ["embeddings"]),
        helper.make_node("MatMul", ["embeddings", "to_activations"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["activations"]),
    ]
    constants = {"axis": np.array([1]), "to_embedding": to_embedding, "to_activations": to_activations}
    return _model(nodes, [mel], outputs, constants)


def mtg_head(to_logits: Floats) -> onnx.ModelProto:
    """The signature of MTG's classification heads: `model/Placeholder` in, `model/Softmax` out."""
    width, n_classes = to_logits.shape
    given = helper.make_tensor_value_info("model/Placeholder", TensorProto.FLOAT, ["unk__1", width])
    out = helper.make_tensor_value_info("model/Softmax", TensorProto.FLOAT, ["unk__2", n_classes])
    nodes = [
        helper.make_node("MatMul", ["model/Placeholder", "to_logits"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["model/Softmax"], axis=1),
    ]
    return _model(nodes, [given], [out], {"to_logits": to_logits})


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]) -> onnx.ModelProto:
    arrays = {
        name: array.astype(np.int64 if np.issubdtype(array.dtype, np.integer) else np.float32)
        for name, array in constants.items()
    }
    initializers = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


MakeExtracted = Callable[[Floats], Extracted]


@pytest.fixture
def extracted_of() -> MakeExtracted:
    """What the extractor would hand over for this mel power, (n_frames, 96)."""

    def make(power: Floats) -> Extracted:
        n = len(power)
        segments = Segments(
            front_end=MUSICNN_96,
            power=power.astype(np.float16),
            start_frames=(0,),
            n_frames=(n,),
            track_frames=n,
        )
        seconds = n * MUSICNN_96.frame_s
        return Extracted(
            audio=Audio(
                content_hash="0" * 64,
                size_bytes=9,
                container="wav/pcm",
                sample_rate_hz=16_000,
                n_channels=1,
                duration_s=seconds,
            ),
            analysed=Analysed(
                policy="all",
                decoded_s=seconds,
                cut=False,
                excerpt_start_s=0.0,
                excerpt_duration_s=seconds,
                n_patches=n // 187,
            ),
            features=AudioFeatures(loudness=-14.5),
            features_version="1",
            signal={**{field.name: 0.5 for field in dataclasses.fields(SignalFeatures)}, "time_signature": 4},
            segments={"musicnn_96": segments},
        )

    return make
