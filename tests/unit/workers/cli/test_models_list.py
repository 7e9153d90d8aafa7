"""`needledrop models list`: what an ensemble is made of and what it can hear."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.workers.classifier.conftest import EnsembleFolder, constant_network
from workers.cli import administering
from workers.cli.main import app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An ensemble of one network that knows two genres and a mood."""
    mine = EnsembleFolder(tmp_path)
    mine.add(
        "mine.onnx",
        constant_network([0.1, 0.2, 0.3]),
        name="mine",
        front_end="musicnn_96",
        patch_frames=187,
        outputs={"probabilities": "probabilities"},
        tags=["reggae", "Hip-Hop", "happy"],
        weight=2.5,
    )
    return tmp_path


def test_person_sees_members_and_what_can_be_heard(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administering, "piped", lambda: False)

    shown = CliRunner().invoke(app, ["models", "list", str(folder)]).output

    assert "mine  3 tags, weight 2.5, hears musicnn_96\n  CC0-1.0; a test" in shown
    assert "can hear     hip-hop, reggae" in shown
    assert "cannot hear  rock, pop," in shown
    assert "(never guessed)" in shown


def test_program_gets_the_same_as_json(folder: Path) -> None:
    listed = json.loads(CliRunner().invoke(app, ["models", "list", str(folder)]).output)

    assert listed["can_hear"] == ["hip-hop", "reggae"]
    assert {"rock", "latin", "disco"} <= set(listed["cannot_hear"])
