"""Running ensembles: the published one against its reference, and members that nobody has hard-wired."""

import hashlib
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from schemas.errors import InvalidFeaturesError, InvalidSettingError
from shared.front_end.mel import compressed
from shared.front_end.patches import Segments, cut, segments_of
from shared.front_end.spec import MUSICNN_96, FrontEnd
from shared.models.sessions import RunningEnsemble, load_running_ensemble, patch_mean

# Short, long, loud, quiet; all 32 clips agree to 2.2e-6.
CLIPS = (
    "ambient_freedroid-beginning.ogg",
    "classical_librosa-sugarplum.ogg",
    "hiphop_ess-hiphop.ogg",
    "metal_muldjord-armygeddon.ogg",
)


@pytest.fixture
def folder(plain_folder: Path, tmp_path: Path) -> Path:
    """A copy of the default ensemble, to be added to."""
    shutil.copytree(plain_folder, tmp_path / "ensemble")
    return tmp_path / "ensemble"


@pytest.fixture
def segments() -> dict[str, Segments]:
    """Two stretches of noise, 561 frames in all."""
    power = np.random.default_rng(5).random((561, 96)).astype(np.float16)
    return {
        "musicnn_96": Segments(
            front_end=MUSICNN_96, power=power, start_frames=(10, 900), n_frames=(187, 374), track_frames=2_000
        )
    }


def add_member(folder: Path, file: str, content: bytes, **entry: Any) -> None:
    """One more entry in a manifest, as a person would write it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    sha256 = hashlib.sha256(content).hexdigest()
    manifest["members"].append({"file": file, "sha256": sha256, "licence": "CC0-1.0", "source": "a test", **entry})
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.clips
@pytest.mark.parametrize("clip", CLIPS)
def test_ensemble_says_what_the_published_networks_say_about_a_clip(
    default_ensemble: RunningEnsemble, clips_folder: Path, clip: str
) -> None:
    reference = json.loads((clips_folder / "reference.json").read_text())["clips"][clip]
    channels, sample_rate_hz = soundfile.read(clips_folder / clip, dtype="float32", always_2d=True)
    samples = soxr.resample(channels.mean(axis=1), sample_rate_hz, 16_000, quality="HQ")

    found = default_ensemble.probabilities({"musicnn_96": segments_of(samples, MUSICNN_96, all_patches=True)})

    assert {len(probabilities) for probabilities in found.values()} == {reference["n_patches"]}
    for name, probabilities in found.items():
        np.testing.assert_allclose(patch_mean(probabilities), reference[name], atol=1e-4)


def test_answers_say_where_each_patch_begins(default_ensemble: RunningEnsemble, segments: dict[str, Segments]) -> None:
    answers = default_ensemble.answers(segments)

    assert list(answers) == ["MSD_musicnn", "MSD_vgg", "MTT_musicnn", "MTT_vgg"]
    for answer in answers.values():
        assert answer.start_s == pytest.approx((0.16, 14.4, 17.392))
        assert answer.probabilities.shape == (3, 50)
        assert set(answer.outputs) == {"probabilities"}


def test_ensemble_gives_threads_the_same_answers(
    default_ensemble: RunningEnsemble, segments: dict[str, Segments]
) -> None:
    alone = default_ensemble.probabilities(segments)
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(default_ensemble.probabilities, [segments] * 2))

    for found in together:
        assert all(np.array_equal(found[name], alone[name]) for name in alone)


def test_any_network_is_one_more_entry_with_its_own_patch_length(
    folder: Path, segments: dict[str, Segments], write_mean_network: Callable[[Path, int], bytes]
) -> None:
    content = write_mean_network(folder / "mine.onnx", 128)
    entry: dict[str, Any] = {"front_end": "musicnn_96", "patch_frames": 128, "hop_frames": 62}
    add_member(
        folder, "mine.onnx", content, name="two", outputs={"probabilities": "both"}, tags=["loud", "quiet"], **entry
    )
    add_member(
        folder, "mine.onnx", content, name="three", outputs={"probabilities": "triple"}, tags=["a", "b", "c"], **entry
    )

    found = load_running_ensemble(folder).probabilities(segments)

    patches, _ = cut(segments["musicnn_96"], 128, 62)
    means = np.log10(1e4 * patches.astype(np.float64) + 1).mean(axis=(1, 2))
    assert len(means) == 5
    np.testing.assert_allclose(found["two"], np.stack([means, -means], axis=1), rtol=1e-5)
    np.testing.assert_allclose(found["three"], np.outer(means, [1, 2, 3]), rtol=1e-5)
    assert found["MSD_vgg"].shape == (3, 50)


def test_network_may_bring_its_own_front_end(
    folder: Path, segments: dict[str, Segments], write_mean_network: Callable[[Path, int], bytes]
) -> None:
    decibels = FrontEnd(name="decibels", compression="db", transport="float32")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["front_ends"].append(decibels.as_json())
    (folder / "manifest.json").write_text(json.dumps(manifest))
    add_member(
        folder,
        "mine.onnx",
        write_mean_network(folder / "mine.onnx", 100),
        name="fifth",
        outputs={"probabilities": "both"},
        tags=["loud", "quiet"],
        front_end="decibels",
        patch_frames=100,
    )
    noise = (0.1 * np.random.default_rng(9).standard_normal(16_000 * 4)).astype(np.float32)
    heard = segments_of(noise, decibels, all_patches=True, patch_frames=100)

    found = load_running_ensemble(folder).probabilities({**segments, "decibels": heard})

    patches, _ = cut(heard, 100)
    np.testing.assert_allclose(found["fifth"][:, 0], compressed(patches, decibels).mean(axis=(1, 2)), rtol=1e-5)


def test_head_hears_another_members_embedding(
    folder: Path, segments: dict[str, Segments], write_head: Callable[[Path, NDArray[np.float32]], bytes]
) -> None:
    matrix = np.random.default_rng(2).standard_normal((200, 3)).astype(np.float32)
    add_member(
        folder,
        "head.onnx",
        write_head(folder / "head.onnx", matrix),
        name="mood",
        input="embedding",
        input_from={"member": "MTT_musicnn", "output": "embedding"},
        outputs={"probabilities": "out"},
        tags=["calm", "tense", "sad"],
    )

    answers = load_running_ensemble(folder).answers(segments, also=[("MTT_musicnn", "embedding")])

    embedding = answers["MTT_musicnn"].outputs["embedding"]
    np.testing.assert_allclose(answers["mood"].probabilities, embedding @ matrix, rtol=1e-4, atol=1e-4)
    assert answers["mood"].start_s == answers["MTT_musicnn"].start_s


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tags": ["loud", "quiet", "third"]}, r"fifth's entry means both to be \['n', 3\], the graph has \['n', 2\]"),
        ({"patch_frames": 187}, r"fifth's entry means mel to be \['n', 187, 96\]"),
        ({"input": "patches"}, r"needs one input 'patches', the graph has \['mel'\]"),
        ({"outputs": {"probabilities": "softmax"}}, r"needs the output 'softmax'"),
    ],
)
def test_network_that_its_entry_describes_wrongly_is_refused(
    folder: Path, write_mean_network: Callable[[Path, int], bytes], change: dict[str, Any], message: str
) -> None:
    content = write_mean_network(folder / "mine.onnx", 128)
    entry = {
        "name": "fifth",
        "outputs": {"probabilities": "both"},
        "tags": ["loud", "quiet"],
        "front_end": "musicnn_96",
        "patch_frames": 128,
    }
    add_member(folder, "mine.onnx", content, **{**entry, **change})

    with pytest.raises(InvalidSettingError, match=r"mine\.onnx: .*" + message):
        load_running_ensemble(folder)


def test_file_that_is_no_network_is_refused(folder: Path) -> None:
    (folder / "mine.onnx").write_bytes(b"not protobuf")
    add_member(
        folder,
        "mine.onnx",
        b"not protobuf",
        name="fifth",
        outputs={"probabilities": "p"},
        tags=["t"],
        front_end="musicnn_96",
        patch_frames=1,
    )

    with pytest.raises(InvalidSettingError, match=r"mine\.onnx is not a network"):
        load_running_ensemble(folder)


def test_output_that_no_member_has_is_refused(default_ensemble: RunningEnsemble, segments: dict[str, Segments]) -> None:
    with pytest.raises(InvalidSettingError, match="MSD_vgg/logits"):
        default_ensemble.answers(segments, also=[("MSD_vgg", "logits")])


def test_segments_of_another_front_end_of_the_same_name_are_refused(default_ensemble: RunningEnsemble) -> None:
    other = FrontEnd(name="musicnn_96", hop_length=128)
    heard = segments_of(np.zeros(16_000, np.float32), other)

    with pytest.raises(InvalidFeaturesError, match="musicnn_96"):
        default_ensemble.probabilities({"musicnn_96": heard})
    with pytest.raises(InvalidFeaturesError, match="musicnn_96"):
        default_ensemble.probabilities({})


def test_patch_mean_is_the_mean_over_patches() -> None:
    assert patch_mean(np.array([[0.25, 1.0], [0.75, 0.0]], np.float32)).tolist() == [0.5, 0.5]
