"""Calibration files: what they refuse, what they change, and how versions tell them apart."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.errors import InvalidSettingError
from schemas.events import AudioFeatures
from shared.features import FEATURE_VERSION
from shared.features.calibration import (
    Calibration,
    MonotoneMap,
    load_calibration,
    result_version,
    save_calibration,
)

DIGEST = "d" * 64


def a_calibration(knots: tuple[tuple[float, float], ...] = ((0.2, 0.1), (0.6, 0.9)), **changes: object) -> Calibration:
    fields = {
        "features_version": FEATURE_VERSION,
        "ensemble": "some-1",
        "ensemble_digest": DIGEST,
        "maps": {"energy": MonotoneMap(knots=knots)},
    }
    return Calibration.model_validate({**fields, **changes})


@pytest.mark.parametrize(("value", "mapped"), [(0.0, 0.1), (0.2, 0.1), (0.3, 0.3), (0.4, 0.5), (0.6, 0.9), (1.0, 0.9)])
def test_monotone_map_is_straight_between_its_knots_and_level_beyond_them(value: float, mapped: float) -> None:
    assert a_calibration().maps["energy"](value) == pytest.approx(mapped)


@pytest.mark.parametrize(
    "knots", [(), ((0.5, 0.5), (0.5, 0.6)), ((0.5, 0.5), (0.4, 0.6)), ((0.1, 0.5), (0.4, 0.4)), ((0.1, 1.5),)]
)
def test_monotone_map_refuses_knots_that_do_not_rise_or_leave_the_scale(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValidationError):
        MonotoneMap(knots=knots)


def test_calibration_changes_the_mapped_features_and_nothing_else() -> None:
    before = AudioFeatures(danceability=0.4, energy=0.4, valence=0.4, tempo=120.0, confidence={"energy": 0.8})

    after = a_calibration()(before)

    assert after == before.model_copy(update={"energy": 0.5})


def test_calibration_leaves_an_absent_feature_absent() -> None:
    assert a_calibration()(AudioFeatures(tempo=120.0)).energy is None


def test_calibrated_version_names_what_changes_values_only() -> None:
    plain, other = a_calibration(), a_calibration(((0.2, 0.1), (0.6, 0.8)))

    assert plain.version.startswith(f"{FEATURE_VERSION}+calibration-")
    assert plain.version == a_calibration(evidence={"n_pairs": 7}).version
    assert plain.version != other.version
    assert (result_version(None), result_version(plain)) == (FEATURE_VERSION, plain.version)


def test_calibration_comes_back_from_its_file(tmp_path: Path) -> None:
    calibration, path = a_calibration(evidence={"n_pairs": 7}), tmp_path / "calibration.json"
    save_calibration(calibration, path)

    assert load_calibration(path, DIGEST) == calibration
    assert json.loads(path.read_text())["version"] == calibration.version
    assert load_calibration(None, DIGEST) is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"features_version": "0"}, "version 0 of the features"),
        ({"ensemble_digest": "e" * 64}, "for the ensemble some-1"),
    ],
)
def test_calibration_for_something_else_is_refused(changes: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    save_calibration(a_calibration(**changes), path)

    with pytest.raises(InvalidSettingError, match=complaint):
        load_calibration(path, DIGEST)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 2}', "\x00"])
def test_file_that_is_no_calibration_is_refused_with_its_name(content: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)

    with pytest.raises(InvalidSettingError, match=r"notes\.txt is no calibration"):
        load_calibration(path, DIGEST)


def test_missing_calibration_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match=r"cannot read .*nowhere\.json"):
        load_calibration(tmp_path / "nowhere.json", DIGEST)
    with pytest.raises(InvalidSettingError, match="cannot write"):
        save_calibration(a_calibration(), tmp_path / "no folder" / "calibration.json")
