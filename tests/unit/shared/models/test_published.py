"""What the package brings is what we say it is."""

import ast
import json
import re
import shutil
from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from shared.models import published
from shared.models.published import PUBLISHED, package_folder, published_weights


def test_published_models_have_the_tags_of_the_package_in_its_order() -> None:
    source = ast.parse((package_folder() / "configuration.py").read_text())
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }

    for model in PUBLISHED:
        assert list(model.tags) == constants[f"{model.vocabulary}_LABELS"]


def test_published_models_have_the_scores_that_their_authors_measured() -> None:
    for model in PUBLISHED:
        text = (package_folder() / model.name / "experiment.result").read_text()
        roc_auc = re.search(r"AUC: (0\.\d+)", text)  # the first number; the second is the PR-AUC
        assert roc_auc is not None
        assert round(float(roc_auc[1]), 3) == model.roc_auc


@pytest.mark.clips
def test_published_models_have_the_tags_of_the_clips_reference(clips_folder: Path) -> None:
    tags = json.loads((clips_folder / "reference.json").read_text())["tags"]

    assert {model.vocabulary: list(model.tags) for model in PUBLISHED} == tags


def test_published_weights_are_refused_when_one_bit_differs(tmp_path: Path) -> None:
    [model] = [model for model in PUBLISHED if model.name == "MTT_vgg"]
    shutil.copytree(package_folder() / model.name, tmp_path / model.name)
    data = tmp_path / model.name / ".data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[1_000_000] ^= 1
    data.write_bytes(content)

    with pytest.raises(InvalidSettingError, match="not the published MTT_vgg"):
        published_weights(model, tmp_path)


def test_package_that_is_not_installed_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(published, "PACKAGE", "not_installed_anywhere")

    with pytest.raises(InvalidSettingError, match="pip install --no-deps"):
        package_folder()
