"""`train run`: a member a loss and seed, their calibration, their mean, thresholds, and the ensemble as files.

DIR/run.json             what was trained, on which data
DIR/members/<name>/      checkpoint, history, TensorBoard's log; a member that is finished is not trained again
DIR/features/            of frozen networks, where heads are trained
DIR/validation.npz, test.npz   truth, thresholds, what each member says; `needledrop evaluate --arrays` reads them
DIR/ensemble/            manifest.json, the ONNX file, model-card.md: `needledrop label --ensemble DIR/ensemble`
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from schemas.errors import InvalidSettingError
from shared.evaluation.tagging_scores import best_f1_thresholds
from shared.front_end.mel import compressed
from shared.front_end.patches import cut, segments_of
from training.data.prepared import PreparedData
from training.data.tracks import Split
from training.export.calibration import Platt, platt
from training.export.ensemble import Description, Exported, export_ensemble
from training.export.graphs import exported_front_end
from training.export.writer import Trained
from training.inputs import Inputs
from training.losses import LossName, loss_named
from training.predictions import Predictions, save_predictions
from training.recipes import NetworkKind, inputs_of, network_of, schedule_of
from training.run_folder import RunSettings, claim
from training.trainer import Plan, Step, Trainer
from training.world import World

ENSEMBLE_FOLDER: Final = "ensemble"
_N_COMPARED: Final = 8  # tracks on which PyTorch and ONNX are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who is told how it goes."""

    began: Callable[[str, int], object] = lambda *_: None  # a stage and its number of steps
    advanced: Callable[[int], object] = int
    stepped: Callable[[Step], object] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What came of it."""

    tags: tuple[str, ...]
    test: Predictions
    calibrations: dict[str, Platt]
    exported: Exported | None  # None in processes other than the first


def learnable_tags(data: PreparedData, min_tracks: int) -> tuple[str, ...]:
    """Tags with enough tracks to train on and some to be judged by, the most frequent first.

    Raises: InvalidSettingError when there is none.
    """
    counts: dict[Split, dict[str, int]] = {split: {} for split in Split}
    for track in data.tracks:
        for tag in track.tags:
            counts[track.split][tag] = counts[track.split].get(tag, 0) + 1
    train = counts[Split.TRAIN]
    found = [
        tag
        for tag, n in sorted(train.items(), key=lambda item: (-item[1], item[0]))
        if n >= min_tracks and all(counts[split].get(tag) for split in (Split.VALIDATION, Split.TEST))
    ]
    if not found:
        raise InvalidSettingError(
            f"no tag has {min_tracks} training tracks and one of validation and test each; --min-tracks asks for fewer"
        )
    return tuple(found)


def train_run(data: PreparedData, settings: RunSettings, folder: Path, world: World, watch: Watch) -> Finished:
    """Train what is not trained yet, and write everything.

    Raises: InvalidSettingError when the folder is of another run, or the export is not what PyTorch says.
    """
    tags = learnable_tags(data, settings.min_tracks)
    if world.is_first:
        claim(folder, data, settings, tags)
    world.wait()
    if settings.network is NetworkKind.HEADS:
        torch.set_num_threads(1)  # products of 32 rows: two threads spend most of their time waiting for each other
    splits = _inputs(data, settings, tags, folder, world, watch)
    logits: dict[str, dict[Split, list[NDArray[np.float32]]]] = {}
    networks: dict[str, nn.Module] = {}
    for name, loss, seed in settings.member_names():
        networks[name] = _trained(name, loss, seed, data, settings, splits, folder, world, watch)
        logits[name] = {
            split: _logits(networks[name], splits[split], world) for split in (Split.VALIDATION, Split.TEST)
        }
    calibrations = {
        name: platt(found[Split.VALIDATION], splits[Split.VALIDATION].targets) for name, found in logits.items()
    }
    validation = _predictions(tags, splits, logits, calibrations, Split.VALIDATION)
    thresholds = best_f1_thresholds(validation.truth, validation.mean)
    validation = replace(validation, thresholds=thresholds)
    test = replace(_predictions(tags, splits, logits, calibrations, Split.TEST), thresholds=thresholds)
    done = Finished(tags=tags, test=test, calibrations=calibrations, exported=None)
    if not world.is_first:
        return done
    save_predictions(validation, folder / "validation.npz")
    save_predictions(test, folder / "test.npz")
    members = [Trained(name, network, calibrations[name]) for name, network in networks.items()]
    described = Description(
        name=settings.name,
        data=f"{data.form} {data.digest[:12]}",
        licence=settings.licence,
        tags=tags,
        frequencies=splits[Split.TRAIN].targets.mean(axis=0, dtype=np.float64),
        thresholds=thresholds,
    )
    patches = _compared_patches(data, members)
    exported = export_ensemble(members, described, patches, folder / ENSEMBLE_FOLDER, splits[Split.TEST])
    return replace(done, exported=exported)


def _inputs(
    data: PreparedData, settings: RunSettings, tags: Sequence[str], folder: Path, world: World, watch: Watch
) -> dict[Split, Inputs]:
    cache = folder / "features"

    def of(split: Split) -> Inputs:
        if settings.network is NetworkKind.HEADS and world.is_first:
            watch.began(f"features of {split}", len(data.of(split)))
        return inputs_of(settings.network, data, split, tags, cache, watch.advanced)

    if not world.is_first:
        world.wait()  # the first process computes features, the others read them
    found = {split: of(split) for split in Split}
    if world.is_first:
        world.wait()
    return found


def _trained(
    name: str,
    loss: LossName,
    seed: int,
    data: PreparedData,
    settings: RunSettings,
    splits: dict[Split, Inputs],
    folder: Path,
    world: World,
    watch: Watch,
) -> nn.Module:
    train = splits[Split.TRAIN]
    schedule = schedule_of(settings.network, settings.schedule, settings.n_epochs)
    network = network_of(
        settings.network, train, width=settings.width, seed=seed, loss=loss, schedule=settings.schedule
    )
    own = folder / "members" / name
    own.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        name=name,
        schedule=schedule,
        seed=seed,
        sampling=settings.sampling,
        mixup_alpha=settings.mixup_alpha,
        spec=json.dumps([name, data.digest, repr(schedule), world.size, settings.shared_fields()]),
    )
    counts = train.targets.sum(axis=0).astype(int).tolist()
    if world.is_first:
        watch.began(name, schedule.n_epochs)
    objective = loss_named(loss, counts, len(train.targets))
    told = watch.stepped if world.is_first else str
    Trainer(plan, network, objective, train, splits[Split.VALIDATION], own, world, told).train()
    return network


def _logits(network: nn.Module, inputs: Inputs, world: World) -> list[NDArray[np.float32]]:
    """Of every track's patches, (n_patches, n_tags) each."""
    network.eval()
    with torch.no_grad():
        own = [
            network(inputs.heard(track).to(world.device, torch.float32)).float().cpu().numpy()
            for track in world.share(range(len(inputs.targets)))
        ]
    return world.gathered(own)


def _predictions(
    tags: tuple[str, ...],
    splits: dict[Split, Inputs],
    logits: dict[str, dict[Split, list[NDArray[np.float32]]]],
    calibrations: dict[str, Platt],
    split: Split,
) -> Predictions:
    members = {
        name: np.array([calibrations[name].of(patches.astype(np.float64)).mean(axis=0) for patches in found[split]])
        for name, found in logits.items()
    }
    return Predictions(truth=splits[split].targets, names=tags, members=members)


def _compared_patches(data: PreparedData, members: Sequence[Trained]) -> list[NDArray[np.float32]]:
    """Patches of some test tracks as the pipeline cuts them."""
    front_end, patch_frames = exported_front_end(members)
    found = []
    for track in data.of(Split.TEST)[:_N_COMPARED]:
        segments = segments_of(data.samples(track), front_end, patch_frames=patch_frames)
        patches, _ = cut(segments, patch_frames)
        found.append(compressed(patches, front_end))
    return found
