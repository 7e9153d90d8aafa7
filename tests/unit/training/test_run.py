"""A whole run on the small Music4All: members, ensemble, files, and that it goes on."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile

from schemas.errors import InvalidSettingError, UndecodableAudioError

torch = pytest.importorskip("torch", reason="training needs the extra `training` (make setup-training)")

from shared.front_end.patches import segments_of  # noqa: E402
from shared.models.manifest import load_ensemble  # noqa: E402
from shared.models.sessions import load_running_ensemble, patch_mean  # noqa: E402
from training.comparison import compared  # noqa: E402
from training.data.pcm import PreparedAudio, quantised  # noqa: E402
from training.data.preparation import prepare  # noqa: E402
from training.data.prepared import PreparedData, load_prepared  # noqa: E402
from training.data.reading import read_data_set  # noqa: E402
from training.data.tracks import Split  # noqa: E402
from training.export.card import model_card  # noqa: E402
from training.losses import LossName  # noqa: E402
from training.predictions import load_run_predictions  # noqa: E402
from training.recipes import NetworkKind, ScheduleName  # noqa: E402
from training.run import Finished, Watch, learnable_tags, train_run  # noqa: E402
from training.run_folder import RunSettings  # noqa: E402
from training.sampling import Sampling  # noqa: E402
from training.world import World  # noqa: E402

pytestmark = pytest.mark.timeout(400)  # the first test waits for graphs to be compiled and members trained
ALONE = World(0, 1, torch.device("cpu"))
SETTINGS = RunSettings(
    losses=(LossName.BCE, LossName.FOCAL),
    n_seeds=1,
    network=NetworkKind.HEADS,
    width=4,
    schedule=ScheduleName.SHORT,
    n_epochs=12,
    sampling=Sampling.STANDARD,
    mixup_alpha=0.0,
    min_tracks=2,
    licence="CC0",
    name="small",
)


def _decode(path: Path) -> PreparedAudio:
    with path.open("rb"):
        pass
    try:
        return quantised(soundfile.read(path, dtype="float32")[0], path.name)
    except soundfile.LibsndfileError as error:
        raise UndecodableAudioError(str(error)) from error


@pytest.fixture(scope="module")
def data(music4all: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(read_data_set(music4all), folder, _decode, seed=0, n_threads=2)
    return load_prepared(folder)


@pytest.fixture(scope="module")
def heads(data: PreparedData, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    folder = tmp_path_factory.mktemp("heads")
    return folder, train_run(data, SETTINGS, folder, ALONE, Watch())


def test_heads_learn_the_genres_of_the_small_music4all(heads: tuple[Path, Finished]) -> None:
    folder, _ = heads

    comparison = compared(folder)

    rows = {row.name: row for row in comparison.rows}
    assert set(rows) == {"heads-bce-0", "heads-focal-0", "bce", "focal", "ensemble"}
    assert rows["ensemble"].intervals["roc_auc"].value > 0.9  # each genre has a pitch of its own
    assert rows["bce"].versus is None
    assert rows["focal"].versus is not None
    assert rows["heads-focal-0"].versus == rows["focal"].versus  # one seed: the same thing


def test_ensemble_says_in_the_pipeline_what_it_said_in_training(
    data: PreparedData, heads: tuple[Path, Finished]
) -> None:
    folder, finished = heads
    running = load_running_ensemble(folder / "ensemble")
    [front_end] = running.ensemble.front_ends
    test = load_run_predictions(folder / "test.npz")

    for i, track in enumerate(data.of(Split.TEST)):
        said = running.probabilities({front_end.name: segments_of(data.samples(track), front_end)})
        for name, patches in said.items():
            np.testing.assert_allclose(patch_mean(patches), test.members[name][i], atol=1e-4)
    assert finished.exported is not None
    assert finished.exported.worst_difference <= 1e-5
    assert running.ensemble.version.startswith("small-")
    assert running.ensemble.members[0].tags == finished.tags
    assert running.ensemble.members[0].licence == "CC0"
    assert len({member.file for member in running.ensemble.members}) == 1  # one graph: heard once


def test_manifest_brings_thresholds_and_frequencies(heads: tuple[Path, Finished]) -> None:
    folder, finished = heads
    fusion = load_ensemble(folder / "ensemble").fusion

    assert set(fusion) == {"priors", "tag_thresholds"}
    priors = fusion["priors"]
    assert isinstance(priors, dict)
    assert set(priors) == {"heads-bce-0", "heads-focal-0"}
    assert finished.test.thresholds is not None
    assert set(fusion["tag_thresholds"]) <= {"rock", "jazz", "techno", "folk"}  # type: ignore[arg-type]


def test_run_that_is_begun_again_trains_only_what_is_new(
    data: PreparedData, heads: tuple[Path, Finished], tmp_path: Path
) -> None:
    folder, first = tmp_path / "again", heads[1]
    shutil.copytree(heads[0], folder)
    trained: list[str] = []
    more = replace(SETTINGS, losses=(LossName.BCE, LossName.FOCAL, LossName.ASYMMETRIC))

    again = train_run(data, more, folder, ALONE, Watch(stepped=lambda step: trained.append(str(step.epoch))))

    n_steps = len(trained) // 12
    assert len(trained) == 12 * n_steps  # one member's epochs
    assert set(again.test.members) == {"heads-bce-0", "heads-focal-0", "heads-asymmetric-0"}
    np.testing.assert_array_equal(again.test.members["heads-bce-0"], first.test.members["heads-bce-0"])


def test_folder_of_another_run_is_refused(data: PreparedData, heads: tuple[Path, Finished]) -> None:
    with pytest.raises(InvalidSettingError, match=r"of another run: n_epochs was '12'"):
        train_run(data, replace(SETTINGS, n_epochs=3), heads[0], ALONE, Watch())


def test_run_in_a_place_that_cannot_be_written_is_refused(data: PreparedData, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InvalidSettingError, match=r"cannot write into .*file: "):
        train_run(data, SETTINGS, tmp_path / "file", ALONE, Watch())


def test_damaged_note_of_a_run_is_refused(data: PreparedData, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"same": ')

    with pytest.raises(InvalidSettingError, match=r"run.json is damaged .* remove it, or name another --out"):
        train_run(data, SETTINGS, tmp_path, ALONE, Watch())


@pytest.mark.parametrize(
    ("network", "epochs", "shape"), [(NetworkKind.SHORT_CHUNK, 2, (288, 128)), (NetworkKind.VGG, 1, (187, 96))]
)
def test_other_networks_train_and_run_in_the_pipeline(
    data: PreparedData, tmp_path: Path, network: NetworkKind, epochs: int, shape: tuple[int, int]
) -> None:
    settings = replace(SETTINGS, network=network, n_epochs=epochs, losses=(LossName.DB,), mixup_alpha=1.0)

    finished = train_run(data, settings, tmp_path, ALONE, Watch())

    assert finished.exported is not None
    assert finished.exported.worst_difference <= 1e-5
    ensemble = load_ensemble(tmp_path / "ensemble")
    member = ensemble.members[0]
    session = onnxruntime.InferenceSession(tmp_path / "ensemble" / member.file, providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["n", *shape]
    assert (member.patch_frames, ensemble.front_ends[0].n_bands) == shape
    load_running_ensemble(tmp_path / "ensemble")


def test_card_says_what_it_was_trained_on_and_how_good_it_is(data: PreparedData, heads: tuple[Path, Finished]) -> None:
    folder, finished = heads
    assert finished.exported is not None

    card = model_card(finished.exported, compared(folder), data, finished.calibrations, SETTINGS.fields())

    for words in (
        "Music4All",
        data.digest,
        "Licence: CC0",
        "train: ",
        "rock",
        "| **ensemble** |",
        "- network: heads\n",
        "- losses: bce, focal\n",
    ):
        assert words in card


def test_arrays_are_those_that_evaluate_reads(heads: tuple[Path, Finished]) -> None:
    from shared.evaluation.arrays import load_predictions

    found = load_predictions(heads[0] / "test.npz")

    assert set(found.by_model) == {"heads-bce-0", "heads-focal-0", "mean of 2"}
    assert found.names is not None
    assert json.dumps(found.names)


def test_tags_need_tracks_to_learn_from_and_to_be_judged_by(data: PreparedData) -> None:
    assert set(learnable_tags(data, 2)) <= {"rock", "jazz", "techno", "folk"}
    assert learnable_tags(data, 2)[0] == "rock"
    with pytest.raises(InvalidSettingError, match="no tag has 1000 training tracks"):
        learnable_tags(data, 1000)


def test_progress_is_told(data: PreparedData, heads: tuple[Path, Finished], tmp_path: Path) -> None:
    del heads
    began: list[tuple[str, int]] = []
    stepped: Callable[[object], object] = str
    settings = replace(SETTINGS, n_epochs=1, losses=(LossName.BCE,), network=NetworkKind.SHORT_CHUNK)

    train_run(data, settings, tmp_path, ALONE, Watch(began=lambda *what: began.append(what), stepped=stepped))

    assert began == [("short-chunk-bce-0", 1)]
