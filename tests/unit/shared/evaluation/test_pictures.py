"""Pictures of scores: that they show what they should, as far as a program can see."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import InvalidSettingError
from shared.evaluation.genre_scores import genre_scores
from shared.evaluation.pictures import draw_confusion, draw_reliability

SCORES = genre_scores(
    ["rock", "rock", "jazz", "latin"],
    ("jazz", "metal", "rock"),
    [[0.1, 0.2, 0.7], [0.8, 0.1, 0.1], [0.9, 0.1, 0.0], [0.3, 0.3, 0.4]],
    n_resamples=20,
)


@pytest.fixture
def written_words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All text of the pictures drawn from now on."""
    text: Any = pytest.importorskip("matplotlib.text")
    words: list[str] = []
    draw = text.Text.draw

    def noted(self: Any, *arguments: Any, **named: Any) -> None:
        words.append(self.get_text())
        draw(self, *arguments, **named)

    monkeypatch.setattr(text.Text, "draw", noted)
    return words


def test_confusion_shows_every_true_genre_and_those_said(written_words: list[str], tmp_path: Path) -> None:
    draw_confusion(SCORES, tmp_path / "confusion.png")

    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert {"jazz  1", "rock  2", "latin (cannot be heard)  1", "jazz", "rock"} <= set(written_words)
    assert "metal" not in written_words  # neither true nor said
    assert "said first   (4 tracks, top-1 50%, balanced 50%)" in written_words


def test_reliability_shows_the_calibration_error(written_words: list[str], tmp_path: Path) -> None:
    draw_reliability(SCORES, tmp_path / "reliability.png")

    assert (tmp_path / "reliability.png").read_bytes().startswith(b"\x89PNG")
    assert any(word.startswith(f"ECE {SCORES.ece:.2f}") for word in written_words)


def test_scores_without_a_mistake_or_an_interval_can_be_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    perfect = genre_scores(["rock"] * 3, ("jazz", "rock"), np.tile([0.0, 1.0], (3, 1)), n_resamples=0)

    draw_confusion(perfect, tmp_path / "confusion.png")
    draw_reliability(perfect, tmp_path / "reliability.png")

    assert len(list(tmp_path.iterdir())) == 2


def test_missing_matplotlib_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    imported = builtins.__import__

    def without_matplotlib(name: str, *arguments: Any, **named: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return imported(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)

    with pytest.raises(InvalidSettingError, match=r"needledrop\[plots\]"):
        draw_confusion(SCORES, tmp_path / "confusion.png")
