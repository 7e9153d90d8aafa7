"""The manifest: what it takes, and what it refuses with a message that helps."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InvalidSettingError
from shared.models.manifest import Ensemble, load_ensemble, save_ensemble, with_label_embedding


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An ensemble of one member and a head, with files that nobody runs."""
    (tmp_path / "a.onnx").write_bytes(b"abc")
    (tmp_path / "manifest.json").write_text(json.dumps(a_manifest()))
    return tmp_path


def a_manifest() -> dict[str, Any]:
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of "abc": FIPS 180-2, appendix B.1
    member = {
        "name": "first",
        "file": "a.onnx",
        "sha256": sha256,
        "outputs": {"probabilities": "p", "embedding": "e"},
        "front_end": "musicnn_96",
        "patch_frames": 187,
        "tags": ["rock", "pop"],
        "licence": "ISC",
        "source": "a test",
    }
    head = {
        "name": "head",
        "file": "a.onnx",
        "sha256": sha256,
        "outputs": {"probabilities": "p"},
        "input_from": {"member": "first", "output": "embedding"},
        "tags": ["sad"],
        "licence": "ISC",
        "source": "a test",
    }
    return {
        "version": "1",
        "front_ends": [{"name": "musicnn_96"}],
        "members": [member, head],
        "fusion": {"temperature": {"MSD": 1.5}},
        "taxonomy": "1",
    }


def test_manifest_survives_being_saved_and_loaded(folder: Path) -> None:
    ensemble = load_ensemble(folder)
    save_ensemble(ensemble, folder)

    assert load_ensemble(folder) == ensemble
    assert ensemble.fusion == {"temperature": {"MSD": 1.5}}
    assert ensemble.longest_patch_frames("musicnn_96") == 187


def test_manifest_passes_over_fields_it_does_not_know(folder: Path) -> None:
    manifest = a_manifest()
    manifest["remark"] = manifest["members"][0]["remark"] = "from a newer version"

    assert Ensemble.model_validate(manifest).digest == load_ensemble(folder).digest


def test_digest_does_not_depend_on_how_the_file_is_written(folder: Path) -> None:
    digest = load_ensemble(folder).digest
    (folder / "manifest.json").write_text(json.dumps(a_manifest(), sort_keys=True, indent=7))

    assert load_ensemble(folder).digest == digest
    assert len(digest) == 64


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["members"][0].update(weight=2.0),
        lambda m: m["members"][0].update(sha256="0" * 64),
        lambda m: m["fusion"].update(floor=0.1),
        lambda m: m["front_ends"][0].update(hop_length=128),
        lambda m: m.update(taxonomy="2"),
        lambda m: m["members"].pop(),
    ],
)
def test_digest_changes_with_whatever_changes_a_result(change: Callable[[dict[str, Any]], object]) -> None:
    changed = a_manifest()
    change(changed)

    assert Ensemble.model_validate(changed).digest != Ensemble.model_validate(a_manifest()).digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m["members"][0].update(front_end="mel_128"), r"first: unknown front_end 'mel_128'"),
        (lambda m: m["members"][0].update(tags=[]), r"members\.0\.tags"),
        (lambda m: m["members"][0].update(tags=["rock", "rock"]), r"tags names a tag twice"),
        (lambda m: m["members"][0].update(file="../a.onnx"), r"must lie in the manifest's folder"),
        (lambda m: m["members"][0].update(file="/a.onnx"), r"must lie in the manifest's folder"),
        (lambda m: m["members"][0].update(sha256="abc"), r"members\.0\.sha256"),
        (lambda m: m["members"][0].update(weight=0), r"members\.0\.weight"),
        (lambda m: m["members"][0].update(outputs={"embedding": "e"}), r"outputs has no 'probabilities'"),
        (lambda m: m["members"][0].pop("patch_frames"), r"needs front_end and patch_frames, or input_from"),
        (lambda m: m["members"][0].pop("licence"), r"members\.0\.licence"),
        (lambda m: m["members"][1].update(name="first"), r"members names first twice"),
        (lambda m: m["members"][1].update(patch_frames=187), r"hears what input_from hears"),
        (lambda m: m["members"][1]["input_from"].update(member="nobody"), r"no member before it is nobody"),
        (lambda m: m["members"][1]["input_from"].update(output="logits"), r"with an output logits"),
        (lambda m: m["members"][1].update(input_from=[]), r"members\.1\.input_from"),
        (lambda m: m["members"][1]["input_from"].update(member="head"), r"no member before it is head"),
        (
            lambda m: m.update(label_embedding={"member": "head"}),
            r"label_embedding: no member is head with an output emb",
        ),
        (lambda m: m["members"].reverse(), r"no member before it is first"),
        (lambda m: m["front_ends"].append({"name": "musicnn_96"}), r"front_ends names one twice"),
        (lambda m: m["front_ends"][0].update(compression="ln"), r"compression='ln'"),
        (lambda m: m.pop("taxonomy"), r"taxonomy"),
    ],
)
def test_manifest_is_refused_by_name_and_with_the_reason(
    folder: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    manifest = a_manifest()
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(InvalidSettingError, match=r"manifest\.json.*" + message):
        load_ensemble(folder)


def test_head_cannot_read_members_that_hear_different_patches() -> None:
    manifest = a_manifest()
    other = {**manifest["members"][0], "name": "other", "patch_frames": 128, "hop_frames": 62}
    manifest["members"].insert(1, other)
    manifest["members"][2]["input_from"] = [{"member": "first"}, {"member": "other"}]

    with pytest.raises(ValueError, match="head: what input_from names does not hear the same patches"):
        Ensemble.model_validate(manifest)


def test_embedding_in_labels_is_part_of_the_digest_only_where_there_is_one() -> None:
    bare = Ensemble.model_validate(a_manifest())

    asked = with_label_embedding(bare, "first/embedding")

    assert "label_embedding" not in bare.as_json()
    assert asked.digest != bare.digest
    assert Ensemble.model_validate(asked.as_json()) == asked


def test_manifest_that_is_not_json_is_refused(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")

    with pytest.raises(InvalidSettingError, match=r"manifest\.json: Invalid JSON"):
        load_ensemble(folder)


def test_missing_manifest_is_named_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match=r"manifest\.json.*needledrop models build"):
        load_ensemble(tmp_path)


def test_missing_file_is_named(folder: Path) -> None:
    (folder / "a.onnx").unlink()

    with pytest.raises(InvalidSettingError, match=r"cannot read .*a\.onnx.*build the ensemble again"):
        load_ensemble(folder)


def test_changed_file_is_named_with_both_hashes(folder: Path) -> None:
    (folder / "a.onnx").write_bytes(b"abd")

    with pytest.raises(InvalidSettingError, match=r"a\.onnx is not the file .* not ba7816bf"):
        load_ensemble(folder)


def test_default_ensemble_is_refused_when_one_of_its_files_is_damaged(default_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(default_folder, copy)
    [file] = copy.glob("published-*.onnx")
    file.write_bytes(file.read_bytes()[:-1])

    with pytest.raises(InvalidSettingError, match=file.name):
        load_ensemble(copy)
