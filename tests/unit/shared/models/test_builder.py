"""Building the default ensemble."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from schemas.errors import InvalidSettingError
from shared.front_end.patches import segments_of
from shared.front_end.spec import MUSICNN_96
from shared.models.builder import GraphFile, build_default, compiled_files, exposures, located_or_built, plain_files
from shared.models.manifest import load_ensemble
from shared.models.sessions import load_running_ensemble

NAMES = ["MSD_musicnn", "MSD_vgg", "MTT_musicnn", "MTT_vgg"]


def test_default_ensemble_has_the_four_published_networks_and_their_licence(default_folder: Path) -> None:
    ensemble = load_ensemble(default_folder)

    assert [member.name for member in ensemble.members] == NAMES
    assert {member.licence for member in ensemble.members} == {"ISC"}
    assert {len(member.tags) for member in ensemble.members} == {50}
    assert {member.patch_frames for member in ensemble.members} == {187}
    assert sorted(path.suffix for path in default_folder.iterdir()) == [".json", ".onnx"]


def test_ensemble_that_is_there_is_not_built_again(default_folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in default_folder.iterdir()}

    located_or_built(default_folder)

    assert {path: path.stat().st_mtime_ns for path in default_folder.iterdir()} == before


def test_processes_that_start_together_build_one_ensemble_the_same_as_any_other(
    default_folder: Path, tmp_path: Path
) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        ensembles = pool.map_async(located_or_built, [tmp_path] * 2).get(timeout=240)

    assert {ensemble.digest for ensemble in ensembles} == {load_ensemble(default_folder).digest}
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in default_folder.iterdir()}


def test_graph_that_answers_wrongly_is_not_written(tmp_path: Path) -> None:
    def with_weights_of_another(files: Iterator[GraphFile]) -> Iterator[GraphFile]:
        for file in files:
            if file.stem == "MTT_vgg":
                [epsilon, *_] = [a for node in file.graph.graph.node for a in node.attribute if a.name == "epsilon"]
                epsilon.f = 1.0
            yield file

    with pytest.raises(InvalidSettingError, match="the graph of MTT_vgg says"):
        build_default(tmp_path, with_weights_of_another(plain_files()))

    assert list(tmp_path.iterdir()) == []


EXPOSED = {
    ("MSD_musicnn", "embedding"): (200,),
    ("MSD_musicnn", "pools"): (753, 2),
    ("MSD_vgg", "embedding"): (256,),
    ("MTT_musicnn", "embedding"): (200,),
    ("MTT_musicnn", "pools"): (753, 2),
    ("MTT_vgg", "embedding"): (256,),
}


def test_compiled_ensemble_exposes_full_embeddings_that_equal_the_plain_ones(
    exposing_folder: Path, plain_folder: Path
) -> None:
    rng = np.random.default_rng(11)
    beat = np.repeat(rng.random(12 * 4) ** 3, 4_000)  # loud and quiet, so that maxima and means differ
    heard = {"musicnn_96": segments_of((0.5 * beat * rng.standard_normal(beat.size)).astype(np.float32), MUSICNN_96)}

    compiled = load_running_ensemble(exposing_folder).answers(heard, also=EXPOSED)
    plain = load_running_ensemble(plain_folder).answers(heard, also=EXPOSED)

    for (member, role), width in EXPOSED.items():
        found, expected = compiled[member].outputs[role], plain[member].outputs[role]
        assert found.shape == (4, *width)
        assert np.ptp(expected, axis=0).max() > 0.1  # it hears something
        # Pooled features reach 280, where the last digits of float32 are worth more than 1e-4.
        np.testing.assert_allclose(found, expected, rtol=1e-5 if role == "pools" else 0, atol=1e-4)


def test_ensemble_exposes_what_is_asked_for_and_no_more(default_folder: Path, tmp_path: Path) -> None:
    build_default(tmp_path, compiled_files(exposures(["MTT_musicnn/pools"])))

    ensemble = load_ensemble(tmp_path)
    assert {m.name: set(m.outputs) for m in ensemble.members if len(m.outputs) > 1} == {
        "MTT_musicnn": {"probabilities", "pools"}
    }
    assert ensemble.digest != load_ensemble(default_folder).digest
    assert {len(m.outputs) for m in load_ensemble(default_folder).members} == {1}


def test_outputs_that_no_published_network_has_are_refused() -> None:
    with pytest.raises(InvalidSettingError, match=r"no output MSD_vgg/pools; there is MSD_musicnn/embedding, "):
        exposures(["MSD_vgg/embedding", "MSD_vgg/pools"])
