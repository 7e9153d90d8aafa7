"""What a network says of tracks: the mean of its patches' probabilities, as the pipeline takes it."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shared.evaluation.tagging_scores import tagging_scores
from training.inputs import Inputs
from training.world import World

_PATCHES_AT_ONCE = 64


def track_probabilities(network: nn.Module, inputs: Inputs, world: World) -> NDArray[np.float32]:
    """Probabilities of every track, (n_tracks, n_tags); all processes together, and all get all."""
    network.eval()
    own: list[NDArray[np.float32]] = []
    waiting: list[torch.Tensor] = []
    with torch.no_grad():
        mine = world.share(range(len(inputs.targets)))
        for place, track in enumerate(mine):
            waiting.append(inputs.heard(track))
            if sum(map(len, waiting)) >= _PATCHES_AT_ONCE or place == len(mine) - 1:
                own += _means(network, waiting, world)
                waiting = []
    return np.stack(world.gathered(own))


def _means(network: nn.Module, tracks: list[torch.Tensor], world: World) -> list[NDArray[np.float32]]:
    patches = torch.cat(tracks).to(world.device, torch.float32)
    said = torch.sigmoid(network(patches).float()).double().cpu()
    return [part.mean(dim=0).float().numpy() for part in said.split([len(track) for track in tracks])]


def validation_scores(probabilities: NDArray[np.float32], targets: NDArray[np.float32]) -> dict[str, float]:
    """ROC-AUC and PR-AUC, macro; checkpoints are chosen by the latter."""
    scores = tagging_scores(targets, probabilities)
    return {"roc_auc_macro": scores.roc_auc_macro, "pr_auc_macro": scores.pr_auc_macro}
