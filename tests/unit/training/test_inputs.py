"""What networks are trained on is what the pipeline would let them hear."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="training needs the extra `training` (make setup-training)")

from shared.front_end.mel import compressed, mel_power, rounded  # noqa: E402
from shared.front_end.spec import MUSICNN_96, FrontEnd  # noqa: E402
from tests.unit.training.conftest import WriteClip  # noqa: E402
from training.data.pcm import quantised  # noqa: E402
from training.data.preparation import prepare  # noqa: E402
from training.data.prepared import PreparedData, load_prepared  # noqa: E402
from training.data.reading import read_data_set  # noqa: E402
from training.front_end import MelFrontEnd, n_samples_of  # noqa: E402
from training.inputs import Crops, targets_of  # noqa: E402
from training.networks.short_chunk import SHORT_CHUNK_128  # noqa: E402


@pytest.mark.parametrize("spec", [MUSICNN_96, SHORT_CHUNK_128], ids=lambda spec: spec.name)
def test_front_end_in_pytorch_is_the_pipelines(spec: FrontEnd) -> None:
    rng = np.random.default_rng(0)
    samples = (0.3 * rng.standard_normal(20_000) * np.linspace(0, 1, 20_000)).astype(np.float32)
    first, n_frames = 7, 40
    start = first * spec.hop_length - spec.n_fft // 2
    piece = samples[start : start + n_samples_of(spec, n_frames)]

    found = MelFrontEnd(spec)(torch.from_numpy(piece[None]))[0].numpy()

    expected = compressed(rounded(mel_power(samples, spec, first, n_frames), spec), spec)
    assert found.shape == expected.shape == (n_frames, spec.n_bands)
    # Where power is rounded to float16, two front ends may fall to either side.
    np.testing.assert_allclose(found, expected, atol=1e-3 if spec.transport == "float16" else 2e-3)


@pytest.fixture
def data(tmp_path: Path, write_clip: WriteClip) -> PreparedData:
    """A clip longer than a patch, and one that is shorter."""
    (tmp_path / "LABELS.tsv").write_text("file\ttags\tsplit\nlong.wav\ta,b\ttrain\nshort.wav\tb\ttrain\n")
    write_clip(tmp_path / "long.wav", kind=0, seed=1, seconds=8)
    write_clip(tmp_path / "short.wav", kind=1, seed=2, seconds=1)

    def decode(path: Path):  # type: ignore[no-untyped-def]  # noqa: ANN202
        return quantised(soundfile.read(path, dtype="float32")[0], "")

    prepare(read_data_set(tmp_path), tmp_path / "out", decode, seed=0, n_threads=1)
    return load_prepared(tmp_path / "out")


def test_crops_are_pieces_of_their_tracks_and_the_same_again_for_the_same_seed(data: PreparedData) -> None:
    tracks = data.tracks
    crops = Crops(data, tracks, targets_of(tracks, ["b", "a"]), MUSICNN_96, 187)

    drawn = crops.drawn([0, 1, 0], np.random.default_rng(4)).numpy()

    n = n_samples_of(MUSICNN_96, 187)
    assert drawn.shape == (3, n)
    whole = data.samples(tracks[0])
    assert any(np.array_equal(drawn[0], whole[i : i + n]) for i in range(len(whole) - n + 1))
    assert not np.array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(drawn[1][:16_000], data.samples(tracks[1]))  # a short one again and again
    np.testing.assert_array_equal(drawn[1][16_000:32_000], data.samples(tracks[1]))
    np.testing.assert_array_equal(crops.drawn([0, 1, 0], np.random.default_rng(4)).numpy(), drawn)
    assert crops.targets.tolist() == [[1, 1], [1, 0]]


def test_what_is_judged_are_the_patches_that_the_pipeline_cuts(data: PreparedData) -> None:
    crops = Crops(data, data.tracks, targets_of(data.tracks, ["a"]), MUSICNN_96, 187)

    assert crops.heard(0).shape == (2, 187, 96)  # 501 frames
    short = crops.heard(1).numpy()
    assert short.shape == (1, 187, 96)
    np.testing.assert_array_equal(short[0, 63:126], short[0, :63])  # 63 frames, repeated to one patch
