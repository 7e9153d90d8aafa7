"""Writes an ensemble's folder: ONNX checked against PyTorch, and the manifest that the pipeline reads."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from schemas.taxonomy import Taxonomy, default_taxonomy
from shared.models.graphs import INPUT
from shared.models.manifest import PROBABILITIES, Ensemble, Member, load_ensemble, save_ensemble
from training.export.graphs import ExportedGraph, exported
from training.export.writer import Trained
from training.inputs import Inputs

TOLERANCE: Final = 1e-5  # of probabilities, PyTorch beside ONNX Runtime
_N_CHECKED_TRACKS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the manifest says besides numbers."""

    name: str
    data: str
    licence: str
    tags: tuple[str, ...]
    frequencies: NDArray[np.float64]  # of each tag among training tracks
    thresholds: NDArray[np.float64]  # of each tag; infinite: never given


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    ensemble: Ensemble
    worst_difference: float  # PyTorch beside ONNX Runtime, over the tracks that were compared
    unknown_tags: tuple[str, ...]  # without a meaning in the taxonomy: not in labels
    genres: tuple[str, ...]  # that the ensemble can hear


def export_ensemble(
    members: Sequence[Trained],
    described: Description,
    patches: Sequence[NDArray[np.float32]],
    folder: Path,
    heard: Inputs,
) -> Exported:
    """Write the graph and the manifest.

    Args:
        members: of one kind.
        described: the rest of the manifest.
        patches: of some tracks, compressed, as the pipeline cuts them, to compare PyTorch and ONNX on.
        folder: of the ensemble.
        heard: the same tracks as the networks take them, in the same order.
    Raises: InvalidSettingError when both differ by more than 1e-5, or the manifest's readers refuse it.
    """
    graph = exported(members, described.tags)
    onnx.checker.check_model(graph.graph, full_check=True)
    content = graph.graph.SerializeToString(deterministic=True)
    worst = _compared(members, graph, content, patches, heard)
    sha256 = hashlib.sha256(content).hexdigest()
    file = f"{described.name}-{sha256[:12]}.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(content)
    taxonomy = default_taxonomy()
    ensemble = Ensemble(
        version=f"{described.name}-{sha256[:8]}",
        front_ends=(graph.front_end,),
        members=tuple(
            Member(
                name=member.name,
                file=file,
                sha256=sha256,
                input=INPUT,
                outputs={PROBABILITIES: graph.outputs[member.name]},
                front_end=graph.front_end.name,
                patch_frames=graph.patch_frames,
                tags=described.tags,
                licence=described.licence,
                source=f"trained with needledrop on {described.data}",
            )
            for member in members
        ),
        fusion={
            "priors": {member.name: _priors(described) for member in members},
            "tag_thresholds": _thresholds(described, taxonomy),
        },
        taxonomy=taxonomy.version,
    )
    save_ensemble(ensemble, folder)
    load_ensemble(folder)
    return Exported(
        ensemble=ensemble,
        worst_difference=worst,
        unknown_tags=taxonomy.unknown_tags(described.tags),
        genres=taxonomy.can_hear(described.tags),
    )


def _priors(described: Description) -> dict[str, float]:
    """Of tags that a guess would give: those that no training track has, or all have, say nothing."""
    return {
        tag: round(float(frequency), 6)
        for tag, frequency in zip(described.tags, described.frequencies, strict=True)
        if 0 < frequency < 1
    }


def _thresholds(described: Description, taxonomy: Taxonomy) -> dict[str, float]:
    """By the tag's name in labels; of two spellings of one name, neither threshold is for what both say together."""
    found: dict[str, list[float]] = {}
    for tag, threshold in zip(described.tags, described.thresholds.tolist(), strict=True):
        known = taxonomy.known_tag("", tag)
        if known is not None and math.isfinite(threshold):
            found.setdefault(known.shown_as, []).append(round(threshold, 6))
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _compared(
    members: Sequence[Trained],
    graph: ExportedGraph,
    content: bytes,
    patches: Sequence[NDArray[np.float32]],
    heard: Inputs,
) -> float:
    """The largest difference of any probability of any compared patch."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [graph.outputs[member.name] for member in members]
    worst = 0.0
    for track, compressed in enumerate(patches[:_N_CHECKED_TRACKS]):
        said = session.run(names, {INPUT: compressed})
        for member, probabilities in zip(members, said, strict=True):
            with torch.no_grad():
                logits = member.network.cpu().eval()(heard.heard(track)).double().numpy()
            worst = max(worst, float(np.abs(member.calibration.of(logits) - probabilities).max()))
    if not worst <= TOLERANCE:
        raise InvalidSettingError(
            f"the exported graph differs from PyTorch by {worst:.1e} (at most {TOLERANCE:g}): ONNX Runtime or PyTorch "
            "computes wrongly here, or the export is wrong; please report it"
        )
    return worst
