"""Building the default ensemble."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from shared.models.builder import GraphFile, build_default, located_or_built, plain_files
from shared.models.manifest import load_ensemble

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
        ensembles = pool.map_async(located_or_built, [tmp_path] * 2).get(timeout=60)

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
