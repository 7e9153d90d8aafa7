import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.errors import InvalidSettingError
from workers.cli.main import app


def test_training_without_pytorch_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))

    answer = CliRunner().invoke(app, ["train", "run", str(tmp_path), "--out", str(tmp_path / "out")])

    assert isinstance(answer.exception, InvalidSettingError)
    assert "make setup-training" in str(answer.exception)


def test_loss_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs the extra `training` (make setup-training)")

    answer = CliRunner().invoke(app, ["train", "run", str(tmp_path), "--out", str(tmp_path), "--losses", "bce,hinge"])

    assert isinstance(answer.exception, InvalidSettingError)
    assert "'hinge' is none of bce, focal, cb, db" in str(answer.exception)


def test_comparing_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["train", "compare", str(tmp_path)])

    assert isinstance(answer.exception, InvalidSettingError)
    assert "has no validation.npz" in str(answer.exception)
