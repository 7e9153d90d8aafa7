"""Makes the default ensemble, the four published networks, from the weights that the package brings."""

import hashlib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from pydantic import JsonValue

from schemas.errors import InvalidSettingError
from schemas.taxonomy import default_taxonomy
from shared.front_end.spec import MUSICNN_96
from shared.models.compiler.ensemble import Network, compile_ensemble
from shared.models.compiler.int8_ensemble import compile_int8
from shared.models.graphs import EXPOSABLE, INPUT, PROBABILITIES, plain_graph
from shared.models.manifest import MANIFEST_NAME, Ensemble, Member, load_ensemble, save_ensemble
from shared.models.published import PATCH_FRAMES, PUBLISHED, known_patch, published_weights

DEFAULT_VERSION = "published-2"
INT8_VERSION = f"{DEFAULT_VERSION}-int8"
EXPOSE_ALL = "all"
_KNOWN_ANSWER_TOLERANCE = 1e-4  # processors round differently; a wrong graph is off by 1e-2 and more
INT8_TOLERANCE = 0.1  # no sound makes the known patch, so this finds only what is quite wrong

Exposure: TypeAlias = tuple[str, str]  # a member, and the role of an output that it has besides its probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFile:
    """One ONNX file of the default ensemble, which may serve several of its members."""

    stem: str  # file name without the ending
    graph: onnx.ModelProto
    outputs: Mapping[str, Mapping[str, str]]  # by name of the published model: output names by role
    input: str = INPUT
    tolerance: float = _KNOWN_ANSWER_TOLERANCE  # of its known answers


def exposures(wanted: Sequence[str]) -> tuple[Exposure, ...]:
    """What is to be exposed, from ``MSD_musicnn/embedding`` and the like; ``all`` is all there is.

    Raises: InvalidSettingError for what no published network has.
    """
    known = {f"{m.name}/{role}": (m.name, role) for m in PUBLISHED for role in EXPOSABLE[m.architecture]}
    if unknown := [name for name in wanted if name not in known and name != EXPOSE_ALL]:
        raise InvalidSettingError(
            f"the published networks have no output {unknown[0]}; there is {', '.join(known)}, or {EXPOSE_ALL}"
        )
    return tuple(pair for name, pair in known.items() if name in wanted or EXPOSE_ALL in wanted)


def plain_files(exposed: Collection[Exposure] = ()) -> Iterator[GraphFile]:
    """The published networks as they were published, a file each; members have the outputs of ``exposed`` too."""
    for model in PUBLISHED:
        roles = [PROBABILITIES, *(role for name, role in exposed if name == model.name)]
        outputs = {model.name: {role: role for role in roles}}
        yield GraphFile(stem=model.name, graph=plain_graph(model, published_weights(model)), outputs=outputs)


def compiled_files(exposed: Collection[Exposure] = ()) -> Iterator[GraphFile]:
    """The published networks as one graph that computes the same in a quarter of the time, verified against the plain.

    Args:
        exposed: members and roles of outputs besides the probabilities; what is not here is not in the graph.
    Raises: InvalidSettingError when what was compiled does not give what the plain graphs give.
    """
    compiled = compile_ensemble([Network(model, published_weights(model)) for model in PUBLISHED], exposed)
    yield GraphFile(stem="published", graph=compiled.graph, outputs=compiled.outputs)


def int8_files(music: NDArray[np.float32]) -> tuple[list[GraphFile], Mapping[str, float]]:
    """The published networks as one graph in 8 bits, calibrated on patches [n, 187, 96], and how far it is from exact.

    Raises: InvalidSettingError when that is too little music.
    """
    compiled = compile_int8([Network(model, published_weights(model)) for model in PUBLISHED], music)
    file = GraphFile(stem="published-int8", graph=compiled.graph, outputs=compiled.outputs, tolerance=INT8_TOLERANCE)
    return [file], compiled.error


def build_default(
    folder: Path,
    files: Iterable[GraphFile] | None = None,
    *,
    version: str = DEFAULT_VERSION,
    error: Mapping[str, float] | None = None,
    fusion: Mapping[str, JsonValue] | None = None,
    taxonomy: str | None = None,
) -> Ensemble:
    """Write the default ensemble into a folder, verified; readers see the one that was there before, or the new one.

    Args:
        folder: made when it is not there.
        files: the graphs; the compiled one when None.
        version: the ensemble's.
        error: how far it is from the exact networks, where it is not exact.
        fusion: parameters of fusion and calibration.
        taxonomy: version of the taxonomy; that of the code when None.
    Raises: InvalidSettingError when the package is missing, a graph does not give its known answer, or the folder
        cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=folder) as name:
            staging = Path(name)
            members: dict[str, Member] = {}
            for file in files or compiled_files():
                members |= {member.name: member for member in _write(file, staging)}
            ensemble = Ensemble(
                version=version,
                front_ends=(MUSICNN_96,),
                members=tuple(members[model.name] for model in PUBLISHED),
                fusion=dict(fusion or {}),
                taxonomy=taxonomy or default_taxonomy().version,
                error=dict(error) if error is not None else None,
            )
            save_ensemble(ensemble, staging)
            _publish(ensemble, staging, folder)
    except OSError as error:
        raise InvalidSettingError(
            f"cannot write the ensemble into {folder}: {error.strerror}; NEEDLEDROP_MODELS_FOLDER names another place"
        ) from error
    return ensemble


def _publish(ensemble: Ensemble, staging: Path, folder: Path) -> None:
    # Names hold hashes, so builders that run at once write the same bytes; the manifest comes last.
    for file_name in sorted({member.file for member in ensemble.members}):
        (staging / file_name).replace(folder / file_name)
    (staging / MANIFEST_NAME).replace(folder / MANIFEST_NAME)


def default_folder(parent: Path, exposed: Collection[Exposure] = ()) -> Path:
    """Where the default ensemble of this version is, or will be: another version, or outputs, is another folder."""
    return parent / "-".join([DEFAULT_VERSION, *(f"{member}-{role}" for member, role in exposed)])


def located_or_built(folder: Path, exposed: Collection[Exposure] = ()) -> Ensemble:
    """The ensemble of a folder, built first when it has no manifest; processes may do so at the same time.

    Raises: InvalidSettingError when what is there is damaged, or the package is missing.
    """
    if not (folder / MANIFEST_NAME).exists():
        build_default(folder, compiled_files(exposed))
    return load_ensemble(folder)


def _write(file: GraphFile, folder: Path) -> Iterator[Member]:
    onnx.checker.check_model(file.graph, full_check=True)
    content = file.graph.SerializeToString(deterministic=True)
    _check_known_answers(file, content)
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{file.stem}-{sha256[:12]}.onnx"
    (folder / name).write_bytes(content)
    for model in PUBLISHED:
        if model.name in file.outputs:
            yield Member(
                name=model.name,
                file=name,
                sha256=sha256,
                input=file.input,
                outputs=dict(file.outputs[model.name]),
                front_end=MUSICNN_96.name,
                patch_frames=PATCH_FRAMES,
                tags=model.tags,
                vocabulary=model.vocabulary,
                licence=model.licence,
                source=model.source,
            )


def _check_known_answers(file: GraphFile, content: bytes) -> None:
    """Let the graph hear a made-up patch whose answers are known."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    for model in PUBLISHED:
        if model.name in file.outputs:
            (answers,) = session.run([file.outputs[model.name][PROBABILITIES]], {file.input: known_patch()[np.newaxis]})
            known = dict(zip(model.tags, answers[0].tolist(), strict=True))
            for tag, probability in model.known_answer.items():
                if abs(known[tag] - probability) > file.tolerance:
                    raise InvalidSettingError(
                        f"the graph of {model.name} says {tag} {known[tag]:.5f} to the known patch, not {probability}: "
                        "ONNX Runtime computes wrongly here, or the graph was built wrongly"
                    )
