"""Features of the published networks, frozen: of both musicnns pools and dense layer, of both vggs the last pool.

They are computed once by the product's own compiled graph and kept in blocks, so that a killed run goes on.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from shared.cores import n_cores
from shared.front_end.mel import compressed, mel_power, n_frames_of, rounded
from shared.front_end.patches import cut, segments_of
from shared.front_end.spec import MUSICNN_96
from shared.models.compiler.ensemble import CompiledEnsemble, Network, compile_ensemble
from shared.models.graphs import EMBEDDING, INPUT, POOLS
from shared.models.published import PATCH_FRAMES, PUBLISHED, published_weights
from training.data.prepared import PreparedData, PreparedTrack
from training.inputs import Features, Floats

PARTS: Final = (
    *((name, role) for name in ("MSD_musicnn", "MTT_musicnn") for role in (POOLS, EMBEDDING)),
    *((name, EMBEDDING) for name in ("MSD_vgg", "MTT_vgg")),
)
"""Which outputs of which networks are the features, in their order."""
# Other patches of each training track, at random places: a little more to learn from, for half as much time again.
N_MORE: Final = 4
_BLOCK_TRACKS: Final = 64
_BATCH_PATCHES: Final = 4


@cache
def backbone() -> CompiledEnsemble:
    """The published networks in one graph, PARTS exposed. Compiled and verified once; do not change it."""
    names = {name for name, _ in PARTS}
    networks = [Network(model, published_weights(model)) for model in PUBLISHED if model.name in names]
    return compile_ensemble(networks, PARTS)


def outputs_of(compiled: CompiledEnsemble) -> list[str]:
    """The graph's outputs that are the features, in their order."""
    return [compiled.outputs[name][role] for name, role in PARTS]


@dataclass(frozen=True)
class FrozenNetworks:
    """Computes features. Any number of threads may call it, each keeps to one core."""

    session: onnxruntime.InferenceSession
    outputs: list[str]

    def __call__(self, patches: Floats) -> Floats:
        """Compressed patches (n, 187, 96) to features, side by side (n, width)."""
        parts = []
        for i in range(0, len(patches), _BATCH_PATCHES):
            found = self.session.run(self.outputs, {INPUT: patches[i : i + _BATCH_PATCHES]})
            parts.append(np.concatenate([array.reshape(len(array), -1) for array in found], axis=1))
        return np.concatenate(parts).astype(np.float32, copy=False)


def frozen_networks() -> FrozenNetworks:
    """The backbone, loaded."""
    compiled = backbone()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    content = compiled.graph.SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return FrozenNetworks(session, outputs_of(compiled))


def features_of(
    data: PreparedData,
    tracks: Sequence[PreparedTrack],
    targets: Floats,
    folder: Path,
    *,
    n_more: int,
    done: Callable[[int], object] = int,
) -> Features:
    """The features of some tracks, from blocks on disk where they are there.

    Args:
        data: whose audio.
        tracks: of one split.
        targets: of these tracks.
        folder: of blocks; those of other data or other settings lie beside them.
        n_more: patches at random places besides those that the pipeline hears.
        done: told how many tracks were dealt with, again and again.
    """
    what = json.dumps([data.digest, [track.track_id for track in tracks], PARTS, n_more])
    place = folder / hashlib.sha256(what.encode()).hexdigest()[:16]
    place.mkdir(parents=True, exist_ok=True)
    rows: list[Floats] = []
    n_heard: list[int] = []
    networks: FrozenNetworks | None = None
    with ThreadPoolExecutor(n_cores()) as threads:
        for number, start in enumerate(range(0, len(tracks), _BLOCK_TRACKS)):
            of_block = tracks[start : start + _BLOCK_TRACKS]
            path = place / f"{number:05}.npy"
            if not path.with_suffix(".json").exists():
                networks = networks or frozen_networks()
                _write_block(path, data, of_block, networks, n_more, threads, done)
            else:
                done(len(of_block))
            counts = json.loads(path.with_suffix(".json").read_text())
            block = np.load(path, mmap_mode="r")
            rows += np.split(block, np.cumsum(counts["n_rows"])[:-1])
            n_heard += counts["n_heard"]
    return Features(rows=rows, n_heard=n_heard, targets=targets)


def _write_block(
    path: Path,
    data: PreparedData,
    tracks: Sequence[PreparedTrack],
    networks: FrozenNetworks,
    n_more: int,
    threads: ThreadPoolExecutor,
    done: Callable[[int], object],
) -> None:
    found: list[Floats] = []
    n_heard: list[int] = []
    for features, heard in threads.map(lambda track: _features(data, track, networks, n_more), tracks):
        found.append(features)
        n_heard.append(heard)
        done(1)
    with path.with_suffix(".part").open("wb") as file:
        np.save(file, np.concatenate(found))
    path.with_suffix(".part").replace(path)
    counts = {"n_rows": [len(features) for features in found], "n_heard": n_heard}
    path.with_suffix(".json").write_text(json.dumps(counts))  # last: a block without it is made again


def _features(data: PreparedData, track: PreparedTrack, networks: FrozenNetworks, n_more: int) -> tuple[Floats, int]:
    samples = data.samples(track)
    heard, _ = cut(segments_of(samples, MUSICNN_96), PATCH_FRAMES)
    patches = [compressed(heard, MUSICNN_96)]
    slack = n_frames_of(samples.size, MUSICNN_96) - PATCH_FRAMES
    if slack > 0:
        places = np.random.default_rng(list(track.track_id.encode())).integers(slack + 1, size=n_more)
        for first in places.tolist():
            power = rounded(mel_power(samples, MUSICNN_96, first, PATCH_FRAMES), MUSICNN_96)
            patches.append(compressed(power, MUSICNN_96)[None])
    return networks(np.concatenate(patches)), len(heard)
