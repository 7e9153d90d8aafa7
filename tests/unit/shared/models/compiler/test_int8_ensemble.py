"""The published networks in 8 bits."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from shared.front_end.mel import compressed
from shared.front_end.patches import cut, segments_of
from shared.front_end.spec import MUSICNN_96
from shared.models.builder import INT8_TOLERANCE, INT8_VERSION, GraphFile, build_default
from shared.models.compiler.ensemble import Network, emitted
from shared.models.compiler.int8_ensemble import Int8Ensemble, compile_int8
from shared.models.compiler.verification import answers
from shared.models.graphs import PROBABILITIES
from shared.models.manifest import load_ensemble
from shared.models.published import PATCH_FRAMES, PUBLISHED
from shared.models.sessions import RunningEnsemble

Patches = NDArray[np.float32]


def some_music(seed: int, n_patches: int) -> Patches:
    """Chords over a beat, with a bass, loud as masters are."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_patches * PATCH_FRAMES * MUSICNN_96.hop_length) / MUSICNN_96.sample_rate_hz
    tune = 0.5 * np.sin(2 * np.pi * 55 * t) * np.exp(-6 * (t % 0.5))
    for _ in range(6):
        hz, length_s = 110 * 2 ** rng.uniform(0, 4), rng.uniform(0.3, 1.5)
        tune += sum(np.sin(2 * np.pi * hz * n * t) / n for n in range(1, 6)) * np.exp(-3 * (t % length_s)) * 0.2
    tune += rng.standard_normal(t.size) * np.exp(-25 * (t % 0.25)) * 0.3
    samples = np.tanh(rng.uniform(0.5, 4) * tune).astype(np.float32)
    return compressed(cut(segments_of(samples, MUSICNN_96), PATCH_FRAMES)[0], MUSICNN_96)


@pytest.fixture(scope="module")
def music() -> Patches:
    return np.concatenate([some_music(seed, 4) for seed in range(10)])


@pytest.fixture(scope="module")
def int8(published: list[Network], music: Patches) -> Int8Ensemble:
    return compile_int8(published, music)


@pytest.mark.timeout(600)
def test_answers_to_music_that_it_was_not_calibrated_on_are_near_the_exact_ones(
    published: list[Network], int8: Int8Ensemble
) -> None:
    unheard = some_music(100, 8)
    names = [f"{model.name}/{PROBABILITIES}" for model in PUBLISHED]
    expected, found = answers(emitted(published), names, unheard), answers(int8.graph, names, unheard)

    for name in names:
        means = np.abs(found[name].mean(axis=0) - expected[name].mean(axis=0))
        assert means.max() < 5e-2
        assert means.mean() < 3e-3


def test_it_says_how_far_it_is_from_exact(int8: Int8Ensemble) -> None:
    assert 0 < int8.error["patch_mean"] < 2e-3
    assert int8.error["patch_mean"] < int8.error["patch_max"] < 0.1
    assert int8.error["sounds_max"] < 0.2


def test_its_large_convolutions_are_of_bytes_and_few_weights_are_floats(int8: Int8Ensemble) -> None:
    operations = [node.op_type for node in int8.graph.graph.node]

    assert operations.count("QLinearConv") == 2 * 2 + 2 * 4  # wide branches of two musicnns, four blocks of two vggs
    assert int8.graph.ByteSize() < 4_500_000


def test_too_little_music_is_refused(published: list[Network], music: Patches) -> None:
    with pytest.raises(InvalidSettingError, match="too little music"):
        compile_int8(published, music[:7])


def test_its_manifest_says_its_error_and_it_runs(tmp_path: Path, int8: Int8Ensemble) -> None:
    folder, error = tmp_path, dict(int8.error)
    file = GraphFile(stem="int8", graph=int8.graph, outputs=int8.outputs, tolerance=INT8_TOLERANCE)
    build_default(folder, [file], version=INT8_VERSION, error=error)

    ensemble = load_ensemble(folder)
    assert ensemble.version == INT8_VERSION
    assert ensemble.error == error
    samples = np.random.default_rng(0).standard_normal(16_000 * 9).astype(np.float32) * 0.1
    found = RunningEnsemble(ensemble, folder).probabilities({MUSICNN_96.name: segments_of(samples, MUSICNN_96)})
    assert {name: values.shape for name, values in found.items()} == {model.name: (3, 50) for model in PUBLISHED}
