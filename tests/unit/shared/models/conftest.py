"""The default ensemble, built once; small networks of our own making; the labelled clips."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from shared.models.builder import build_default, compiled_files, exposures, plain_files
from shared.models.sessions import RunningEnsemble, load_running_ensemble


@pytest.fixture(scope="session")
def default_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the default ensemble lies; not to be written to."""
    folder = tmp_path_factory.mktemp("ensemble")
    build_default(folder)
    return folder


@pytest.fixture(scope="session")
def plain_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the published networks lie as they were published, embeddings included; not to be written to."""
    folder = tmp_path_factory.mktemp("plain")
    build_default(folder, plain_files(exposures(["all"])))
    return folder


@pytest.fixture(scope="session")
def exposing_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the default ensemble lies with everything exposed; not to be written to."""
    folder = tmp_path_factory.mktemp("exposing")
    build_default(folder, compiled_files(exposures(["all"])))
    return folder


@pytest.fixture(scope="session")
def default_ensemble(default_folder: Path) -> RunningEnsemble:
    """The four published networks, running."""
    return load_running_ensemble(default_folder)


@pytest.fixture(scope="session")
def clips_folder() -> Path:
    """The labelled clips and what the published networks say about them."""
    if "NEEDLEDROP_TEST_CLIPS" not in os.environ:
        pytest.skip("NEEDLEDROP_TEST_CLIPS is not set: no labelled clips")
    return Path(os.environ["NEEDLEDROP_TEST_CLIPS"])


WriteNetwork = Callable[[Path, int], bytes]


@pytest.fixture
def write_mean_network() -> WriteNetwork:
    """Writes a network that says ``both``, [mean, -mean] of each patch, and ``triple``; returns the file's bytes."""

    def write(path: Path, patch_frames: int) -> bytes:
        mel = helper.make_tensor_value_info("mel", TensorProto.FLOAT, ["n", patch_frames, 96])
        both = helper.make_tensor_value_info("both", TensorProto.FLOAT, ["n", 2])
        triple = helper.make_tensor_value_info("triple", TensorProto.FLOAT, ["n", 3])
        factors = numpy_helper.from_array(np.array([[1.0, 2.0, 3.0]], np.float32), "factors")
        signs = numpy_helper.from_array(np.array([[1.0, -1.0]], np.float32), "signs")
        axes = numpy_helper.from_array(np.array([1, 2], np.int64), "axes")
        column = numpy_helper.from_array(np.array([-1, 1], np.int64), "column")
        nodes = [
            helper.make_node("ReduceMean", ["mel", "axes"], ["mean"], keepdims=0),
            helper.make_node("Reshape", ["mean", "column"], ["means"]),
            helper.make_node("MatMul", ["means", "signs"], ["both"]),
            helper.make_node("MatMul", ["means", "factors"], ["triple"]),
        ]
        return _written(path, helper.make_graph(nodes, "mean", [mel], [both, triple], [signs, factors, axes, column]))

    return write


WriteHead = Callable[[Path, NDArray[np.float32]], bytes]


@pytest.fixture
def write_head() -> WriteHead:
    """Writes a head that multiplies an embedding by a matrix, and returns the file's bytes."""

    def write(path: Path, matrix: NDArray[np.float32]) -> bytes:
        given = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", matrix.shape[0]])
        out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", matrix.shape[1]])
        nodes = [helper.make_node("MatMul", ["embedding", "matrix"], ["out"])]
        return _written(
            path, helper.make_graph(nodes, "head", [given], [out], [numpy_helper.from_array(matrix, "matrix")])
        )

    return write


def _written(path: Path, graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    content = model.SerializeToString()
    path.write_bytes(content)
    return bytes(content)
